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

/** Parses `show servers state` into servers by backend and name, in order; undefined for any other answer. */
export function serversOf(
  answer: string,
): ReadonlyMap<string, ReadonlyMap<string, RunningServer>> | undefined {
  const [format, head, ...rows] = answer.split('\n')
  if (format !== '1' || head?.startsWith('# ') !== true) return undefined
  const columns = head.slice(2).split(' ')
  const at = (name: string): number => columns.indexOf(name)
  const [backendAt, nameAt, addressAt] = [at('be_name'), at('srv_name'), at('srv_addr')]
  const [adminAt, weightAt, portAt] = [at('srv_admin_state'), at('srv_uweight'), at('srv_port')]
  if (Math.min(backendAt, nameAt, addressAt, adminAt, weightAt, portAt) < 0) return undefined
  const backends = new Map<string, Map<string, RunningServer>>()
  const last = Math.max(backendAt, nameAt, addressAt, adminAt, weightAt, portAt)
  const fields: string[] = []
  for (const row of rows) {
    fieldsOf(row, last, fields)
    const text = (index: number): string => fields[index] ?? ''
    const [backend, name, admin] = [text(backendAt), text(nameAt), Number(text(adminAt))]
    if (name === '' || Number.isNaN(admin)) return undefined
    const address = text(addressAt)
    const server = {
      backend,
      name,
      // Only IPv6 has several spellings. A dash means no address.
      place: {
        address: address.includes(':') ? (canonical(address) ?? address) : address,
        port: Number(text(portAt)),
      },
      weight: Number(text(weightAt)),
      isMaintained: (admin & MAINTENANCE) !== 0,
      isDrained: (admin & DRAIN) !== 0,
    }
    const servers = backends.get(backend)
    if (servers === undefined) backends.set(backend, new Map([[name, server]]))
    else servers.set(name, server)
  }
  return backends
}

/** Splits a row up to field `last`, into a reused array: there are thousands of rows. */
function fieldsOf(row: string, last: number, fields: string[]): void {
  fields.length = 0
  for (let from = 0; fields.length <= last;) {
    const to = row.indexOf(' ', from)
    fields.push(to < 0 ? row.slice(from) : row.slice(from, to))
    if (to < 0) return
    from = to + 1
  }
}
