// Loads the settings. Flags override the environment, which overrides confd.toml, which overrides the defaults. Modules
// that `-version` does not need are loaded only when they are needed.
import { controlCommands, type ControlCommand } from '../core/control.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import type { Environment } from './ambient.ts'
import { assemble } from './assemble.ts'
import type {
  CheckCommand,
  ParsedCommand,
  RegisterCommand,
  SettingsFaults,
  TestCommand,
} from './command.ts'
import { isCommand } from './commands.ts'
import type { ConfFile } from './conffile.ts'
import { merge } from './connection.ts'
import { contradictions, nodeContradictions, type Contradiction } from './contradictions.ts'
import { defined } from './defined.ts'
import { readEnvironmentSettings, type FromEnvironment } from './environment.ts'
import { parseFlags, type CommandLine } from './flags.ts'
import type { SettingsNotice } from './notice.ts'
import { runNotices, servesPage } from './notices.ts'
import { options, type Values } from './options.ts'
import { unusedOf } from './unused.ts'

/** The given settings, both by source and merged. */
interface SettingsSources {
  readonly flags: CommandLine
  readonly environment: FromEnvironment
  readonly file: ConfFile
  readonly env: Environment
  readonly given: Values
  /** Settings that have no effect. */
  readonly unused: readonly SettingsNotice[]
}

/**
 * Reads the command line, the environment and confd.toml. Never throws. Reports all faults in the command line at once;
 * if there are none, all faults in the environment and confd.toml; if there are none, all contradictions.
 * @param argv without node and script
 */
export async function loadSettings(
  argv: readonly string[],
  env: Environment,
): Promise<Result<ParsedCommand, SettingsFaults>> {
  const flags = parseFlags(argv)
  const environment = readEnvironmentSettings(env)
  const refuse = (exit: 64 | 78, faults: readonly Fault[], file: Values = {}) => {
    const all: Values = { ...file, ...environment.values, ...flags.values }
    return err({ exit, faults, logFormat: all['log-format'] ?? options['log-format'].default })
  }
  if (flags.faults.length > 0) return refuse(64, flags.faults)
  const simple = await withoutSettings(flags, environment.values)
  if (simple !== undefined) return ok(simple)

  const named = flags.values['conf-file'] ?? environment.values['conf-file']
  const { readConfFile } = await import('./conffile.ts')
  const file = await readConfFile(named ?? options['conf-file'].default, named !== undefined)
  const faults = [...environment.faults, ...file.faults]
  if (faults.length > 0 && flags.command !== 'check') return refuse(78, faults, file.values)

  if (flags.argv?.length === 0 && flags.command === undefined && file.exec?.argv === undefined) {
    return refuse(64, [noProgram], file.values)
  }
  if (flags.argv?.[0] === '' && flags.command === undefined)
    return refuse(64, [emptyProgram], file.values)

  const given = merge(file.values, environment.values, flags.values)
  const chosen = isFromFile(flags) ? ({ backend: 'file' } as const) : {}
  const unused = unusedOf([
    { kind: 'confd.toml', values: file.values },
    { kind: 'environment', values: environment.values },
    { kind: 'flags', values: { ...flags.values, ...chosen } },
  ])
  const sources: SettingsSources = { flags, environment, file, env, given, unused: unused.notices }
  if (flags.command === 'register') {
    const register = await registerCommand(sources)
    return register.ok ? register : refuse(64, register.error, file.values)
  }
  const asked = controlCommands.find((name) => name === flags.command)
  if (asked !== undefined) return ok(await askCommand(asked, sources))
  // Commands other than a run accept settings that are for onetime runs.
  const wrong = [
    ...contradictions(flags.command === undefined ? given : { ...given, onetime: true }),
    ...unused.faults,
    ...(await nodeContradictions(given)),
  ]
  const typed = isTyped(wrong, flags.values)
  if (typed || (wrong.length > 0 && flags.command !== 'check')) {
    const all = wrong.map(({ fault }) => fault)
    return refuse(typed ? 64 : 78, all, file.values)
  }
  if (flags.command === 'snapshot') return ok(await snapshotCommand(sources))
  if (flags.command === 'check') {
    return ok(await checkCommand(sources, [...faults, ...wrong.map(({ fault }) => fault)]))
  }
  const run = await settingsOfRun(sources)
  return run.ok ? ok({ kind: 'run', ...run.value }) : refuse(78, [run.error], file.values)
}

/** Whether a contradiction involves the command line, which makes it a usage error. */
const isTyped = (wrong: readonly Contradiction[], typed: Values): boolean =>
  wrong.some(({ about }) => about.some((name) => typed[name] !== undefined))

/** Handles the commands that do not need confd.toml. */
async function withoutSettings(
  flags: CommandLine,
  environment: Values,
): Promise<ParsedCommand | undefined> {
  const { command, operand, values } = flags
  if (values.help === true || command === 'help') {
    const { commandHelp, helpText } = await import('./help.ts')
    const about = command === 'help' ? operand : command
    const known = about !== undefined && isCommand(about) && about !== 'help'
    return { kind: 'help', text: known ? commandHelp(about) : helpText() }
  }
  if (values.version === true || command === 'version') return { kind: 'version' }
  if (command === 'schema' || command === 'completion' || command === 'man')
    return { kind: 'print', what: command, of: operand ?? '' }
  return command === 'test' ? testCommand(flags, environment) : undefined
}

