// Follows the catalog for as long as Consul takes so many questions; when it takes fewer, with fewer.
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Notice, StoreEvent } from '../../core/store.ts'
import { OverloadError } from '../consul-http.ts'
import type { Catalog } from './catalog.ts'

/** Queries that may block at the same time. An agent allows 200 connections for all on its machine. */
const SLOTS = 64
/** With fewer than these, three that wait and one that reads, there is nothing to be had. */
const LEAST_SLOTS = 4

/** Refusals in a row that are waited out. */
const PATIENCE = 6
/** Milliseconds, doubled each time, when Consul does not say how long; and at most, when it does. */
const PAUSE = 200
const LONGEST_PAUSE = 60_000

/** Yields one snapshot, then deltas. Ends by throwing only. */
export async function* followCatalog(
  catalog: Catalog,
  notices: readonly Notice[],
  signal: AbortSignal,
): AsyncGenerator<StoreEvent, never> {
  let slots = SLOTS
  let refusals = 0
  let first = true
  for (;;) {
    signal.throwIfAborted()
    const phase = new AbortController()
    // One for each query that is under way.
    setMaxListeners(0, phase.signal)
    const abort = (): void => phase.abort(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    let pause = 0
    try {
      for await (const news of catalog.changes(slots, phase.signal)) {
        const { put, known } = news
        refusals = 0
        if (!first) yield { kind: 'delta', ...news }
        else yield { kind: 'snapshot', entries: put, known, notices: [...notices, ...news.notices] }
        first = false
      }
    } catch (error) {
      // Who closes all connections is not crowded, but away.
      const isCrowded = error instanceof OverloadError && (error.isExplicit || catalog.answered)
      if (!isCrowded || ++refusals > PATIENCE) throw error
      slots = Math.max(LEAST_SLOTS, Math.floor(Math.min(slots, catalog.busiest) / 2))
      pause = Math.min(error.retryAfter ?? PAUSE * 2 ** refusals, LONGEST_PAUSE)
    } finally {
      signal.removeEventListener('abort', abort)
      phase.abort()
    }
    await delay(pause, undefined, { signal })
  }
}
