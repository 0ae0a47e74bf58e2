// The stores that resources read, and what of each.
import { relativeTo, storeOf, storeRoot, type Key } from './core/key.ts'
import { keysOf, type Resource } from './core/resource.ts'
import type { Settings, StoreSettings } from './core/settings.ts'
import type { Wanted } from './flow/feeds.ts'

/** @param own the stores that resources have of their own, by name */
export async function wantedStores(
  settings: Settings,
  own: ReadonlyMap<string, StoreSettings>,
  resources: readonly Resource[],
): Promise<Wanted[]> {
  // A snapshot holds the keys of all stores, those of named ones below their names.
  if (settings.replay !== undefined) {
    const store: StoreSettings = { ...settings, backend: 'file', files: [settings.replay] }
    return [{ settings: store, prefixes: keysOf(resources) }]
  }
  const keys = keysOf(resources)
  const recorded = await recordedStores(settings, keys)
  const prefixes = new Map<string | undefined, Key[]>()
  for (const key of keys) {
    const named = storeOf(key)
    const name = named !== undefined && recorded.has(named) ? undefined : named
    const inStore = name === undefined ? key : relativeTo(storeRoot(name), key)
    prefixes.set(name, [...(prefixes.get(name) ?? []), inStore])
  }
  return [...prefixes].map(([name, wanted]) => {
    if (name === undefined) return { settings, prefixes: wanted }
    const store = settings.stores.get(name) ?? own.get(name) ?? settings
    return { settings: store, name, prefixes: wanted }
  })
}

/** The named stores whose keys the files of `-file` hold: they are read from there, as with -replay. */
async function recordedStores(
  settings: Settings,
  keys: readonly Key[],
): Promise<ReadonlySet<string>> {
  if (settings.backend !== 'file' || !keys.some((key) => storeOf(key) !== undefined)) {
    return new Set()
  }
  const { storesIn } = await import('./stores/file/recorded.ts')
  return storesIn(settings)
}
