// Follows a store for as long as it is wanted: re-opens it over all its nodes when it breaks.
// The only place that retries a store.
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultError, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Demand, Store, StoreEvent } from '../core/store.ts'
import { backoffDelay, type Backoff } from '../core/backoff.ts'
import { reopened } from './knock.ts'

export type FollowEvent =
  | { readonly kind: 'store'; readonly node: string; readonly event: StoreEvent }
  /** The node failed; `retryIn` milliseconds later the next one is tried. */
  | {
      readonly kind: 'broken'
      readonly node: string
      readonly fault: Fault
      readonly retryIn: number
    }

export interface FollowOptions {
  readonly signal: AbortSignal
  readonly backoff?: Backoff
  /** Of a store that is read on demand. */
  readonly demand?: Demand | undefined
}

const DEFAULT_BACKOFF: Backoff = { first: 200, most: 5000 }

/**
 * Yields the store's events, each connection's first one a full snapshot, and a `broken` event in
 * between. Ends when the signal is aborted. Each node is tried once without waiting; after a whole
 * round of failures it backs off, unless a node that took no connections takes them again. A connection counts as good once it outlived the current delay,
 * so that a server that answers and hangs up is not hammered.
 */
export async function* follow(
  store: Store,
  prefixes: readonly Key[],
  { signal, backoff = DEFAULT_BACKOFF, demand }: FollowOptions,
): AsyncGenerator<FollowEvent> {
  let failures = 0
  let delay = 0
  let round: readonly string[] = []
  while (!signal.aborted) {
    let node = store.nodes[0] as string
    const opened = performance.now()
    let live = false
    let fault: Fault
    try {
      if (round.length === 0) {
        await store.findNodes?.(signal)
        round = store.nodes
      }
      node = round[0] as string
      round = round.slice(1)
      for await (const event of store.watch(node, prefixes, signal, demand)) {
        live = true
        yield { kind: 'store', node, event }
        if (signal.aborted) return
      }
      fault = { kind: 'store', message: `${store.name} at ${node} ended the watch` }
    } catch (error) {
      if (signal.aborted) return
      // Anything but a fault is a bug of ours, and is not to be retried in silence.
      if (!(error instanceof FaultError)) throw error
      fault = error.fault
    }
    if (signal.aborted) return
    if (live && performance.now() - opened > delay) failures = 0
    failures++
    const rounds = Math.floor(failures / store.nodes.length)
    delay = rounds === 0 ? 0 : backoffDelay(rounds, backoff)
    yield { kind: 'broken', node, fault, retryIn: delay }
    const back = await pause(delay, store.nodes, signal)
    if (back === undefined) continue
    round = [back]
    failures = 0
  }
}

/** Waits; a node that takes connections again ends that, and is given. */
async function pause(
  delay: number,
  nodes: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (delay === 0) return undefined
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const slept = sleep(delay, undefined, { signal: either }).catch(() => undefined)
  const back = await Promise.race([slept, reopened(nodes, either)])
  over.abort()
  return back
}
