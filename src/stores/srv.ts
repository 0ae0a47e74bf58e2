// Finds nodes in DNS: looks up SRV records (RFC 2782) before each round in which the nodes are tried, so that moved
// servers are found without a restart.
import type { SrvRecord } from 'node:dns'
import { FaultError } from '../core/fault.ts'
import type { Store } from '../core/store.ts'
import { codeOf, TimeoutError } from './http-faults.ts'

/** Timeout of the first look-up, in milliseconds. */
const TIMEOUT = 3000
/**
 * Timeout of later look-ups, in milliseconds. Shorter, because the known nodes stay in use if a later look-up fails.
 */
const SHORT_TIMEOUT = 500

/**
 * Returns the store with the nodes from the first record that exists. While DNS does not answer, the store keeps the
 * nodes that were found before.
 * @param records DNS names, such as `_etcd._tcp.example.com`
 */
export function withNodesFrom(records: readonly string[], store: Store): Store {
  let nodes: readonly string[] = records.map((record) => `SRV record ${record}`)
  let found = false
  return {
    ...store,
    get nodes() {
      return nodes
    },
    async findNodes(signal) {
      try {
        nodes = await lookUp(records, found ? SHORT_TIMEOUT : TIMEOUT, signal)
        found = true
      } catch (error) {
        if (!found || signal.aborted) throw error
      }
    },
  }
}

async function lookUp(
  [record = '', ...others]: readonly string[],
  timeout: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { promises: dns } = await import('node:dns')
  let servers: readonly SrvRecord[]
  try {
    servers = await inTime(() => dns.resolveSrv(record), timeout, signal)
  } catch (error) {
    signal.throwIfAborted()
    const code = codeOf(error)
    const missing = code === 'ENOTFOUND' || code === 'ENODATA'
    if (missing && others.length > 0) return lookUp(others, timeout, signal)
    throw fault(
      missing
        ? `there is no SRV record ${record} in DNS`
        : `cannot look up the SRV record ${record}: ${code}`,
    )
  }
  // The target `.` means that the service is not available.
  const real = servers.filter(({ name }) => name.replace(/\.$/, '') !== '')
  if (real.length === 0) throw fault(`the SRV record ${record} lists no server`)
  return inOrder(real).map(({ name, port }) => `${name.replace(/\.$/, '')}:${port}`)
}

/** Sorts by priority. Servers of the same priority come in a random order that favours higher weights. */
function inOrder(servers: readonly SrvRecord[]): readonly SrvRecord[] {
  return servers
    .map((server) => ({ server, lot: -Math.log(Math.random()) / (server.weight || 0.01) }))
    .sort((a, b) => a.server.priority - b.server.priority || a.lot - b.lot)
    .map(({ server }) => server)
}

const fault = (message: string): FaultError =>
  new FaultError({ kind: 'store', message, hint: 'check -srv-record or -srv-domain, and DNS' })

/** Limits the time of a look-up. Node may take half a minute for a look-up and cannot cancel it. */
async function inTime<T>(
  question: () => Promise<T>,
  timeout: number,
  signal: AbortSignal,
): Promise<T> {
  // Throws before the look-up starts, because a rejection of the look-up could otherwise be unhandled.
  signal.throwIfAborted()
  let stop = (): void => undefined
  let timer: NodeJS.Timeout | undefined
  const ended = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    timer = setTimeout(() => reject(new TimeoutError(timeout)), timeout)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([question(), ended])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}
