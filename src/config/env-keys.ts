// Keys of resources that read the environment. confd makes names of variables of them, upper case and `_` for
// each `/`, so that /app/port, APP_PORT and /app_port select one variable; here they become the key of it.
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

/** The key under which the env store has what a key of a resource selects. */
export const envKey = (key: string): Key => toKey(key.toLowerCase().replaceAll('_', '/'))

export interface Selection {
  /** Global and own prefix, joined. */
  readonly prefix: Key
  readonly keys: readonly Key[]
  readonly forEach?: Key | undefined
}

/**
 * The selection as the stores have it.
 * @param root where the keys of the template's own store lie
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
  // Such a prefix begins no key, so confd takes it off none: the template sees whole keys.
  const whole = (key: Key): Key =>
    storeOf(key) === undefined ? envKey(joinKeys(prefix, key)) : key
  return {
    prefix: root,
    keys: named.map(whole),
    ...(forEach === undefined ? {} : { forEach: joinKeys(envKey(prefix), forEach) }),
  }
}

/** A key that names its store, where that is the environment. */
function ofNamed(key: Key, stores: ReadonlyMap<string, StoreSettings>): Key {
  const name = storeOf(key)
  if (name === undefined || stores.get(name)?.backend !== 'env') return key
  const root = storeRoot(name)
  return joinKeys(root, envKey(key.slice(root.length)))
}

/**
 * Variables that resources read and that cannot be told apart, such as APP_DB and app_db.
 * @param keys of all resources, in full
 * @param own the stores that resources have of their own
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
    const message = `the environment variables ${names.join(', ')} are one key, ${key}: the value of ${names[0]} is used`
    return [{ kind: 'config', message }]
  })
}
