// Maps keys of resources to environment variables. confd converts keys to upper case with `_` for `/`, so that
// /app/port, APP_PORT and /app_port select the same variable. In reconfd, these three map to the same key.
import type { Fault } from '../core/fault.ts'
import {
  compareText,
  covers,
  joinKeys,
  relativeTo,
  storeOf,
  storeRoot,
  toKey,
  type Key,
} from '../core/key.ts'
import type { Settings, StoreSettings } from '../core/settings.ts'

/** The key in the env store for a key of a resource. */
export const envKey = (key: string): Key => toKey(key.toLowerCase().replaceAll('_', '/'))

export interface Selection {
  /** The global prefix, joined with the prefix of the template. */
  readonly prefix: Key
  readonly keys: readonly Key[]
  readonly forEach?: Key | undefined
}

/**
 * Translates a selection into the keys of its stores.
 * @param root the root key of the template's own store
 * @param own the settings of that store
 */
export function selectionOf(
  { prefix, keys, forEach }: Selection,
  root: Key,
  own: StoreSettings,
  stores: ReadonlyMap<string, StoreSettings>,
): Selection {
  const named = keys.map((key) => ofNamed(key, stores))
  const full = joinKeys(root, prefix)
  if (own.backend !== 'env') return { prefix: full, keys: named, forEach }
  const mapped = (key: Key): Key => (storeOf(key) === undefined ? envKey(key) : key)
  if (envKey(prefix) === prefix) return { prefix: full, keys: named.map(mapped), forEach }
  // If the prefix contains capitals or `_`, no key of the env store begins with it. As in confd, the template then sees
  // full keys.
  const whole = (key: Key): Key =>
    storeOf(key) === undefined ? envKey(joinKeys(prefix, key)) : key
  return {
    prefix: root,
    keys: named.map(whole),
    ...(forEach === undefined ? {} : { forEach: joinKeys(envKey(prefix), forEach) }),
  }
}

/** Translates a key of a named env store. */
function ofNamed(key: Key, stores: ReadonlyMap<string, StoreSettings>): Key {
  const name = storeOf(key)
  if (name === undefined || stores.get(name)?.backend !== 'env') return key
  const root = storeRoot(name)
  return joinKeys(root, envKey(key.slice(root.length)))
}

/**
 * Reports variables that map to the same key, such as APP_DB and app_db.
 * @param keys full keys of all resources
 * @param own the stores of the resources' `[backend]` tables, by name
 */
export function sharedNames(
  keys: readonly Key[],
  own: ReadonlyMap<string, StoreSettings>,
  settings: Pick<Settings, 'backend' | 'stores' | 'env'>,
): readonly Fault[] {
  const wanted = keys.flatMap((key) => {
    const name = storeOf(key)
    const store = name === undefined ? settings : (settings.stores.get(name) ?? own.get(name))
    if (store?.backend !== 'env') return []
    return [name === undefined ? key : relativeTo(storeRoot(name), key)]
  })
  if (wanted.length === 0) return []
  const namesOf = new Map<Key, string[]>()
  for (const name of Object.keys(settings.env).sort(compareText)) {
    const key = envKey(name)
    if (key === '/' || !wanted.some((dir) => covers(dir, key))) continue
    namesOf.set(key, [...(namesOf.get(key) ?? []), name])
  }
  return [...namesOf].flatMap(([key, names]): Fault[] => {
    if (names.length < 2) return []
    const message = `the environment variables ${names.join(', ')} map to the same key, ${key}: the value of ${names[0]} is used`
    return [{ kind: 'config', message }]
  })
}
