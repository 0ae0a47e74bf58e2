// Detects when a node of an unreachable store accepts connections again. The pause in follow.ts then ends early. The
// growing pauses protect an overloaded server, but a server that refuses connections does not need them.
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Longest pause between two probes, in milliseconds. Each pause is chosen at random between half of this time and the
 * whole of it, to spread the probes.
 */
const PAUSE = 400
/** Timeout of a probe, in milliseconds. */
const PATIENCE = 500

/** Matches `host:port`, with or without a scheme and a path. */
const ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/[\]]+):(\d+)(?:\/|$)/i

/**
 * Resolves with the first node that accepts a connection after an earlier probe of that node has failed; with
 * undefined if the signal is aborted. Ignores nodes that accept connections from the start, since these nodes have
 * failed for another reason. Also ignores addresses that contain no port.
 */
export async function reopenedNode(
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

/** Whether a node accepts connections; undefined if this is unknown. */
async function isOpen(node: string, signal: AbortSignal): Promise<boolean | undefined> {
  const [, host, port] = ADDRESS.exec(node) ?? []
  if (host === undefined || port === undefined) return undefined
  // Loaded on demand, because the module is needed only if a store is unreachable.
  const { connect } = await import('node:net')
  if (signal.aborted) return undefined
  return new Promise((resolve) => {
    const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) })
    const finish = (open: boolean | undefined) => (): void => {
      signal.removeEventListener('abort', aborted)
      socket.destroy()
      resolve(open)
    }
    const aborted = finish(undefined)
    signal.addEventListener('abort', aborted, { once: true })
    socket.setTimeout(PATIENCE, finish(false))
    socket.once('connect', finish(true)).once('error', finish(false))
  })
}
