// What a running HAProxy says of itself and of its servers: `show info` and `show servers state`.
import { canonical, versionOf, type Place, type Version } from './server.ts'

export interface ProcessInfo {
  /** Tells this process from any other that has answered here: its number, and when it was started. */
  readonly id: string
  readonly version: Version
  readonly release: string
}

/** Undefined when the answer is not one of `show info`. */
export function infoOf(answer: string): ProcessInfo | undefined {
  const field = (name: string): string =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(answer)?.[1]?.trim() ?? ''
  const [release, pid] = [field('Version'), field('Pid')]
  const version = versionOf(release)
  if (version === undefined || pid === '') return undefined
  // Releases that can do nothing at run time do not say when they were started.
  return { id: `${pid} ${field('Start_time_sec')}`, version, release }
}

/** A server as it is. */
export interface RunningServer {
  readonly backend: string
  readonly name: string
  /** Its address is no IP address when it has none, or one of another kind. */
  readonly place: Place
  readonly weight: number
  readonly isMaintained: boolean
  readonly isDrained: boolean
}

// Bits of srv_admin_state. 4 says that the file had it disabled, whatever it is now.
const MAINTENANCE = 0x01 | 0x02 | 0x20 | 0x40
const DRAIN = 0x08 | 0x10

/** By backend, by name, in the order of HAProxy. Undefined when the answer is not one of `show servers state`. */
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
      // IPv4 has one spelling here; what is no address (a dash) is equal to none.
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

/** The words of a row up to the last one that is wanted, into an array that is used again: rows come in thousands. */
function fieldsOf(row: string, last: number, fields: string[]): void {
  fields.length = 0
  for (let from = 0; fields.length <= last;) {
    const to = row.indexOf(' ', from)
    fields.push(to < 0 ? row.slice(from) : row.slice(from, to))
    if (to < 0) return
    from = to + 1
  }
}
