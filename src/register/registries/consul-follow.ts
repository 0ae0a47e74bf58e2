// Notices at once when somebody removes a service of ours from Consul's agent, and when the agent ends.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsulWriter } from './consul-writer.ts'

/** Seconds that a blocking query waits. */
const WAIT = 55
/** Milliseconds to the next try after an unusable answer, such as that of a cluster without a leader. */
const PAUSE = 1_000

/**
 * Watches the services of the agent's node for as long as the connection lasts. With a token that may not read
 * the node, one of our services stands for all: the end of the agent shows all the same.
 * @param name of one of our services; undefined while there is none
 * @throws a FaultError when the connection breaks, and what `signal` was aborted with
 */
export async function follow(
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
    // Consul adds up to a sixteenth of the wait.
    const answer = await consul.poll(path + query, (WAIT * 17_000) / 16 + 10_000)
    if (answer.status !== 200) {
      index = 0
      await sleep(PAUSE, undefined, { signal })
      continue
    }
    if (index !== 0 && answer.index !== index) changed()
    // An index that goes down: begin again.
    index = answer.index < index ? 0 : answer.index
  }
}

/** The name of the agent's node; undefined when the token may not read it. */
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
