// Interprets one `server` line: its literal address and its options by name, using the table of known options.
import { isIP } from 'node:net'
import { RELEASES, SERVER_OPTIONS, UNDELETABLE } from './options.ts'

/** One `server` line. */
export interface ServerLine {
  readonly name: string
  readonly address: string
  /** Options of `default-server`, then those of the line itself; the last occurrence of an option counts. */
  readonly options: readonly string[]
  /**
   * Why the options cannot be determined; continues a sentence about the server. Such a server can stay, but cannot be
   * added or changed.
   */
  readonly doubt?: string | undefined
  readonly server: Server
  /** The state of a running server that matches this line; undefined if the line has no literal address. */
  readonly asWritten: RunningServer | undefined
}

/** The state of a server in a running HAProxy. */
export interface RunningServer {
  readonly name: string
  /** Not always an IP address: the server may have no address, or a Unix socket, for example. */
  readonly address: string
  readonly port: number
  readonly weight: number
  readonly isMaintained: boolean
  readonly isDrained: boolean
}

/** The meaning of the words of a `server` line. */
export interface Server {
  /** Undefined unless the address is a literal IP address with a port. */
  readonly place: ServerAddress | undefined
  readonly weight: number
  readonly isDisabled: boolean
  /** Options with their arguments as written, except weight and state. */
  readonly options: ReadonlyMap<string, string>
  /** An option that cannot be interpreted, for example because it is not in the table or lacks its argument. */
  readonly unknown?: string
}

export interface ServerAddress {
  /** IP address in canonical form. */
  readonly address: string
  readonly port: number
}

/**
 * Options that cancel another option, such as an option from `default-server`. `no-send-proxy-v2` and its longer forms
 * are missing, because each of them also cancels parts of the others.
 */
const UNDOING: ReadonlyMap<string, string> = new Map([
  ...['agent-check', 'backup', 'check', 'check-reuse-pool', 'check-send-proxy'].map(no),
  ...['send-proxy', 'ssl', 'tfo'].map(no),
  ['enabled', 'disabled'],
  ['stick', 'non-stick'],
  ['ssl-reuse', 'no-ssl-reuse'],
  ['tls-tickets', 'no-tls-tickets'],
])
function no(name: string): readonly [string, string] {
  return [`no-${name}`, name]
}

export function serverLine(
  name: string,
  address: string,
  options: readonly string[],
  doubt?: string,
): ServerLine {
  const server = readServer(address, options)
  const { place, weight, isDisabled } = server
  const asWritten: RunningServer | undefined = place && {
    name,
    address: place.address,
    port: place.port,
    weight,
    isMaintained: isDisabled,
    isDrained: false,
  }
  return { name, address, options, doubt, server, asWritten }
}

function readServer(address: string, words: readonly string[]): Server {
  const options = new Map<string, string>()
  let unknown: string | undefined
  for (let at = 0; at < words.length; at++) {
    const name = words[at] as string
    const undone = UNDOING.get(name)
    if (undone !== undefined) {
      options.delete(undone)
      continue
    }
    const [args] = tableOf(name) ?? []
    if (args === undefined || args < 0 || args > 1 || at + args >= words.length) {
      unknown ??= name
      // The arguments of an unknown option cannot be distinguished from further options, so all following words are
      // kept as its value and compared.
      options.set(name, words.slice(at + 1).join(' '))
      break
    }
    // Unlike other `no-` options, `no-check-ssl` is kept: a check with neither `check-ssl` nor `no-check-ssl` inherits
    // TLS from `ssl`.
    if (name === 'check-ssl') options.delete('no-check-ssl')
    if (name === 'no-check-ssl') options.delete('check-ssl')
    const value = args === 0 ? '' : (words[++at] as string)
    if (args > 0 && value === '') unknown ??= name
    options.set(name, value)
  }
  const digits = options.get('weight') ?? '1'
  const weight = Number(digits)
  // HAProxy also accepts text such as 0x10, but uses only its leading digits.
  if (!/^\d+$/.test(digits)) unknown ??= 'weight'
  const isDisabled = options.has('disabled')
  options.delete('weight')
  options.delete('disabled')
  const place = parseAddress(address)
  return { place, weight, isDisabled, options, ...(unknown === undefined ? {} : { unknown }) }
}

const tableOf = (name: string): readonly [args: number, releases: string] | undefined =>
  Object.hasOwn(SERVER_OPTIONS, name) ? SERVER_OPTIONS[name] : undefined

/** Parses `127.0.0.1:80`, `[::1]:80` or `::1:80`, as HAProxy does. */
function parseAddress(text: string): ServerAddress | undefined {
  const [, host = '', digits] = /^(.*):([1-9]\d{0,4})$/.exec(text) ?? []
  const address = canonical(host.replace(/^\[(.*)\]$/, '$1'))
  const port = Number(digits)
  return address === undefined || !(port <= 65535) ? undefined : { address, port }
}

/** Canonical form of an IP address; undefined for anything else. */
export function canonical(address: string): string | undefined {
  const family = isIP(address)
  if (family === 4) return address
  if (family !== 6 || address.includes('%')) return undefined
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

/** Returns the options that a release does not support at run time. */
export function refusedOn(version: ReleaseVersion, options: ReadonlyMap<string, string>): string[] {
  const tried = triedFor(version)
  return [...options.keys()].filter((name) => {
    const able = tableOf(name)?.[1].split(' ') ?? []
    return !tried.every((release) => able.includes(release))
  })
}

const PROXY_PROTOCOL = /^send-proxy(-|$)/

/**
 * Returns the options with which `add server` creates the same server that HAProxy would load from the file. For a
 * server in the file, health checks without their own address or port use TLS and the PROXY protocol if the traffic
 * does. For an added server, options must enable them explicitly.
 */
export function optionsToAdd(options: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (!options.has('check') || options.has('port') || options.has('addr')) return options
  const all = new Map(options)
  if (options.has('ssl')) all.set('check-ssl', '')
  if ([...options.keys()].some((name) => PROXY_PROTOCOL.test(name))) all.set('check-send-proxy', '')
  return all
}

export const undeletable = (options: ReadonlyMap<string, string>): string | undefined =>
  UNDELETABLE.find((name) => options.has(name))

/** The major and the minor version. */
export type ReleaseVersion = readonly [number, number]

/** @param text such as `2.8.3` @returns undefined if it is not a version */
export function versionOf(text: string): ReleaseVersion | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? []
  return major === undefined ? undefined : [Number(major), Number(minor)]
}

const order = ([major, minor]: ReleaseVersion): number => major * 1000 + minor

/** Whether this release can add servers at run time. */
export const isAble = (version: ReleaseVersion): boolean =>
  order(version) >= order(versionOf(RELEASES[0] ?? '') as ReleaseVersion)

/** Returns the tested releases that apply to a version: the version itself, or the nearest releases below and above. */
function triedFor(version: ReleaseVersion): readonly string[] {
  const releases = RELEASES.map((text) => ({
    text,
    number: order(versionOf(text) as ReleaseVersion),
  }))
  const below = releases.findLast(({ number }) => number <= order(version))
  const above = releases.find(({ number }) => number >= order(version))
  return [below, above].flatMap((release) => (release === undefined ? [] : [release.text]))
}
