// Keys of resources that read the environment. confd makes names of variables of them, upper case and `_` for
// each `/`, so that /app/port, APP_PORT and /app_port select one variable; here they become the key of it.
import { joinKeys, storeOf, storeRoot, toKey, type Key } from '../core/key.ts'
import type { StoreSettings } from '../core/settings.ts'

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
