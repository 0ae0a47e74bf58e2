// Flags as Go's flag package reads them (https://pkg.go.dev/flag): one dash or two, `-name value` or
// `-name=value`, a boolean needs no value, `--` ends them. Node's parseArgs takes a single dash for a
// bundle of letters and refuses values that begin with a dash, so the few rules are written out here.
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import {
  commandFlags,
  commandNames,
  commands,
  isCommand,
  operandText,
  type CommandName,
} from './commands.ts'
import type { CommandFlag } from './command-flag.ts'
import { placeholder } from './help.ts'
import { nearest } from './nearest.ts'
import {
  optionNames,
  optionOf,
  parseValue,
  unsupported,
  type OptionName,
  type Values,
} from './options.ts'
import { parseBoolean } from './values.ts'

const byFlag = new Map<string, OptionName>(
  optionNames.flatMap((name) =>
    [name, ...(optionOf(name).aliases ?? [])].map((flag) => [flag, name]),
  ),
)

function isFlag(argument: string): boolean {
  const name = argument.replace(/^--?/, '')
  return argument.startsWith('-') && (byFlag.has(name) || commandFlags.has(name))
}

const usage = (message: string, hint?: string): Fault => ({
  kind: 'config',
  message,
  hint: hint ?? '"reconfd -help" lists all flags',
})

/** Each stands for `reconfd check` as well. */
const checkFlags = ['check-config', 'preflight', 'validate'] as const

export interface CommandLine {
  readonly values: Values
  readonly faults: readonly Fault[]
  /** Absent: a run. */
  readonly command?: CommandName
  /** What the command is about, such as a resource. */
  readonly operand?: string
  /** The flags of the command's own, if any, with what they were given: nothing for one that takes no value. */
  readonly own?: ReadonlyMap<string, readonly string[]>
  /** What stands after `--`, of a command that runs it. */
  readonly argv?: readonly string[]
}

/** Reads all of argv (without node and script) and reports every fault found. */
export function parseFlags(argv: readonly string[]): CommandLine {
  const values: Record<string, unknown> = {}
  const faults: Fault[] = []
  const rest = [...argv]
  const operands: string[] = []
  const own = new Map<string, readonly string[]>()
  let commandLine: readonly string[] | undefined
  let command: CommandName | undefined
  let last: OptionName | undefined
  while (rest.length > 0) {
    const argument = rest.shift() ?? ''
    const [, flag, inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? []
    if (argument === '--' && command !== undefined && commands[command].runs === true) {
      commandLine = rest
      break
    }
    if (argument === '--' && rest.length === 0) break
    if (flag === undefined) {
      const word = argument === '--' ? (rest.shift() ?? '') : argument
      if (command !== undefined) operands.push(word)
      else if (isCommand(word)) command = word
      else
        faults.push(word === argv[0] && /^\w/.test(word) ? unknownCommand(word) : stray(word, last))
      continue
    }
    const ofCommand = commandFlags.get(flag)
    if (ofCommand !== undefined) {
      const value = valueOf(flag, ofCommand, inline, rest)
      if (!value.ok) faults.push(value.error)
      else if (value.value !== undefined) own.set(flag, [...(own.get(flag) ?? []), ...value.value])
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
  if (command === undefined && checkFlags.some((name) => values[name] === true)) command = 'check'
  for (const flag of own.keys()) {
    const of = commandFlags.get(flag)?.of ?? []
    if (command !== undefined && of.includes(command)) continue
    faults.push(usage(`unknown flag -${flag}`, `it belongs to reconfd ${of.join(', ')}`))
  }
  if (command === undefined) return { values, faults }
  const [operand] = operands
  const wrong = values['help'] === true ? undefined : wrongOperands(command, operands)
  if (wrong !== undefined) faults.push(wrong)
  return {
    values,
    faults,
    command,
    ...(own.size === 0 ? {} : { own }),
    ...(operand === undefined ? {} : { operand }),
    ...(commandLine === undefined ? {} : { argv: commandLine }),
  }
}

/**
 * What one flag of a command was given; undefined for one that was switched off. Its value is taken from
 * `rest`.
 */
function valueOf(
  flag: string,
  { placeholder: value, optional }: CommandFlag,
  inline: string | undefined,
  rest: string[],
): Result<readonly string[] | undefined, Fault> {
  if (value === undefined) {
    const on = inline === undefined ? ok(true) : parseBoolean(inline)
    return on.ok ? ok(on.value ? [] : undefined) : err(usage(`flag -${flag} takes no value`))
  }
  if (inline !== undefined) return ok([inline])
  const [next] = rest
  if (optional !== undefined && !optional.test(next ?? '')) return ok([])
  if (next === undefined || next === '--' || isFlag(next)) {
    return err(usage(`flag -${flag} needs a value`, `write -${flag} <${value}>`))
  }
  rest.shift()
  return ok([next])
}

function wrongOperands(command: CommandName, operands: readonly string[]): Fault | undefined {
  const { operand } = commands[command]
  const [first] = operands
  const most = operand === undefined ? 0 : 1
  if (operands.length > most) {
    return usage(`${command} does not know what to do with "${operands[most]}"`)
  }
  if (operand === undefined || (first === undefined && operand.optional === true)) return undefined
  const write = `write reconfd ${command} ${operandText(operand)}`
  if (first === undefined) return usage(`${command} needs a ${operand.name}`, write)
  if (command === 'help' && !isCommand(first)) return unknownCommand(first)
  if (operand.choices?.includes(first) !== false) return undefined
  return usage(`${command}: "${first}" is not one of ${operand.choices.join(', ')}`, write)
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
