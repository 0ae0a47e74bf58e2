// Counts the TCP connections of a process, as the kernel lists them.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const [ESTABLISHED, SYN_SENT] = ['01', '02']

/**
 * Returns how many connections a process has to a loopback port, including those that are still being established.
 * @param pid default: this process
 */
export function connectionsTo(port: number, pid: number | 'self' = 'self'): number {
  return statesTo(port, pid).filter((state) => state === ESTABLISHED || state === SYN_SENT).length
}

/** Returns how many connections of this process to a loopback port are still being established. */
export function unansweredTo(port: number): number {
  return statesTo(port, 'self').filter((state) => state === SYN_SENT).length
}

/** Returns the state of each connection, as the kernel encodes it. */
function statesTo(port: number, pid: number | 'self'): string[] {
  const sockets = new Set<string>()
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      if (inode !== undefined) sockets.add(inode)
    } catch {
      // The descriptor was closed after it was listed.
    }
  }
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const states: string[] = []
  for (const family of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/${pid}/net/${family}`, 'utf8').split('\n').slice(1)) {
      const [, , to = '', state = '', , , , , , inode = ''] = line.trim().split(/\s+/)
      if (to.endsWith(remote) && sockets.has(inode)) states.push(state)
    }
  }
  return states
}
