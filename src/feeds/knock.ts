// Knocks at the nodes of a store that is away: while the follower waits, longer from failure to failure,
// it is told at once of a node that takes connections again. A connection that is refused costs next to
// nothing, while a try that gets through to a server in trouble is what the waiting spares it.
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds between two knocks at most, half of it at least: a fleet does not knock in step. */
const PAUSE = 400
/** Milliseconds that a node has to answer in. */
const PATIENCE = 500

/** `host:port`, with or without a scheme and a path. */
const ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/[\]]+):(\d+)(?:\/|$)/i

/**
 * The first node that takes connections after it has not; undefined when the signal was aborted. One
 * that takes them from the start has failed for another reason: it is not waited for here. Nor is what
 * is no `host:port`.
 */
export async function reopened(
  nodes: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const closed = new Set<string>()
  while (!signal.aborted) {
    const answers = nodes.map(async (node) => ({ node, open: await isOpen(node, signal) }))
    for (const { node, open } of await Promise.all(answers)) {
      if (open === false) closed.add(node)
      else if (open && closed.has(node)) return node
    }
    await sleep(PAUSE * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(
      () => undefined,
    )
  }
  return undefined
}

/** Undefined: it cannot be told. */
async function isOpen(node: string, signal: AbortSignal): Promise<boolean | undefined> {
  const [, host, port] = ADDRESS.exec(node) ?? []
  if (host === undefined || port === undefined) return undefined
  // Only those whose store is away have a need of it.
  const { connect } = await import('node:net')
  if (signal.aborted) return undefined
  return new Promise((resolve) => {
    const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) })
    const tell = (open: boolean | undefined) => (): void => {
      signal.removeEventListener('abort', ended)
      socket.destroy()
      resolve(open)
    }
    const ended = tell(undefined)
    signal.addEventListener('abort', ended, { once: true })
    socket.setTimeout(PATIENCE, tell(false))
    socket.once('connect', tell(true)).once('error', tell(false))
  })
}
