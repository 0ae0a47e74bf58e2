// Flags as Go's flag package reads them (https://pkg.go.dev/flag): one dash or two, `-name value` or
// `-name=value`, a boolean needs no value, `--` ends them. Node's parseArgs takes a single dash for a
// bundle of letters and refuses values that begin with a dash, so the few rules are written out here.
import type { Fault } from '../core/fault.ts'
import { commandNames, commands, isCommand, type CommandName } from './commands.ts'
import { nearest } from './nearest.ts'
import {
  envNames,
  optionNames,
  optionOf,
  parseValue,
  unsupported,
  type Group,
  type OptionName,
  type Values,
} from './options.ts'

const byFlag = new Map<string, OptionName>(
  optionNames.flatMap((name) =>
    [name, ...(optionOf(name).aliases ?? [])].map((flag) => [flag, name]),
  ),
)

const isFlag = (argument: string): boolean =>
  argument.startsWith('-') && byFlag.has(argument.replace(/^--?/, ''))

const usage = (message: string, hint?: string): Fault => ({
  kind: 'config',
  message,
  hint: hint ?? '"reconfd -help" lists all flags',
})

export interface CommandLine {
  readonly values: Values
  readonly faults: readonly Fault[]
  /** Absent: a run. */
  readonly command?: CommandName
  /** What the command is about, such as a resource. */
  readonly operand?: string
  readonly json?: true
}

