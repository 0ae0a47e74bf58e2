// Flags as Go's flag package reads them (https://pkg.go.dev/flag): one dash or two, `-name value` or
// `-name=value`, a boolean needs no value, `--` ends them. Node's parseArgs takes a single dash for a
// bundle of letters and refuses values that begin with a dash, so the few rules are written out here.
import type { Fault } from '../core/fault.ts'
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

/** Reads all of argv (without node and script) and reports every fault found. */
export function parseFlags(argv: readonly string[]): { values: Values; faults: readonly Fault[] } {
  const values: Record<string, unknown> = {}
  const faults: Fault[] = []
  const rest = [...argv]
  let last: OptionName | undefined
  while (rest.length > 0) {
    const argument = rest.shift() ?? ''
    const [, flag, inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? []
    if (argument === '--' && rest.length === 0) break
    if (flag === undefined) {
      faults.push(stray(argument === '--' ? (rest.shift() ?? '') : argument, last))
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
  return { values: values, faults }
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
  [1, 'a resource failed; all of them were tried, and each failure is told'],
  [2, 'with -detailed-exitcode: changes were made, or are pending with -noop'],
  [64, 'usage: a flag is unknown, or has no value or a wrong one'],
  [69, 'the store was not reachable within -timeout'],
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
    '',
    'Keeps configuration files in step with a key-value store, and reloads the programs that read them.',
    '',
    ...[...groups].flatMap(([group, lines]) => [`${group}:`, ...lines, '']),
    'Flags take one dash or two. Durations are seconds or Go durations (10, 250ms, 1m30s).',
    `Each flag has an environment variable (-log-level: ${envNames('log-level')[0]}) and an entry in`,
    'confd.toml; flags win, then the environment, then the file.',
    '',
    'Exit codes:',
    ...exitCodes.map(([code, meaning]) => `  ${String(code).padEnd(7)}${meaning}`),
    '',
  ].join('\n')
}
