// The env store: the environment of the process as keys, mapped as confd's env backend maps it.
// MYAPP_DATABASE_URL is the key /myapp/database/url: lower case, each `_` a `/`. A name's part can
// therefore hold neither `_` nor capitals. The environment of a running process does not change
// from outside, so the watch is one snapshot and then a wait until it is aborted.
import type { Fault } from '../core/fault.ts'
import { compareText, toKey, type Key } from '../core/key.ts'
import { ok, type Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { environment } from '../system/environment.ts'
import { coveredBy } from './roots.ts'

/**
 * The variables below the prefixes. `/app` gives APP and APP_*, never APPLICATION (confd compares
 * the text only, and gives both). Of names that differ only in case the all-upper-case one wins.
 */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  prefixes: readonly Key[],
): Map<Key, string> {
  const entries = new Map<Key, string>()
  const wanted = coveredBy(prefixes)
  // Upper case sorts before lower case: from the last to the first, the first has the final word.
  for (const name of Object.keys(variables).sort(compareText).reverse()) {
    const key = toKey(name.toLowerCase().replaceAll('_', '/'))
    const value = variables[name]
    if (value === undefined || key === '/') continue
    if (wanted(key)) entries.set(key, value)
  }
  return entries
}

/** Needs no settings; never fails. */
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
