// Settings: flags win, then the environment, then confd.toml, then the defaults of the table.
// `-version` and `-help` load nothing but the table.
import { resolve } from 'node:path'
import type { Fault } from '../core/fault.ts'
import type { Question } from '../core/control.ts'
import { toKey } from '../core/key.ts'
import { err, ok, type Result } from '../core/result.ts'
import {
  isConsul,
  type CatalogSettings,
  type Settings,
  type StoreSettings,
} from '../core/settings.ts'
import { isCommand } from './commands.ts'
import type { ConfFile } from './conffile.ts'
import { connectionNotices, connectionOf, merge, saidTwice } from './connection.ts'
import { defined } from './defined.ts'
import { parseFlags, type CommandLine } from './flags.ts'
import {
  envNames,
  optionNames,
  optionOf,
  options,
  parseValue,
  type OptionName,
  type Values,
} from './options.ts'

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'run'; readonly settings: Settings; readonly notices: readonly string[] }
  | {
      readonly kind: 'ask'
      readonly question: Question
      readonly json: boolean
      readonly settings: Settings
    }
  | CheckCommand
  | TestCommand
  | SnapshotCommand
  | {
      readonly kind: 'print'
      readonly what: 'schema' | 'completion' | 'man'
      /** A kind of file, or a shell; of the manual page nothing. */
      readonly of: string
    }

/** `reconfd check`. */
export interface CheckCommand {
  readonly kind: 'check'
  /** Of what is right in them. */
  readonly settings: Settings
  readonly faults: readonly Fault[]
  /** Files that this machine lacks; the one that the settings are for may have them. */
  readonly doubts: readonly Fault[]
  readonly notices: readonly string[]
  readonly json: boolean
  readonly preflight: boolean
  readonly validate: boolean
}

/** `reconfd snapshot`. */
export interface SnapshotCommand {
  readonly kind: 'snapshot'
  readonly settings: Settings
  /** Absolute; absent: standard output. */
  readonly out?: string
}

/** `reconfd test`. */
export interface TestCommand {
  readonly kind: 'test'
  /** Absent: the folder `tests` of the confdir. */
  readonly folder?: string
  /** What was said of them; the tests find what is not said. */
  readonly confdir?: string
  readonly confFile?: string
  readonly update: boolean
  /** Absolute. */
  readonly junit?: string
  readonly logFormat: Settings['logFormat']
}

/** 64: the command line is wrong. 78: the environment or confd.toml is. */
export interface SettingsFaults {
  readonly exit: 64 | 78
  readonly faults: readonly Fault[]
  /** How to tell them: as was asked for by what could be read. */
  readonly logFormat: Settings['logFormat']
}

/**
 * Reads the command line, the environment and confd.toml. Throws nothing; all faults of the first
 * bad source are reported at once.
 * @param argv without node and script
 */
