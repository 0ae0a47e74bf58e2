// Reads the settings object of the library, with the same checks as confd.toml. The environment and a settings
// file are read only if the caller passes them.
import type { Fault } from '../core/fault.ts'
import { err, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import { readConfFile, readEntries, type ConfFile } from './conffile.ts'
import { merge } from './connection.ts'
import { contradictions } from './contradictions.ts'
import { defined } from './defined.ts'
import { readEnvironmentSettings } from './environment.ts'
import type { OptionName, Values } from './options.ts'
import type { SettingsNotice } from './notice.ts'
import { settingsOfRun } from './settings.ts'
import type { TomlEntries } from './toml.ts'
import { unusedOf } from './unused.ts'

/** Options that the reconfd command supports, but the library does not. */
export const commandOnly: ReadonlySet<OptionName> = new Set<OptionName>([
  'check-config',
  'detailed-exitcode',
  'diff',
  'help',
  'log-format',
  'log-level',
  'preflight',
  'report',
  'validate',
  'version',
])

/** Flags that are allowed in the settings object, but not in confd.toml. */
const FLAGS = { conf_file: 'conf-file', replay: 'replay' } as const satisfies Record<
  string,
  OptionName
>

/**
 * Builds the settings of a run. `given` overrides the environment, which overrides the settings file.
 * @param given settings with the names of confd.toml
 * @param env source of CONFD_* variables
 * @returns the settings, or the faults: first those of `given` and `env`, then those of the file, then contradictions
 */
export async function settingsGiven(
  given: object,
  env: Readonly<Record<string, string | undefined>>,
): Promise<
  Result<{ readonly settings: Settings; readonly notices: readonly SettingsNotice[] }, Fault[]>
> {
  const own = readGiven(given)
  const environment = readEnvironmentSettings(env)
  const faults = [...own.faults, ...environment.faults]
  if (faults.length > 0) return err(faults)
  const named = own.values['conf-file'] ?? environment.values['conf-file']
  const file = named === undefined ? undefined : await readConfFile(named, true)
  if (file !== undefined && file.faults.length > 0) return err([...file.faults])
  const values = merge(file?.values ?? {}, environment.values, own.values)
  const unused = unusedOf([
    { kind: 'confd.toml', values: file?.values ?? {} },
    { kind: 'environment', values: environment.values },
    { kind: 'object', values: own.values },
  ])
  const wrong = [...contradictions(values), ...unused.faults]
  if (wrong.length > 0) return err(wrong.map(({ fault }) => fault))
  const stores = new Map([...(file?.stores ?? []), ...own.stores])
  const notices = [...(file?.notices ?? []), ...own.notices]
  const settings = await settingsOfRun({
    flags: { values: {}, faults: [], notices: [] },
    environment,
    file: { values, stores, faults: [], notices },
    env,
    given: values,
    unused: unused.notices,
  })
  return settings.ok ? settings : err([settings.error])
}

function readGiven(given: object): ConfFile {
  const flags: Values = {}
  const entries: Record<string, unknown> = {}
  const faults: Fault[] = []
  const fault: TomlEntries['fault'] = (path, _part, message, hint) => {
    const store = path.length > 2 ? `${path.slice(0, 2).join('.')}: ` : ''
    return defined({ kind: 'config' as const, message: `${store}${message}`, hint })
  }
  for (const [entry, value] of Object.entries(defined(given))) {
    if (!Object.hasOwn(FLAGS, entry)) entries[entry] = withoutUndefined(value)
    else if (typeof value === 'string')
      Object.assign(flags, { [FLAGS[entry as keyof typeof FLAGS]]: value })
    else faults.push(fault([entry], 'value', `${entry} must be a string`))
  }
  const read = readEntries({ data: entries, fault })
  for (const name of Object.keys(read.values) as OptionName[]) {
    if (!commandOnly.has(name)) continue
    const hint = 'remove it; onEvent receives the events, and the result says how the run ended'
    faults.push(
      fault(
        [name],
        'key',
        `the setting ${name} applies only to the reconfd command, not to the library`,
        hint,
      ),
    )
  }
  if (read.exec !== undefined) {
    const hint = 'remove it, and start the program from your own process'
    faults.push(
      fault(
        ['exec'],
        'key',
        'the setting exec applies only to the reconfd command, not to the library',
        hint,
      ),
    )
  }
  const values = { ...read.values, ...flags }
  return { ...read, values, faults: [...faults, ...read.faults] }
}

/** Removes undefined members, including those in the tables of the stores. */
function withoutUndefined(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value as Record<string, unknown>)
  return defined(Object.fromEntries(entries.map(([name, one]) => [name, withoutUndefined(one)])))
}
