// The env store: the environment of the process as keys, mapped like confd's env backend: MYAPP_DATABASE_URL is the key
// /myapp/database/url. So key names contain neither `_` nor capitals. The environment of a running process does not
// change, so the watch yields one snapshot and then waits until it is aborted.
import type { Fault } from '../core/fault.ts'
import { compareText, toKey, type Key } from '../core/key.ts'
import { ok, type Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { environment } from '../system/environment.ts'
import { coveredBy } from './roots.ts'

/**
 * The variables below the prefixes. `/app` includes APP and APP_*, but not APPLICATION (confd compares only the text,
 * and includes it). If names differ only in case, the upper-case one wins.
 */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  prefixes: readonly Key[],
): Map<Key, string> {
  const entries = new Map<Key, string>()
  const wanted = coveredBy(prefixes)
  // Upper case sorts before lower case, so in reverse order it overwrites lower case.
  for (const name of Object.keys(variables).sort(compareText).reverse()) {
    const key = toKey(name.toLowerCase().replaceAll('_', '/'))
    const value = variables[name]
    if (value === undefined || key === '/') continue
    if (wanted(key)) entries.set(key, value)
  }
  return entries
}

/** The store of `-backend env`. Needs no settings; never fails. */
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
