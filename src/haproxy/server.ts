// One server as a `server` line defines it: a literal address, and options by name, as far as the table of options
// knows them.
import { isIP } from 'node:net'
import { RELEASES, SERVER_OPTIONS, UNDELETABLE } from './options.ts'
import type { ServerLine } from './sections.ts'

export interface Server {
  /** Undefined for what HAProxy has to look up, such as a host name, or what is no address of the internet. */
  readonly place: Place | undefined
  readonly weight: number
  readonly isDisabled: boolean
  /** All but weight and state, as they are written: an option and its argument. */
  readonly options: ReadonlyMap<string, string>
  /** An option that the table does not know, or that lacks its argument. */
  readonly unknown?: string
}

export interface Place {
  /** An IP address as it is compared. */
  readonly address: string
  readonly port: number
}

/** Options that undo another one of the same server, such as one of `default-server`. */
const UNDOING: ReadonlyMap<string, string> = new Map([
  ...['agent-check', 'backup', 'check', 'check-reuse-pool', 'check-send-proxy', 'check-ssl'].map(
    no,
  ),
  ...['send-proxy', 'send-proxy-v2', 'send-proxy-v2-ssl', 'send-proxy-v2-ssl-cn', 'ssl', 'tfo'].map(
    no,
  ),
  ['enabled', 'disabled'],
  ['stick', 'non-stick'],
  ['ssl-reuse', 'no-ssl-reuse'],
  ['tls-tickets', 'no-tls-tickets'],
])
function no(name: string): readonly [string, string] {
  return [`no-${name}`, name]
}

const known = new WeakMap<ServerLine, Server>()

export function serverOf(line: ServerLine): Server {
  const before = known.get(line)
  if (before !== undefined) return before
  const server = readServer(line)
  known.set(line, server)
  return server
}

function readServer({ address, options: words }: ServerLine): Server {
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
      // What follows may be its arguments: the words as a whole tell it from another.
      options.set(name, words.slice(at + 1).join(' '))
      break
    }
    const value = args === 0 ? '' : (words[++at] as string)
    if (args > 0 && value === '') unknown ??= name
    options.set(name, value)
  }
  const weight = Number(options.get('weight') ?? 1)
  if (Number.isNaN(weight)) unknown ??= 'weight'
  const isDisabled = options.has('disabled')
  options.delete('weight')
  options.delete('disabled')
  const place = placeOf(address)
  return { place, weight, isDisabled, options, ...(unknown === undefined ? {} : { unknown }) }
}

const tableOf = (name: string): readonly [args: number, releases: string] | undefined =>
  Object.hasOwn(SERVER_OPTIONS, name) ? SERVER_OPTIONS[name] : undefined

/** `127.0.0.1:80`, `[::1]:80` or `::1:80`: what both sides read in the same way. */
function placeOf(text: string): Place | undefined {
  const [, host = '', digits] = /^(.*):([1-9]\d{0,4})$/.exec(text) ?? []
  const address = canonical(host.replace(/^\[(.*)\]$/, '$1'))
  const port = Number(digits)
  return address === undefined || !(port <= 65535) ? undefined : { address, port }
}

/** An IP address in the one spelling that is compared; undefined for anything else. */
export function canonical(address: string): string | undefined {
  const family = isIP(address)
  if (family === 4) return address
  if (family !== 6 || address.includes('%')) return undefined
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

/**
 * The options that this release does not take at run time.
 * @param version such as `2.8.3`
 */
export function refusedOn(version: Version, options: ReadonlyMap<string, string>): string[] {
  const tried = triedFor(version)
  return [...options.keys()].filter((name) => {
    const able = tableOf(name)?.[1].split(' ') ?? []
    return !tried.every((release) => able.includes(release))
  })
}

export const undeletable = (options: ReadonlyMap<string, string>): string | undefined =>
  UNDELETABLE.find((name) => options.has(name))

/** Major and minor. */
export type Version = readonly [number, number]

/** Undefined when the text is none. */
export function versionOf(text: string): Version | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? []
  return major === undefined ? undefined : [Number(major), Number(minor)]
}

const order = ([major, minor]: Version): number => major * 1000 + minor

/** Whether servers can be added at run time at all. */
export const isAble = (version: Version): boolean =>
  order(version) >= order(versionOf(RELEASES[0] ?? '') as Version)

/** The releases whose trials speak for a version: itself, or the next ones below and above. */
function triedFor(version: Version): readonly string[] {
  const releases = RELEASES.map((text) => ({ text, number: order(versionOf(text) as Version) }))
  const below = releases.findLast(({ number }) => number <= order(version))
  const above = releases.find(({ number }) => number >= order(version))
  return [below, above].flatMap((release) => (release === undefined ? [] : [release.text]))
}
