// Detects immediately that another client has removed one of our services from Consul's agent, or that the agent has
// stopped.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsulWriter } from './consul-writer.ts'

/** Wait time of a blocking query, in seconds. */
const WAIT = 55
/** Milliseconds until the retry after an unusable response, for example of a cluster without a leader. */
const PAUSE = 1_000

/**
 * Watches the services on the agent's node until the connection ends. If the token may not read the node, watches one
 * of our services instead, to detect at least that the agent has stopped.
 * @param name returns the name of one of our services; undefined if there is none
 * @throws FaultError when the connection breaks, or the reason of `signal` when it is aborted
 */
export async function watchAgent(
  consul: ConsulWriter,
  name: () => string | undefined,
  changed: () => void,
  signal: AbortSignal,
): Promise<never> {
  const node = await nodeOf(consul)
  let index = 0
  for (let path: string | undefined; ;) {
    const service = name()
    path ??=
      node === undefined
        ? service === undefined
          ? undefined
          : `/v1/health/service/${encodeURIComponent(service)}`
        : `/v1/catalog/node/${encodeURIComponent(node)}`
    if (path === undefined) {
      await sleep(PAUSE, undefined, { signal })
      continue
    }
    const query = index === 0 ? '' : `?index=${index}&wait=${WAIT}s`
    // Consul adds a jitter of up to 1/16 of the wait.
    const answer = await consul.poll(path + query, (WAIT * 17_000) / 16 + 10_000)
    if (answer.status !== 200) {
      index = 0
      await sleep(PAUSE, undefined, { signal })
      continue
    }
    if (index !== 0 && answer.index !== index) changed()
    // If the index has gone backwards, the next query starts over.
    index = answer.index < index ? 0 : answer.index
  }
}

/** The name of the agent's node; undefined if the token may not read it. */
async function nodeOf(consul: ConsulWriter): Promise<string | undefined> {
  const { status, body } = await consul.poll('/v1/agent/self', 10_000)
  if (status !== 200) return undefined
  try {
    const self = JSON.parse(body) as { readonly Config?: { readonly NodeName?: unknown } }
    return typeof self.Config?.NodeName === 'string' ? self.Config.NodeName : undefined
  } catch {
    return undefined
  }
}
