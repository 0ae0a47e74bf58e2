// Counts the handles that keep the process alive (sockets, timers, file watchers), by kind.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Kinds of handles that come and go with every promise and file read. */
const PASSING = new Set(['Immediate', 'TickObject', 'FSReqCallback', 'FSReqPromise'])

export function activeHandles(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  // In Bun, getActiveResourcesInfo() never reports anything, so the descriptors are read from /proc.
  const kinds = 'bun' in process.versions ? openFiles() : process.getActiveResourcesInfo()
  for (const kind of kinds) {
    if (!PASSING.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

const watchesOf = (fd: string): string[] =>
  readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify wd/gm) ?? []

/** Returns each kind with more handles than before, such as `TCPSocketWrap +1`. */
export function handlesBeyond(before: ReadonlyMap<string, number>): string[] {
  return [...activeHandles()]
    .map(([kind, count]) => [kind, count - (before.get(kind) ?? 0)] as const)
    .filter(([, more]) => more > 0)
    .map(([kind, more]) => `${kind} +${more}`)
}

/** Returns the kind of each open descriptor. TCP sockets and file watchers have Node's names; timers do not appear. */
function openFiles(): string[] {
  const tcp = ['tcp', 'tcp6'].flatMap((family) =>
    readFileSync(`/proc/self/net/${family}`, 'utf8')
      .split('\n')
      .slice(1, -1)
      .map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`),
  )
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      // Bun uses one descriptor for all watches and keeps it even when no watch is left.
      if (target === 'anon_inode:inotify') return watchesOf(fd).map(() => 'FSEventWrap')
      return [tcp.includes(target) ? 'TCPSocketWrap' : target.replace(/\[\d+\]$/, '')]
    } catch {
      return [] // The descriptor was closed after it had been listed.
    }
  })
}