/** Reads all of argv (without node and script) and reports every fault found. */
export function parseFlags(argv: readonly string[]): CommandLine {
  const values: Record<string, unknown> = {}
  const faults: Fault[] = []
  const rest = [...argv]
  const operands: string[] = []
  let command: CommandName | undefined
  let json = false
  let last: OptionName | undefined
  while (rest.length > 0) {
    const argument = rest.shift() ?? ''
    const [, flag, inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? []
    if (argument === '--' && rest.length === 0) break
    if (flag === undefined) {
      const word = argument === '--' ? (rest.shift() ?? '') : argument
      if (command !== undefined) operands.push(word)
      else if (isCommand(word)) command = word
      else
        faults.push(word === argv[0] && /^\w/.test(word) ? unknownCommand(word) : stray(word, last))
      continue
    }
    if (flag === 'json' && inline === undefined) {
      json = true
      continue
    }
    const name = byFlag.get(flag)
    if (name === undefined) {
      faults.push(unknownFlag(flag))
      // What follows is most likely its value, and maybe a secret: no second fault about that.
      if (inline === undefined && rest[0]?.startsWith('-') === false) rest.shift()
      continue
    }
    last = name
    const option = optionOf(name)
    // Go would take `-prefix -onetime` as the prefix "-onetime", which nobody means.
    const missing = rest.length === 0 || isFlag(rest[0] ?? '')
    const text = inline ?? (option.type === 'boolean' ? 'true' : missing ? undefined : rest.shift())
    if (text === undefined) {
      faults.push(usage(`flag -${flag} needs a value`, `write -${flag} <${placeholder(name)}>`))
      continue
    }
    const parsed = parseValue(option, text)
    if (!parsed.ok) faults.push(usage(`-${flag}: "${text}" is not ${parsed.error}`))
    else if (option.type !== 'list') values[name] = parsed.value
    else values[name] = [...((values[name] as string[] | undefined) ?? []), parsed.value]
  }
  if (json && (command === undefined || commands[command].json === undefined)) {
    faults.push(unknownFlag('json'))
  }
  if (command === undefined) return { values, faults }
  const [operand] = operands
  const wrong = wrongOperands(command, operands)
  if (wrong !== undefined) faults.push(wrong)
  return {
    values,
    faults,
    command,
    ...(operand === undefined ? {} : { operand }),
    ...(json ? { json } : {}),
  }
}

function wrongOperands(command: CommandName, operands: readonly string[]): Fault | undefined {
  const { operand } = commands[command]
  const wanted = operand === undefined ? 0 : 1
  if (operands.length < wanted) {
    return usage(`${command} needs a ${operand}`, `write reconfd ${command} ${operand}`)
  }
  if (operands.length === wanted) return undefined
  return usage(`${command} does not know what to do with "${operands[wanted]}"`)
}

function unknownCommand(word: string): Fault {
  const near = nearest(word, commandNames)
  if (near !== undefined) return usage(`unknown command ${word}`, `did you mean ${near}?`)
  return usage(`argument "${word}" is no command and belongs to no flag`)
}

function stray(argument: string, last: OptionName | undefined): Fault {
  const option = last === undefined ? undefined : optionOf(last)
  // `-password my secret`: the second half is not for the log.
  if (option?.secret === true) {
    return usage(
      `an argument that belongs to no flag stands after -${last}`,
      'quote values with spaces',
    )
  }
  const isValue = option?.type === 'boolean' && /^(true|false|[01tf])$/i.test(argument)
  return usage(
    `argument "${argument}" belongs to no flag`,
    isValue ? `write -${last}=${argument}` : undefined,
  )
}

function unknownFlag(flag: string): Fault {
  if (Object.hasOwn(unsupported, flag)) {
    return usage(
      `flag -${flag} of confd is not supported by reconfd yet`,
      unsupported[flag] ?? 'run without it, or keep confd for this',
    )
  }
  const near = nearest(flag, byFlag.keys())
  return usage(`unknown flag -${flag}`, near === undefined ? undefined : `did you mean -${near}?`)
}

function placeholder(name: OptionName): string {
  const option = optionOf(name)
  return option.placeholder ?? (option.choices?.join('|') || option.type)
}

/** What the exit codes mean: for `-help` and the docs. */
export const exitCodes: readonly (readonly [number | string, string])[] = [
  [0, 'done'],
  [
    1,
    'a resource failed; all of them were tried, and each failure is told; status: not all are in sync',
  ],
  [2, 'with -detailed-exitcode: changes were made, or are pending with -noop'],
  [64, 'usage: a flag, command or resource is unknown, or a flag has no value or a wrong one'],
  [69, 'the store was not reachable within -timeout; commands: there is no daemon'],
  [70, 'a bug in reconfd'],
  [78, 'configuration: confd.toml, an environment variable or conf.d is not right'],
  ['128+n', 'signal n ended it before it had begun: 143 for SIGTERM'],
]

const WIDTH = 92

/** Breaks a text into lines of the given width, at spaces. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + word.length >= width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}

/** The text of `-help`, generated from the table of options. */
export function helpText(): string {
  const groups = new Map<Group, string[]>()
  for (const name of optionNames) {
    const option = optionOf(name)
    const head = option.type === 'boolean' ? `-${name}` : `-${name} <${placeholder(name)}>`
    const note = option.default === undefined ? '' : ` (default ${option.default})`
    const body = wrap(option.help + note, WIDTH - 30)
    const lines = groups.get(option.group) ?? []
    groups.set(option.group, lines)
    if (head.length > 27) lines.push(`  ${head}`, ...body.map((line) => ' '.repeat(30) + line))
    else body.forEach((line, i) => lines.push(`  ${(i === 0 ? head : '').padEnd(28)}${line}`))
  }
  return [
    'Usage: reconfd [flags]',
    '       reconfd COMMAND [flags]',
    '',
    'Keeps configuration files in step with a key-value store, and reloads the programs that read them.',
    '',
    'Commands, which ask the daemon with the same -confdir and -state-dir:',
    ...commandNames.map((name) => {
      const { operand, json, help } = commands[name]
      const head = [name, operand, json && '[-json]'].filter((part) => part !== undefined).join(' ')
      return `  ${head.padEnd(28)}${help}`
    }),
    '',
    ...[...groups].flatMap(([group, lines]) => [`${group}:`, ...lines, '']),
    'Flags take one dash or two. Durations are seconds or Go durations (10, 250ms, 1m30s).',
    `Each flag has an environment variable (-log-level: ${envNames('log-level')[0]}) and an entry in`,
    'confd.toml; flags win, then the environment, then the file.',
    '',
    'Exit codes:',
    ...exitCodes.flatMap(([code, meaning]) =>
      wrap(meaning, WIDTH - 9).map(
        (line, i) => `  ${(i === 0 ? String(code) : '').padEnd(7)}${line}`,
      ),
    ),
    '',
  ].join('\n')
}
