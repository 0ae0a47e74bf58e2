// Follows the catalog, with fewer concurrent queries if Consul refuses some.
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Notice, StoreEvent } from '../../core/store.ts'
import { OverloadError } from '../consul-http.ts'
import type { Catalog } from './catalog.ts'

/** Maximum number of concurrent blocking queries. By default, an agent allows 200 connections from one IP address. */
const SLOTS = 64
/** The smallest limit that works: three change queries and one reader. */
const LEAST_SLOTS = 4

/** Maximum number of consecutive refusals. */
const PATIENCE = 6
/**
 * Half of the first pause, in milliseconds; each further pause is twice as long as the previous one. Used if Consul
 * states no pause.
 */
const PAUSE = 200
/** Maximum length of a pause, in milliseconds, even if Consul states a longer one. */
const LONGEST_PAUSE = 60_000

/** Yields one snapshot, then deltas. Ends only by throwing. */
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
    // Each concurrent query adds a listener to this signal. Without this call, Node would print a warning.
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
      // A server that closes every connection is unreachable rather than overloaded.
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