export async function loadSettings(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Result<Command, SettingsFaults>> {
  const flags = parseFlags(argv)
  const environment = readEnvironment(env)
  const refuse = (exit: 64 | 78, faults: readonly Fault[], file: Values = {}) => {
    const given: Values = { ...file, ...environment.values, ...flags.values }
    return err({ exit, faults, logFormat: given['log-format'] ?? options['log-format'].default })
  }
  if (flags.faults.length > 0) return refuse(64, flags.faults)
  const { command, operand, own } = flags
  if (flags.values.help === true || command === 'help') {
    const { commandHelp, helpText } = await import('./help.ts')
    const about = command === 'help' ? operand : command
    const known = about !== undefined && isCommand(about) && about !== 'help'
    return ok({ kind: 'help', text: known ? commandHelp(about) : helpText() })
  }
  if (flags.values.version === true) return ok({ kind: 'version' })
  if (command === 'schema' || command === 'completion' || command === 'man')
    return ok({ kind: 'print', what: command, of: operand ?? '' })
  if (command === 'test') return ok(await testCommand(flags, environment.values))

  const named = flags.values['conf-file'] ?? environment.values['conf-file']
  const { readConfFile } = await import('./conffile.ts')
  const file = await readConfFile(named ?? options['conf-file'].default, named !== undefined)
  const faults = [...environment.faults, ...file.faults]
  if (faults.length > 0 && command !== 'check') return refuse(78, faults, file.values)

  const given = merge(file.values, environment.values, flags.values)
  const wrong = contradictions(given)
  if (command === 'check') {
    const { preflight = false, validate = false } = flags.values
    // Keys that are named for this are meant, whatever store the machine has.
    const fromFile = validate && flags.values.file !== undefined && !flags.values.backend
    const values: Values = fromFile ? { ...given, backend: 'file' } : given
    const settings = await assemble(values, file.stores, flags.values.prefix !== undefined, env)
    const { readHttp } = await import('./http.ts')
    const http = await readHttp(given)
    return ok({
      kind: 'check',
      settings,
      faults: [...faults, ...wrong.map(({ fault }) => fault)],
      doubts: http.ok ? [] : [http.error],
      notices: notices(values, flags.values, settings),
      json: own?.has('json') === true,
      preflight,
      validate,
    })
  }
  if (command === 'snapshot') {
    const settings = await assemble(given, file.stores, flags.values.prefix !== undefined, env)
    const out = own?.get('o') ?? '-'
    return ok({ kind: 'snapshot', settings, ...(out === '-' ? {} : { out: resolve(out) }) })
  }
  if (command !== undefined) {
    // Where the daemon is to be found is all that is needed.
    const settings = await assemble(given, file.stores, flags.values.prefix !== undefined, env)
    const question = { command, ...(operand === undefined ? {} : { resource: operand }) }
    return ok({ kind: 'ask', question, json: own?.has('json') === true, settings })
  }
  if (wrong.length > 0) {
    // Whoever typed a part of it is told about usage, else it is the configuration.
    const typed = wrong.some(({ about }) => about.some((name) => flags.values[name] !== undefined))
    const all = wrong.map(({ fault }) => fault)
    return refuse(typed ? 64 : 78, all, file.values)
  }
  const run = await settingsOfRun(given, flags.values, file.stores, env)
  return run.ok ? ok({ kind: 'run', ...run.value }) : refuse(78, [run.error], file.values)
}

/**
 * The settings of a run, and what is worth knowing about them.
 * @param typed what of it stood on the command line
 */
export async function settingsOfRun(
  given: Values,
  typed: Values,
  stores: ConfFile['stores'],
  env: NodeJS.ProcessEnv,
): Promise<Result<{ readonly settings: Settings; readonly notices: readonly string[] }, Fault>> {
  const settings = await assemble(given, stores, typed.prefix !== undefined, env)
  const told = notices(given, typed, settings)
  if (settings.mode === 'onetime' || given.http === undefined) {
    return ok({ settings, notices: told })
  }
  const { readHttp } = await import('./http.ts')
  const http = await readHttp(given)
  if (!http.ok) return http
  return ok({ settings: defined({ ...settings, http: http.value }), notices: told })
}

async function testCommand(flags: CommandLine, environment: Values): Promise<TestCommand> {
  const { default: path } = await import('node:path')
  const { operand, own, values } = flags
  const absolute = (name: string, value: string | undefined) =>
    value === undefined ? {} : { [name]: path.resolve(value) }
  const given = { ...environment, ...values }
  return {
    kind: 'test',
    ...absolute('folder', operand),
    ...absolute('confdir', given.confdir),
    ...absolute('confFile', given['conf-file']),
    ...absolute('junit', own?.get('junit')),
    update: own?.has('update') === true,
    logFormat: given['log-format'] ?? options['log-format'].default,
  }
}

/** An empty variable counts as unset, as in confd. Lists are separated by commas. */
export function readEnvironment(env: NodeJS.ProcessEnv): {
  values: Values
  faults: readonly Fault[]
} {
  const values: Record<string, unknown> = {}
  const faults: Fault[] = []
  for (const name of optionNames) {
    const variable = envNames(name).find((candidate) => (env[candidate] ?? '') !== '')
    if (variable === undefined) continue
    const text = env[variable] ?? ''
    const option = optionOf(name)
    const parsed = parseValue(option, text)
    if (!parsed.ok) {
      const message = `environment variable ${variable}: "${text}" is not ${parsed.error}`
      faults.push({ kind: 'config', message, hint: `it stands for -${name}: ${option.help}` })
    } else if (option.type === 'list') {
      const items = text.split(',').map((item) => item.trim())
      values[name] = items.filter((item) => item !== '')
    } else {
      values[name] = parsed.value
    }
  }
  return { values: values, faults }
}

interface Contradiction {
  readonly about: readonly (keyof Values)[]
  readonly fault: Fault
}

/** All of them. */
export function contradictions(given: Values): readonly Contradiction[] {
  const fault = (message: string, hint: string): Fault => ({ kind: 'config', message, hint })
  const found: Contradiction[] = []
  if (given.backend === 'file' && (given.file ?? []).length === 0) {
    const hint = 'name a YAML, JSON or TOML file, or a folder of them, with -file'
    found.push({ about: ['backend'], fault: fault('backend file needs a file to read', hint) })
  }
  const max = given['debounce-max']
  if (max !== undefined && max < (given.debounce ?? 0)) {
    const hint = 'make -debounce-max the longer one'
    const shorter = fault('debounce-max is shorter than debounce', hint)
    found.push({ about: ['debounce', 'debounce-max'], fault: shorter })
  }
  const twice = saidTwice(given)
  return twice === undefined ? found : [...found, twice]
}

/** The default of an option that the table gives one, as a value. */
function fallback(
  name:
    | 'interval'
    | 'poll-interval'
    | 'max-body'
    | 'max-message'
    | 'consul-max-stale'
    | 'timeout'
    | 'debounce'
    | 'debounce-max'
    | 'min-reload-interval'
    | 'splay'
    | 'check-timeout'
    | 'reload-timeout',
): number {
  const parsed = parseValue(options[name], options[name].default)
  return parsed.ok ? (parsed.value as number) : 0
}

/** The settings of a store, out of those that were given for it. */
export function storeSettings(given: Values, mode: Settings['mode']): StoreSettings {
  const files = given.file ?? []
  const backend = given.backend ?? (files.length > 0 ? 'file' : 'etcdv3')
  return {
    mode,
    backend,
    connection: connectionOf(given, backend),
    files: files.map((file) => resolve(file)),
    filter: given.filter ?? options.filter.default,
    separator: given.separator ?? options.separator.default,
    pollInterval: given['poll-interval'] ?? fallback('poll-interval'),
    limits: {
      body: given['max-body'] ?? fallback('max-body'),
      message: given['max-message'] ?? fallback('max-message'),
    },
    ...(isConsul(given.backend) ? { catalog: catalogSettings(given) } : {}),
  }
}

/** Those that the key-value store of Consul has, too. */
const OF_CONSUL: readonly OptionName[] = [
  'consul-datacenter',
  'consul-namespace',
  'consul-max-stale',
]

const catalogSettings = (given: Values): CatalogSettings =>
  defined({
    health: given['consul-health'] ?? options['consul-health'].default,
    tags: given['consul-tag'] ?? [],
    meta: given['consul-meta'] ?? [],
    datacenter: given['consul-datacenter'],
    near: given['consul-near'],
    namespace: given['consul-namespace'],
    maxStale: given['consul-max-stale'] ?? fallback('consul-max-stale'),
  })

async function assemble(
  given: Values,
  stores: ConfFile['stores'],
  prefixFromFlag: boolean,
  env: NodeJS.ProcessEnv,
): Promise<Settings> {
  const quiet = given.debounce ?? fallback('debounce')
  const mode = given.onetime === true ? 'onetime' : given.watch === true ? 'watch' : 'interval'
  const { 'dest-root': destRoot = '', report = '', replay = '' } = given
  return {
    ...storeSettings(given, mode),
    ...(replay === '' ? {} : { replay: resolve(replay) }),
    stores: new Map([...stores].map(([name, own]) => [name, storeSettings(own, mode)])),
    confdir: resolve(given.confdir ?? options.confdir.default),
    prefix: toKey(given.prefix ?? ''),
    prefixFromFlag,
    // With -watch the store tells of changes; a resync is only for those who ask for one.
    interval: given.interval ?? (given.watch === true ? 0 : fallback('interval')),
    noop: given.noop ?? false,
    diff: given.diff ?? false,
    detailedExitcode: given['detailed-exitcode'] ?? false,
    syncOnly: given['sync-only'] ?? false,
    noReload: given['no-reload'] ?? false,
    ...(destRoot === '' ? {} : { destRoot: resolve(destRoot) }),
    ...(report === '' ? {} : { report: resolve(report) }),
    keepStageFile: given['keep-stage-file'] ?? false,
    timeout: given.timeout ?? fallback('timeout'),
    stateDir: resolve(given['state-dir'] ?? (await defaultStateDir(env))),
    quiet,
    quietMax: given['debounce-max'] ?? Math.max(fallback('debounce-max'), quiet),
    minReloadInterval: given['min-reload-interval'] ?? fallback('min-reload-interval'),
    splay: given.splay ?? fallback('splay'),
    checkTimeout: given['check-timeout'] ?? fallback('check-timeout'),
    reloadTimeout: given['reload-timeout'] ?? fallback('reload-timeout'),
    logLevel: given['log-level'] ?? options['log-level'].default,
    logFormat: given['log-format'] ?? options['log-format'].default,
  }
}

/** Where a service keeps state; for ordinary users by the XDG base directory specification. */
async function defaultStateDir(env: NodeJS.ProcessEnv): Promise<string> {
  if (process.getuid?.() === 0) return '/var/lib/reconfd'
  const base = env['XDG_STATE_HOME'] ?? ''
  if (base.startsWith('/')) return `${base}/reconfd`
  const { homedir } = await import('node:os')
  return `${env['HOME'] || homedir()}/.local/state/reconfd`
}

function notices(given: Values, typed: Values, settings: Settings): readonly string[] {
  const lines = [...connectionNotices(given, typed)]
  if (given.onetime === true && given.watch === true) {
    lines.push('-onetime and -watch are both set: -onetime wins, as in confd')
  }
  if (settings.mode === 'onetime' && given.http !== undefined) {
    lines.push('-http is not used: a onetime run serves nothing')
  }
  if (settings.backend !== 'file' && settings.files.length > 0) {
    lines.push(`-file is not used: the backend is ${settings.backend}`)
  }
  if (settings.backend !== 'consul-catalog') {
    for (const name of optionNames.filter((one) => one.startsWith('consul-'))) {
      if (given[name] === undefined) continue
      if (settings.backend === 'consul' && OF_CONSUL.includes(name)) continue
      lines.push(`-${name} is not used: the backend is ${settings.backend}`)
    }
  }
  return lines
}
