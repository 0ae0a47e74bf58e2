// Parses flags as Go's flag package does (https://pkg.go.dev/flag): one dash or two, `-name value` or `-name=value`;
// a boolean needs no value, and `--` ends the flags. Node's parseArgs is not used, because it reads `-watch` as five
// one-letter flags and refuses values that begin with a dash. For a run, the arguments after `--` are the program to
// start.
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { CommandFlag } from './command-flag.ts'
import { commandFlags, commands, isCommand, type SubcommandName } from './commands.ts'
import {
  foreignOf,
  isUnsupported,
  readForeign,
  unsupportedFault,
  type ForeignSetting,
} from './foreign.ts'
import type { SettingsNotice } from './notice.ts'
import {
  optionNames,
  optionOf,
  parseValue,
  placeholder,
  type OptionName,
  type Values,
} from './options.ts'
import {
  backendAsCommand,
  backendWords,
  stray,
  unknownCommand,
  unknownFlag,
  usage,
  wrongOperands,
} from './usage.ts'
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

/** Each of these flags implies the command `check`. */
const checkFlags = ['check-config', 'preflight', 'validate'] as const

export interface CommandLine {
  readonly values: Values
  readonly faults: readonly Fault[]
  readonly notices: readonly SettingsNotice[]
  /** Absent for a run. */
  readonly command?: SubcommandName
  /** The argument of the command, such as a resource. */
  readonly operand?: string
  /** The command's own flags with their values; an empty list for a switch. */
  readonly own?: ReadonlyMap<string, readonly string[]>
  /** The arguments after `--`, for a run or a command that starts a program. */
  readonly argv?: readonly string[]
}

/** Parses argv (without node and script) and reports all faults. */
export const parseFlags = (argv: readonly string[]): CommandLine => new FlagParser(argv).parse()

class FlagParser {
  readonly #rest: string[]
  readonly #values: Record<string, unknown> = {}
  /** Values of flags from old confd versions or confd's fork, used if reconfd's own flag is not set. */
  readonly #weak: Record<string, unknown> = {}
  readonly #faults: Fault[] = []
  readonly #notices: SettingsNotice[] = []
  readonly #operands: string[] = []
  readonly #own = new Map<string, readonly string[]>()
  #argv: readonly string[] | undefined
  #command: SubcommandName | undefined
  /** Index in argv of the name of a store where a command is expected, as in `reconfd etcd`. */
  #backendAt: number | undefined
  #last: OptionName | undefined

  constructor(private readonly argv: readonly string[]) {
    this.#rest = [...argv]
  }