/** With `check -validate -file`, the file replaces the configured store. */
const isFromFile = ({ command, values: { validate, file, backend } }: CommandLine): boolean =>
  command === 'check' && validate === true && file !== undefined && backend === undefined

async function checkCommand(
  { flags, environment, file, env, given, unused }: SettingsSources,
  faults: readonly Fault[],
): Promise<CheckCommand> {
  const { preflight = false, validate = false } = flags.values
  const values: Values = isFromFile(flags) ? { ...given, backend: 'file' } : given
  const settings = await withProgram(
    await assemble(values, file.stores, flags.values.prefix !== undefined, env),
    { flags, file },
  )
  const { readHttp } = await import('./http.ts')
  const http = await readHttp(given)
  return {
    kind: 'check',
    settings: preflight ? settings : { ...settings, isElsewhere: true },
    faults,
    doubts: http.ok ? [] : [http.error],
    notices: [
      ...flags.notices,
      ...environment.notices,
      ...file.notices,
      ...runNotices(values, flags.values, settings, file.stores, env),
      ...unused,
    ],
    json: flags.own?.has('json') === true,
    preflight,
    validate,
  }
}

async function registerCommand(
  sources: SettingsSources,
): Promise<Result<RegisterCommand, readonly Fault[]>> {
  const { flags, environment, file, env, given } = sources
  const settings = await assemble(given, file.stores, false, env)
  if (flags.own?.has('status') === true) {
    const json = flags.own.has('json')
    return ok({ kind: 'register-status', stateDir: settings.stateDir, json })
  }
  const { registerSettings } = await import('./register.ts')
  const from = { file: file.values, environment: environment.values, flags, env, settings }
  const register = await registerSettings(from)
  if (!register.ok) return register
  const notices = [...flags.notices, ...environment.notices, ...file.notices]
  return ok({ kind: 'register', settings: register.value, notices })
}

async function snapshotCommand({
  flags,
  file,
  env,
  given,
}: SettingsSources): Promise<ParsedCommand> {
  const { default: path } = await import('node:path')
  const out = flags.own?.get('o')?.at(-1) ?? '-'
  const assembled = await assemble(given, file.stores, flags.values.prefix !== undefined, env)
  const settings: Settings = { ...assembled, failureMode: 'fail-fast' }
  return { kind: 'snapshot', settings, ...(out === '-' ? {} : { out: path.resolve(out) }) }
}

/**
 * Builds a request to the daemon. Only the settings that locate the daemon matter, so the others are not checked for
 * contradictions.
 */
async function askCommand(
  command: ControlCommand,
  { flags, file, env, given }: SettingsSources,
): Promise<ParsedCommand> {
  const { operand, own } = flags
  const settings = await assemble(given, file.stores, flags.values.prefix !== undefined, env)
  const question = { command, ...(operand === undefined ? {} : { resource: operand }) }
  const [json, follow] = ['json', 'follow'].map((name) => own?.has(name) === true)
  return { kind: 'ask', question, json: json === true, follow: follow === true, settings }
}

/** Builds the settings of a run with notices about them. */
export async function settingsOfRun({
  flags,
  environment,
  file,
  env,
  given,
  unused,
}: SettingsSources): Promise<
  Result<{ readonly settings: Settings; readonly notices: readonly SettingsNotice[] }, Fault>
> {
  const settings = await withProgram(
    await assemble(given, file.stores, flags.values.prefix !== undefined, env),
    { flags, file },
  )
  const notices = [
    ...flags.notices,
    ...environment.notices,
    ...file.notices,
    ...runNotices(given, flags.values, settings, file.stores, env),
    ...unused,
  ]
  if (!servesPage(settings) || given.http === undefined) return ok({ settings, notices })
  const { readHttp } = await import('./http.ts')
  const http = await readHttp(given)
  if (!http.ok) return http
  return ok({ settings: defined({ ...settings, http: http.value }), notices })
}

/** In a container, the arguments after `--` are often supplied separately, and may be missing. */
const noProgram: Fault = {
  kind: 'config',
  message: 'no program after --',
  hint: 'add the program to start, set command in [exec] of confd.toml, or remove --',
}

const emptyProgram: Fault = {
  kind: 'config',
  message: 'the program after -- is an empty word',
  hint: 'check the variables of the command line: in quotes, an unset variable is an empty word',
}

/** Adds the program to start; arguments after `--` override the command of `[exec]`. */
async function withProgram(
  settings: Settings,
  { flags: { argv }, file: { exec } }: Pick<SettingsSources, 'flags' | 'file'>,
): Promise<Settings> {
  if (argv === undefined || argv.length === 0)
    return exec === undefined ? settings : { ...settings, exec }
  const { defaultExec } = await import('./exec.ts')
  const program = argv as readonly [string, ...string[]]
  return { ...settings, exec: { ...(exec ?? defaultExec), argv: program } }
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
    ...absolute('junit', own?.get('junit')?.at(-1)),
    update: own?.has('update') === true,
    logFormat: given['log-format'] ?? options['log-format'].default,
  }
}
