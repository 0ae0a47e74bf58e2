// Reads additional stores: `[stores.NAME]` in confd.toml and `[backend]` in a resource. Both contain the settings of a
// store, named as in confd.toml.
import { createHash } from 'node:crypto'
import type { Fault } from '../core/fault.ts'
import {
  isConsul,
  storeIdentity,
  type BackendName,
  type Settings,
  type StoreSettings,
} from '../core/settings.ts'
import { byEntry, optionOfEntry, readEntry } from './entries.ts'
import { backendOf } from './connection.ts'
import { storeContradictions } from './contradictions.ts'
import { nearest } from './nearest.ts'
import { optionOf, type OptionName, type Values } from './options.ts'
import type { TomlPath } from './positions.ts'
import { withKnownCase } from './table.ts'
import type { TomlEntries } from './toml.ts'
import { unusedBy, unusedFault } from './unused.ts'
import { describeType } from './values.ts'

/** The store of a resource's `[backend]`. */
export interface OwnStore {
  /** Absent if the settings equal those of the default store. */
  readonly name?: string
  readonly store: StoreSettings
}

/** Adds every fault to `faults`; returns the valid stores by name. */
export function readStores(
  document: Pick<TomlEntries, 'fault'>,
  named: unknown,
  faults: Fault[],
): ReadonlyMap<string, Values> {
  const stores = new Map<string, Values>()
  if (describeType(named) !== 'a table') {
    const hint = 'write one table per store: [stores.NAME]'
    const message = `stores must be a table, not ${describeType(named)}`
    faults.push(document.fault(['stores'], 'value', message, hint))
    return stores
  }
  for (const [name, table] of Object.entries(named as Record<string, unknown>)) {
    const path = ['stores', name]
    if (!/^[A-Za-z0-9_.-]+$/.test(name)) {
      const hint =
        'use letters, digits, "-", "_" and ".": keys begin with the name, as in NAME:/key'
      faults.push(document.fault(path, 'key', `"${name}" is not a valid store name`, hint))
    }
    stores.set(name, readStore(document, path, table, faults))
  }
  return stores
}

/** Reads the settings of one store. Adds faults to `faults`. */
export function readStore(
  document: Pick<TomlEntries, 'fault'>,
  path: TomlPath,
  table: unknown,
  faults: Fault[],
): Values {
  const where = path.join('.')
  if (describeType(table) !== 'a table') {
    const message = `${where} must be a table, not ${describeType(table)}`
    faults.push(document.fault(path, 'value', message, `write [${where}] on a line of its own`))
    return {}
  }
  const values: Record<string, unknown> = {}
  const entries = withKnownCase(table as Record<string, unknown>, ownEntries)
  for (const [entry, value] of Object.entries(entries)) {
    const at = [...path, entry]
    const name = optionOfEntry(entry)
    const option = name === undefined ? undefined : optionOf(name)
    if (name === undefined || option?.group !== 'Store') {
      const near = nearest(entry, ownEntries)
      const hint =
        near === undefined
          ? 'run "reconfd schema confd" to list the settings of a store'
          : `did you mean ${near}?`
      const what = option === undefined ? 'unknown setting' : 'not a setting of a store:'
      faults.push(document.fault(at, 'key', `${what} ${entry}`, hint))
      continue
    }
    const read = readEntry(option, entry, value)
    if (read.ok) values[name] = read.value
    else faults.push(document.fault(at, 'value', read.error))
  }
  const own = values as Values
  // An invalid backend has already been reported.
  if (entries['backend'] === undefined && own.file === undefined) {
    faults.push(
      document.fault(path, 'key', `${where} has no backend`, 'add one, as in backend = "consul"'),
    )
  }
  if (own.backend === 'file' && (own.file ?? []).length === 0) {
    const hint =
      'set file to a YAML, JSON or TOML file, or to a folder of such files: file = ["keys.yaml"]'
    faults.push(document.fault(path, 'key', `${where} has no file to read`, hint))
  }
  unusedFaults(document, path, entries, own, faults)
  for (const { about, fault } of storeContradictions({ ...own, backend: backendOf(own) })) {
    // A missing file has been reported above.
    if (about.includes('backend')) continue
    faults.push(document.fault(path, 'key', `${where}: ${fault.message}`, fault.hint))
  }
  return own
}

function unusedFaults(
  document: Pick<TomlEntries, 'fault'>,
  path: TomlPath,
  entries: Readonly<Record<string, unknown>>,
  own: Values,
  faults: Fault[],
): void {
  const entryOf = (name: OptionName): string =>
    Object.keys(entries).find((entry) => byEntry.get(entry) === name) ?? name
  const add = (entry: string, { message, hint }: { message: string; hint: string }): void => {
    faults.push(document.fault([...path, entry], 'key', message, hint))
  }
  if (own.prefix !== undefined) {
    const hint = 'it is for the default store: write full keys, or set prefix below [template]'
    add(entryOf('prefix'), { message: 'prefix has no effect in the table of a store', hint })
  }
  // Without a backend, it is unknown which settings are used.
  if (own.backend === undefined && own.file === undefined) return
  const backend = backendOf(own)
  for (const name of unusedBy(backend, own)) {
    const entry = entryOf(name)
    add(entry, unusedFault(entry, name, backend))
  }
}

const ownEntries = [...byEntry].flatMap(([entry, name]) =>
  optionOf(name).group === 'Store' ? [entry] : [],
)

/**
 * Returns the fault for an unknown store name. If one of `backends` is Consul, a name that resembles no known store is
 * allowed, because it may be a datacenter.
 * @param backends backends in which the name may be a datacenter; default: the backend of the default store
 */
export function faultOfStore(
  name: string,
  { stores, backend }: Settings,
  backends: readonly BackendName[] = [backend],
): { readonly message: string; readonly hint: string } | undefined {
  if (stores.has(name)) return undefined
  const near = nearest(name, stores.keys())
  if (near === undefined && backends.some(isConsul)) return undefined
  const hint =
    near === undefined ? `define it as [stores.${name}] in confd.toml` : `did you mean ${near}?`
  return { message: `unknown store ${name}`, hint }
}

/**
 * Returns a name for the store in a resource's `[backend]`: the name of a `[stores.NAME]` with equal settings, or else
 * a name derived from the settings. Returns undefined if the settings equal those of the default store.
 */
export function nameOfOwn(own: StoreSettings, settings: Settings): string | undefined {
  const identity = storeIdentity(own)
  if (identity === storeIdentity(settings)) return undefined
  for (const [name, store] of settings.stores) if (storeIdentity(store) === identity) return name
  return `${own.backend}-${createHash('sha256').update(identity).digest('hex').slice(0, 6)}`
}