  parse(): CommandLine {
    while (this.#rest.length > 0) {
      const argument = this.#rest.shift() ?? ''
      const [, flag, inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? []
      if (argument === '--' && (this.#command === undefined || commands[this.#command].runs)) {
        this.#argv = this.#rest
        break
      }
      if (argument === '--' && this.#rest.length === 0) break
      if (flag === undefined) this.#word(argument === '--' ? (this.#rest.shift() ?? '') : argument)
      else this.#flag(flag, inline)
    }
    if (this.#backendAt !== undefined) {
      this.#faults.unshift(backendAsCommand(this.argv, this.#backendAt))
    }
    const values: Values = { ...this.#weak, ...this.#values }
    if (this.#command === undefined && checkFlags.some((name) => values[name] === true)) {
      this.#command = 'check'
    }
    const command = this.#command
    for (const flag of this.#own.keys()) {
      const of = commandFlags.get(flag)?.of ?? []
      if (command !== undefined && of.includes(command)) continue
      this.#faults.push(usage(`unknown flag -${flag}`, `use it with reconfd ${of.join(', ')}`))
    }
    const argv = this.#argv === undefined ? {} : { argv: this.#argv }
    const line = { values, faults: this.#faults, notices: this.#notices, ...argv }
    if (command === undefined) return line
    const [operand] = this.#operands
    const wrong = values.help === true ? undefined : wrongOperands(command, this.#operands)
    if (wrong !== undefined) this.#faults.push(wrong)
    return {
      ...line,
      command,
      ...(this.#own.size === 0 ? {} : { own: this.#own }),
      ...(operand === undefined ? {} : { operand }),
    }
  }

  #word(word: string): void {
    if (this.#command !== undefined) this.#operands.push(word)
    else if (isCommand(word)) this.#command = word
    else if (this.#backendAt === undefined && backendWords.has(word)) {
      this.#backendAt = this.argv.length - this.#rest.length - 1
    } else {
      const isFirst = word === this.argv[0] && /^\w/.test(word)
      this.#faults.push(isFirst ? unknownCommand(word) : stray(word, this.#last))
    }
  }

  #flag(flag: string, inline: string | undefined): void {
    const name = byFlag.get(flag)
    if (commandFlags.has(flag)) return this.#flagOfCommand(flag, inline)
    if (name !== undefined) return this.#option(name, flag, inline)
    const foreign = foreignOf(flag)
    const text = foreign?.isSwitch === true ? (inline ?? 'true') : (inline ?? this.#unknownValue())
    if (foreign === undefined)
      this.#faults.push(unknownFlag(flag, [...byFlag.keys(), ...commandFlags.keys()]))
    else this.#foreign(flag, foreign, text)
  }

  /**
   * Skips and returns the probable value of an unknown flag. The value may be a secret and needs no fault of its own.
   */
  #unknownValue(): string | undefined {
    return this.#rest[0]?.startsWith('-') === false ? this.#rest.shift() : undefined
  }

  #flagOfCommand(flag: string, inline: string | undefined): void {
    const value = this.#valueOf(flag, commandFlags.get(flag) as CommandFlag, inline)
    if (!value.ok) this.#faults.push(value.error)
    else if (value.value !== undefined) {
      this.#own.set(flag, [...(this.#own.get(flag) ?? []), ...value.value])
    }
  }

  /** The values of one flag of a command; undefined for a switch set to false. */
  #valueOf(
    flag: string,
    { placeholder: value, optional }: CommandFlag,
    inline: string | undefined,
  ): Result<readonly string[] | undefined, Fault> {
    if (value === undefined) {
      const on = inline === undefined ? ok(true) : parseBoolean(inline)
      return on.ok ? ok(on.value ? [] : undefined) : err(usage(`flag -${flag} takes no value`))
    }
    if (inline !== undefined) return ok([inline])
    const [next] = this.#rest
    if (optional !== undefined && !optional.test(next ?? '')) return ok([])
    if (next === undefined || next === '--' || isFlag(next)) {
      return err(usage(`flag -${flag} needs a value`, `write -${flag} <${value}>`))
    }
    this.#rest.shift()
    return ok([next])
  }

  #option(name: OptionName, flag: string, inline: string | undefined): void {
    this.#last = name
    const option = optionOf(name)
    // Go would parse `-prefix -onetime` as the prefix "-onetime", which is never intended.
    const missing = this.#rest.length === 0 || isFlag(this.#rest[0] ?? '')
    const text =
      inline ?? (option.type === 'boolean' ? 'true' : missing ? undefined : this.#rest.shift())
    if (text === undefined) {
      this.#faults.push(
        usage(`flag -${flag} needs a value`, `write -${flag} <${placeholder(name)}>`),
      )
      return
    }
    const parsed = parseValue(option, text)
    if (!parsed.ok) this.#faults.push(usage(`-${flag}: "${text}" is not ${parsed.error}`))
    else if (option.type !== 'list') this.#values[name] = parsed.value
    else {
      const before = (this.#values[name] as string[] | undefined) ?? []
      this.#values[name] = [...before, parsed.value]
    }
  }

  #foreign(flag: string, foreign: ForeignSetting, text = ''): void {
    if (isUnsupported(foreign)) {
      const { message, hint } = unsupportedFault(`flag -${flag}`, foreign)
      this.#faults.push(usage(message, hint))
      return
    }
    const read = readForeign(`-${flag}`, foreign, text)
    if (!read.ok) {
      this.#faults.push(usage(`-${flag}: "${text}" is not ${read.error}`))
      return
    }
    const { notice, sets } = read.value
    this.#notices.push(notice)
    if (sets === undefined) return
    const [name, value] = sets
    this.#weak[name] = optionOf(name).type === 'list' ? [value] : value
  }
}
