// Determines the stores and prefixes that the resources read.
import type { Fault } from '../core/fault.ts'
import { outermost, relativeTo, storeOf, storeRoot, type Key } from '../core/key.ts'
import { resourceKeys, type Resource } from '../core/resource.ts'
import { ok } from '../core/result.ts'
import {
  inDatacenter,
  isConsul,
  storeIdentity,
  type Settings,
  type StoreSettings,
} from '../core/settings.ts'
import type { Store } from '../core/store.ts'
import type { WantedStore } from './feeds.ts'
import { openStore } from '../stores/registry.ts'

/** @param own the stores defined in resources, by name */
export async function wantedStores(
  settings: Settings,
  own: ReadonlyMap<string, StoreSettings>,
  resources: readonly Resource[],
): Promise<WantedStore[]> {
  // A recorded snapshot contains the keys of all stores. In the snapshot, the keys of a named store are below its name.
  if (settings.replay !== undefined) {
    const store: StoreSettings = { ...settings, backend: 'file', files: [settings.replay] }
    return [{ settings: store, prefixes: resourceKeys(resources) }]
  }
  const keys = resourceKeys(resources)
  const recorded = await recordedStores(settings, keys)
  const prefixes = new Map<string | undefined, Key[]>()
  for (const key of keys) {
    const named = storeOf(key)
    const name = named !== undefined && recorded.has(named) ? undefined : named
    const inStore = name === undefined ? key : relativeTo(storeRoot(name), key)
    prefixes.set(name, [...(prefixes.get(name) ?? []), inStore])
  }
  const stores = [...prefixes].map(([name, wanted]): WantedStore => {
    if (name === undefined) return { settings, prefixes: wanted }
    const store = settings.stores.get(name) ?? own.get(name) ?? otherwise(settings, name)
    const isOptional = isOptionalTo(resources, name)
    return { settings: store, name, prefixes: wanted, ...(isOptional ? { isOptional } : {}) }
  })
  const identities = stores.map((one) => storeIdentity(one.settings))
  const namesOf = new Map<string, WantedStore[]>()
  stores.forEach((one, n) => {
    const identity = identities[n] as string
    namesOf.set(identity, [...(namesOf.get(identity) ?? []), one])
  })
  return stores.map((one, n) => {
    const same = namesOf.get(identities[n] as string) ?? []
    return same.length < 2 ? one : { ...one, together: same.flatMap((other) => other.prefixes) }
  })
}

/**
 * The settings for a store name that has no settings of its own: the settings of the default store. With Consul, the
 * store name is used as the name of a datacenter.
 */
const otherwise = (settings: Settings, name: string): StoreSettings =>
  isConsul(settings.backend) ? inDatacenter(settings, name) : settings

/** Whether the store is optional for all resources that read it. */
const isOptionalTo = (resources: readonly Resource[], store: string): boolean =>
  resources
    .filter((resource) => resourceKeys([resource]).some((key) => storeOf(key) === store))
    .every(({ optionalStores }) => optionalStores?.has(store) === true)

/** Returns a fault if the settings are invalid. Does not connect. */
export async function storeFault(settings: StoreSettings): Promise<Fault | undefined> {
  const opened = await openStore(settings)
  return opened.ok ? undefined : opened.error
}

/**
 * Returns a function that opens stores. Stores with equal settings share one connection, unless they are read on
 * demand.
 */
export function openerOf(wanted: readonly WantedStore[]): typeof openStore {
  const shared = new Map<string, Store>()
  const togetherOf = new Map(
    wanted.map(({ settings, together }) => [storeIdentity(settings), together]),
  )
  return async (settings) => {
    const identity = storeIdentity(settings)
    const known = shared.get(identity)
    if (known !== undefined) return ok(known)
    const opened = await openStore(settings)
    const together = togetherOf.get(identity)
    // Each store name has its own demand, so on-demand stores cannot share a connection.
    if (together === undefined || !opened.ok || opened.value.startingWith !== undefined) {
      return opened
    }
    const { share } = await import('../stores/shared.ts')
    const store = share(opened.value, outermost(together))
    shared.set(identity, store)
    return ok(store)
  }
}

/**
 * The named stores whose keys are in the files given by `-file`. These keys are read from the files, as with -replay.
 */
async function recordedStores(
  settings: Settings,
  keys: readonly Key[],
): Promise<ReadonlySet<string>> {
  if (settings.backend !== 'file' || !keys.some((key) => storeOf(key) !== undefined)) {
    return new Set()
  }
  const { storesIn } = await import('../stores/file/recorded.ts')
  return storesIn(settings)
}
