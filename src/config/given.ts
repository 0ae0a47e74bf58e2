// Settings that are given as an object, as those who run reconfd in their own process do: checked against
// the table that confd.toml is checked against. The environment and a settings file count only when named.
import type { Fault } from '../core/fault.ts'
import { err, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import { readConfFile, readEntries, type ConfFile } from './conffile.ts'
import { merge } from './connection.ts'
import { contradictions } from './contradictions.ts'
import { defined } from './defined.ts'
import { readEnvironment } from './environment.ts'
import type { OptionName, Values } from './options.ts'
import type { Notice } from './notice.ts'
import { settingsOfRun } from './settings.ts'
import type { Entries } from './toml.ts'
import { unusedOf } from './unused.ts'

/** What only the command has a use for. */
export const ofTheCommand: ReadonlySet<OptionName> = new Set<OptionName>([
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

/** Flags that are not in confd.toml, and can be given all the same. */
const FLAGS = { conf_file: 'conf-file', replay: 'replay' } as const satisfies Record<
  string,
  OptionName
>

/**
 * The settings of a run: what is given wins, then the environment, then the settings file.
 * @param given under the names of confd.toml
 * @param env where CONFD_* are looked for
 * @returns or every fault of the first bad source
 */
export async function settingsGiven(
  given: object,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<{ readonly settings: Settings; readonly notices: readonly Notice[] }, Fault[]>> {
  const own = readGiven(given)
  const environment = readEnvironment(env)
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
  const fault: Entries['fault'] = (path, _part, message, hint) => {
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
    if (!ofTheCommand.has(name)) continue
    const hint = 'leave it out; what happens is told to onEvent, and how it ended is the result'
    faults.push(fault([name], 'key', `the setting ${name} is for the command`, hint))
  }
  if (read.exec !== undefined) {
    const hint = 'leave it out: who runs reconfd in a process of his own starts programs himself'
    faults.push(fault(['exec'], 'key', 'the setting exec is for the command', hint))
  }
  const values = { ...read.values, ...flags }
  return { ...read, values, faults: [...faults, ...read.faults] }
}

/** Of the tables of the stores, too. */
function withoutUndefined(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value as Record<string, unknown>)
  return defined(Object.fromEntries(entries.map(([name, one]) => [name, withoutUndefined(one)])))
}
