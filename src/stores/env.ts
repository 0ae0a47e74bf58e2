// The env store reads the environment of the process. Names become keys as in confd's env backend: MYAPP_DATABASE_URL
// becomes the key /myapp/database/url. So keys contain neither `_` nor capital letters. The environment of a running
// process does not change, so the watch yields one snapshot and then waits until it is aborted.
import type { Fault } from '../core/fault.ts'
import { compareText, toKey, type Key } from '../core/key.ts'
import { ok, type Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { environment } from '../system/environment.ts'
import { coveredBy } from './roots.ts'

/**
 * The variables below the prefixes. `/app` includes APP and APP_*, but not APPLICATION. (confd compares only the
 * beginning of the name and so includes APPLICATION.) If names differ only in case, the upper-case name wins.
 */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  prefixes: readonly Key[],
): Map<Key, string> {
  const entries = new Map<Key, string>()
  const wanted = coveredBy(prefixes)
  // Upper case sorts before lower case, so in reverse order upper-case names come last and win.
  for (const name of Object.keys(variables).sort(compareText).reverse()) {
    const key = toKey(name.toLowerCase().replaceAll('_', '/'))
    const value = variables[name]
    if (value === undefined || key === '/') continue
    if (wanted(key)) entries.set(key, value)
  }
  return entries
}

/** Opens the store of `-backend env`. Needs no settings and never fails. */
export function open(_settings: StoreSettings): Result<Store, Fault> {
  return ok({ name: 'env', nodes: ['environment'], watch })
}

async function* watch(
  _node: string,
  prefixes: readonly Key[],
  signal: AbortSignal,
): AsyncGenerator<StoreEvent> {
  if (signal.aborted) return
  yield { kind: 'snapshot', entries: readEnvironment(environment(), prefixes) }
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
