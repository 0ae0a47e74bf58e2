// Parses the state of a running HAProxy: `show info` and `show servers state`.
import type { HaproxyConfig } from './sections.ts'
import {
  canonical,
  versionOf,
  type ReleaseVersion,
  type RunningServer,
  type ServerLine,
} from './server.ts'

export interface ProcessInfo {
  /** Identifies the process: its pid and start time. */
  readonly id: string
  readonly version: ReleaseVersion
  readonly release: string
}

/** Parses `show info`; undefined for any other answer. */
export function infoOf(answer: string): ProcessInfo | undefined {
  const field = (name: string): string =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(answer)?.[1]?.trim() ?? ''
  const [release, pid] = [field('Version'), field('Pid')]
  const version = versionOf(release)
  if (version === undefined || pid === '') return undefined
  // Releases that cannot change servers at run time do not report a start time.
  return { id: `${pid} ${field('Start_time_sec')}`, version, release }
}

// Bits of srv_admin_state: states set by the file or a command. The other bits are ignored: maintenance and drain that a
// server inherits from the server that it tracks, maintenance because a host name has no address, and a bit that shows
// only that the file disabled the server.
const MAINTENANCE = 0x01
const DRAIN = 0x08

const COLUMNS = ['be_name', 'srv_name', 'srv_addr', 'srv_admin_state', 'srv_uweight', 'srv_port']

/**
 * Parses `show servers state` into servers by backend and name, in order; undefined for any other answer. There may be
 * thousands of rows, so only the wanted fields are extracted, in one pass.
 * @param file the expected configuration; for a server that matches its line in this file, the result contains the
 *   `asWritten` object of the line
 */
export function serversOf(
  answer: string,
  file?: HaproxyConfig,
): ReadonlyMap<string, ReadonlyMap<string, RunningServer>> | undefined {
  const [format, head] = answer.split('\n', 2)
  if (format !== '1' || head?.startsWith('# ') !== true) return undefined
  const columns = head.slice(2).split(' ')
  if (COLUMNS.some((name) => !columns.includes(name))) return undefined
  /** For each column of a row, its index in `COLUMNS`, or -1. */
  const wanted = columns.map((name) => COLUMNS.indexOf(name))
  const backends = new Map<string, Map<string, RunningServer>>()
  let servers = new Map<string, RunningServer>()
  let current = ''
  let lines: ReadonlyMap<string, ServerLine> | undefined
  const row = new Row(answer, wanted)
  for (let at = format.length + head.length + 2; at < answer.length;) {
    at = row.read(at)
    const { backend, name, admin } = row
    if (name === '' || Number.isNaN(admin)) return undefined
    if (backend !== current) {
      current = backend
      servers = backends.get(backend) ?? new Map<string, RunningServer>()
      backends.set(backend, servers)
      lines = file?.sections.get(backend)?.servers
    }
    const known = lines?.get(name)?.asWritten
    const server = known !== undefined && row.is(known) ? known : row.server()
    servers.set(server.name, server)
  }
  return backends
}

const BLANK = 32

/** The wanted fields of the row that was read last. */
class Row {
  backend = ''
  name = ''
  address = ''
  admin = NaN
  weight = NaN
  port = NaN

  /** @param wanted for each column of a row, its index in `COLUMNS`, or -1 */
  constructor(
    private readonly text: string,
    private readonly wanted: readonly number[],
  ) {}

  is(server: RunningServer): boolean {
    return (
      this.address === server.address &&
      this.port === server.port &&
      this.weight === server.weight &&
      this.#isMaintained === server.isMaintained &&
      this.#isDrained === server.isDrained
    )
  }

  server(): RunningServer {
    const { name, address, port, weight } = this
    return {
      name,
      // Only IPv6 addresses have several spellings. HAProxy writes a dash for a server without an address.
      address: address.includes(':') ? (canonical(address) ?? address) : address,
      port,
      weight,
      isMaintained: this.#isMaintained,
      isDrained: this.#isDrained,
    }
  }

  get #isMaintained(): boolean {
    return (this.admin & MAINTENANCE) !== 0
  }

  get #isDrained(): boolean {
    return (this.admin & DRAIN) !== 0
  }

  /** @returns the position after the row */
  read(from: number): number {
    const { text, wanted } = this
    this.name = this.address = ''
    this.admin = this.weight = this.port = NaN
    let begin = from
    for (let column = 0; ; column++) {
      let end = begin
      // Fields contain neither control characters nor blanks.
      while (end < text.length && text.charCodeAt(end) > BLANK) end++
      // The cases follow the order of COLUMNS.
      switch (wanted[column]) {
        case 0:
          // The backend is the same for many rows, so its string is reused.
          if (end - begin !== this.backend.length || !text.startsWith(this.backend, begin))
            this.backend = text.slice(begin, end)
          break
        case 1:
          this.name = text.slice(begin, end)
          break
        case 2:
          this.address = text.slice(begin, end)
          break
        case 3:
          this.admin = this.#number(begin, end)
          break
        case 4:
          this.weight = this.#number(begin, end)
          break
        case 5:
          this.port = this.#number(begin, end)
      }
      begin = end + 1
      if (end === text.length || text.charCodeAt(end) !== BLANK) return begin
    }
  }

  /** Parses a whole number; NaN for anything else. */
  #number(begin: number, end: number): number {
    let number = begin < end ? 0 : NaN
    for (let at = begin; at < end; at++) {
      const digit = this.text.charCodeAt(at) - 48
      number = digit >= 0 && digit <= 9 ? number * 10 + digit : NaN
    }
    return number
  }
}
