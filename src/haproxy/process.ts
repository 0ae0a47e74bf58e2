// Parses the state of a running HAProxy: `show info` and `show servers state`.
import { canonical, versionOf, type ServerAddress, type ReleaseVersion } from './server.ts'

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

/** The actual state of a server. */
export interface RunningServer {
  readonly backend: string
  readonly name: string
  /** The address is not an IP address if the server has none, or has a Unix socket, for example. */
  readonly place: ServerAddress
  readonly weight: number
  readonly isMaintained: boolean
  readonly isDrained: boolean
}

// Bits of srv_admin_state. Ignores 0x04: the file disabled the server, whatever its present state.
const MAINTENANCE = 0x01 | 0x02 | 0x20 | 0x40
const DRAIN = 0x08 | 0x10

const COLUMNS = ['be_name', 'srv_name', 'srv_addr', 'srv_admin_state', 'srv_uweight', 'srv_port']

/** Parses `show servers state` into servers by backend and name, in order; undefined for any other answer. */
export function serversOf(
  answer: string,
): ReadonlyMap<string, ReadonlyMap<string, RunningServer>> | undefined {
  const [format, head] = answer.split('\n', 2)
  if (format !== '1' || head?.startsWith('# ') !== true) return undefined
  const columns = head.slice(2).split(' ')
  const wanted = COLUMNS.map((name) => columns.indexOf(name))
  // fieldsOf() requires the columns in this order.
  if (wanted.some((at, n) => at < 0 || at <= (wanted[n - 1] ?? -1))) return undefined
  const backends = new Map<string, Map<string, RunningServer>>()
  let servers = new Map<string, RunningServer>()
  let current = ''
  for (let at = format.length + head.length + 2; at < answer.length;) {
    const { fields, end } = fieldsOf(answer, at, wanted)
    const [backend = '', name = '', address = '', admin, weight, port] = fields
    at = end + 1
    const bits = Number(admin)
    if (name === '' || Number.isNaN(bits)) return undefined
    if (backend !== current) {
      current = backend
      servers = backends.get(backend) ?? new Map<string, RunningServer>()
      backends.set(backend, servers)
    }
    servers.set(name, {
      backend: current,
      name,
      // Only IPv6 has several spellings. A dash means no address.
      place: {
        address: address.includes(':') ? (canonical(address) ?? address) : address,
        port: Number(port),
      },
      weight: Number(weight),
      isMaintained: (bits & MAINTENANCE) !== 0,
      isDrained: (bits & DRAIN) !== 0,
    })
  }
  return backends
}

const [BLANK, NEWLINE] = [32, 10]

/** The wanted fields of one row, and its end. Extracts no other field, because there may be thousands of rows. */
function fieldsOf(
  text: string,
  from: number,
  wanted: readonly number[],
): { readonly fields: readonly string[]; readonly end: number } {
  const fields: string[] = []
  let begin = from
  for (let at = from, column = 0; ; at++) {
    const code = at < text.length ? text.charCodeAt(at) : NEWLINE
    if (code !== BLANK && code !== NEWLINE) continue
    if (column === wanted[fields.length]) fields.push(text.slice(begin, at))
    if (code === NEWLINE) return { fields, end: at }
    begin = at + 1
    column++
  }
}
