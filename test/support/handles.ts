// What keeps a Node process alive: sockets, timers, file watchers, counted by kind.

/** Kinds that come and go with every promise and file read. */
const PASSING = new Set(['Immediate', 'TickObject', 'FSReqCallback', 'FSReqPromise'])

export function activeHandles(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    if (!PASSING.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

/** The kinds of which there are more than before, such as `TCPSocketWrap +1`. */
export function handlesBeyond(before: ReadonlyMap<string, number>): string[] {
  return [...activeHandles()]
    .map(([kind, count]) => [kind, count - (before.get(kind) ?? 0)] as const)
    .filter(([, more]) => more > 0)
    .map(([kind, more]) => `${kind} +${more}`)
}
