// Stores beside the default one: `[stores.NAME]` in confd.toml, and `[backend]` in a resource. Both hold
// the settings of a store, under the names that they have in confd.toml.
import { createHash } from 'node:crypto'
import type { Fault } from '../core/fault.ts'
import {
  isConsul,
  storeIdentity,
  type BackendName,
  type Settings,
  type StoreSettings,
} from '../core/settings.ts'
import { byEntry, readEntry } from './entries.ts'
import { backendOf } from './connection.ts'
import { ofStore } from './contradictions.ts'
import { nearest } from './nearest.ts'
import { optionOf, type OptionName, type Values } from './options.ts'
import type { TomlPath } from './positions.ts'
import type { Entries } from './toml.ts'
import { unusedBy, unusedFault } from './unused.ts'
import { describeType } from './values.ts'

/** The store of a resource's `[backend]`. */
export interface OwnStore {
  /** Absent when it is the default store after all. */
  readonly name?: string
  readonly store: StoreSettings
}

/** Every fault is added to `faults`; what is good is returned, by name. */
export function readStores(
  document: Pick<Entries, 'fault'>,
  named: unknown,
  faults: Fault[],
): ReadonlyMap<string, Values> {
  const stores = new Map<string, Values>()
  if (describeType(named) !== 'a table') {
    const hint = 'each store has a table of its own: [stores.NAME]'
    const message = `stores must be a table, not ${describeType(named)}`
    faults.push(document.fault(['stores'], 'value', message, hint))
    return stores
  }
  for (const [name, table] of Object.entries(named as Record<string, unknown>)) {
    const path = ['stores', name]
    if (!/^[A-Za-z0-9_.-]+$/.test(name)) {
      const hint = 'letters, digits, "-", "_" and ".", since keys begin with it: NAME:/key'
      faults.push(document.fault(path, 'key', `"${name}" cannot name a store`, hint))
    }
    stores.set(name, readStore(document, path, table, faults))
  }
  return stores
}

/** The settings of one store. */
export function readStore(
  document: Pick<Entries, 'fault'>,
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
  const entries = table as Record<string, unknown>
  for (const [entry, value] of Object.entries(entries)) {
    const at = [...path, entry]
    const name = byEntry.get(entry)
    const option = name === undefined ? undefined : optionOf(name)
    if (name === undefined || option?.group !== 'Store') {
      const near = nearest(entry, ownEntries)
      const hint =
        near === undefined
          ? '"reconfd schema confd" lists the settings of a store'
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
  // One that is wrong has been told already.
  if (entries['backend'] === undefined && own.file === undefined) {
    faults.push(
      document.fault(path, 'key', `${where} does not say its backend`, 'backend = "consul"'),
    )
  }
  if (own.backend === 'file' && (own.file ?? []).length === 0) {
    const hint = 'name a YAML, JSON or TOML file, or a folder of them: file = ["keys.yaml"]'
    faults.push(document.fault(path, 'key', `${where} does not say which file to read`, hint))
  }
  unusedIn(document, path, entries, own, faults)
  for (const { about, fault } of ofStore({ ...own, backend: backendOf(own) })) {
    // Where the file is missing has been told above.
    if (about.includes('backend')) continue
    faults.push(document.fault(path, 'key', `${where}: ${fault.message}`, fault.hint))
  }
  return own
}

function unusedIn(
  document: Pick<Entries, 'fault'>,
  path: TomlPath,
  entries: Readonly<Record<string, unknown>>,
  own: Values,
  faults: Fault[],
): void {
  const entryOf = (name: OptionName): string =>
    Object.keys(entries).find((entry) => byEntry.get(entry) === name) ?? name
  const tell = (entry: string, { message, hint }: { message: string; hint: string }): void => {
    faults.push(document.fault([...path, entry], 'key', message, hint))
  }
  if (own.prefix !== undefined) {
    const hint = 'it is for the default store: write the whole key, or prefix below [template]'
    tell(entryOf('prefix'), { message: 'prefix has no effect in the table of a store', hint })
  }
  // Without a backend it is not known what would be used.
  if (own.backend === undefined && own.file === undefined) return
  const backend = backendOf(own)
  for (const name of unusedBy(backend, own)) {
    const entry = entryOf(name)
    tell(entry, unusedFault(entry, name, backend))
  }
}

const ownEntries = [...byEntry].flatMap(([entry, name]) =>
  optionOf(name).group === 'Store' ? [entry] : [],
)

/**
 * What is wrong with the name of a store. Where Consul is the default store, a name that no store has is that of
 * a datacenter.
 * @param backends whose datacenters it may name
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
    near === undefined ? `[stores.${name}] in confd.toml says what it is` : `did you mean ${near}?`
  return { message: `there is no store ${name}`, hint }
}

/**
 * How the store of a resource's own `[backend]` is called: undefined when it is the default one, the
 * name of a named store that is the same, else a name made of its settings.
 */
export function nameOfOwn(own: StoreSettings, settings: Settings): string | undefined {
  const identity = storeIdentity(own)
  if (identity === storeIdentity(settings)) return undefined
  for (const [name, store] of settings.stores) if (storeIdentity(store) === identity) return name
  return `${own.backend}-${createHash('sha256').update(identity).digest('hex').slice(0, 6)}`
}
