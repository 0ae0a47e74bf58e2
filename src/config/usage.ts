// Builds the faults about the command line.
import type { Fault } from '../core/fault.ts'
import { commandNames, commands, isCommand, operandText, type SubcommandName } from './commands.ts'
import { concealed } from './concealed.ts'
import { nearest } from './nearest.ts'
import { optionOf, options, type OptionName } from './options.ts'
import { foreignBackends } from './options/store.ts'

export const usage = (message: string, hint?: string): Fault => ({
  kind: 'config',
  message,
  hint: hint ?? 'run "reconfd -help" to list all flags',
})

export function wrongOperands(
  command: SubcommandName,
  operands: readonly string[],
): Fault | undefined {
  const { operand } = commands[command]
  const [first] = operands
  const most = operand === undefined ? 0 : 1
  if (operands.length > most) {
    const extra = operands[most] ?? ''
    return usage(`${command}: unexpected argument "${extra}"`, strayHint(extra, command))
  }
  if (operand === undefined || (first === undefined && operand.optional === true)) return undefined
  const write = `write reconfd ${command} ${operandText(operand)}`
  if (first === undefined) return usage(`${command} needs a ${operand.name}`, write)
  if (command === 'help' && !isCommand(first)) return unknownCommand(first)
  if (operand.choices?.includes(first) !== false) return undefined
  return usage(`${command}: "${first}" is not one of ${operand.choices.join(', ')}`, write)
}

/** The hint if a resource, or a flag without its dash, is given where the command line allows no argument. */
function strayHint(argument: string, command?: SubcommandName): string | undefined {
  if (Object.hasOwn(options, argument)) return `did you mean -${argument}?`
  if (command === 'status') return `did you mean reconfd why ${argument}?`
  if (command === 'check' || (command === undefined && argument.endsWith('.toml')))
    return `to select one resource, write -only ${argument}`
  return undefined
}

/** Names of commands with which other programs start a daemon, or a single run. */
const DAEMON = /^(run|start|daemon|serve|server|agent)$/
const ONCE = /^(once|apply|render|sync)$/

export function unknownCommand(word: string): Fault {
  const mode = DAEMON.test(word) ? 'watch' : ONCE.test(word) ? 'onetime' : word
  const near = Object.hasOwn(options, mode) ? `reconfd -${mode}` : nearest(word, commandNames)
  const list = commandNames.join(', ')
  const hint =
    near === undefined ? `use one of ${list}` : `did you mean ${near}? The commands are ${list}`
  return usage(`unknown command "${word}"`, hint)
}

export function stray(argument: string, last: OptionName | undefined): Fault {
  const option = last === undefined ? undefined : optionOf(last)
  // With `-password my secret`, the second word is part of the secret and must not be logged.
  if (option?.secret === true) {
    return usage(`unexpected argument after -${last}`, 'quote values with spaces')
  }
  const isValue = option?.type === 'boolean' && /^(true|false|[01tf])$/i.test(argument)
  return usage(
    `unexpected argument "${argument}"`,
    isValue ? `write -${last}=${argument}` : strayHint(argument),
  )
}

/** Maps flags of related programs to flags of reconfd that the search for similar names would not find. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  ...{ once: 'onetime', config: 'conf-file', dry: 'noop', f: 'file', n: 'node' },
  ...{ token: 'auth-token', daemon: 'watch', port: 'http' },
}

/** @param known all flags */
export function unknownFlag(flag: string, known: Iterable<string>): Fault {
  const long = [...known].filter((one) => one.length > 1)
  const near = Object.hasOwn(ELSEWHERE, flag) ? ELSEWHERE[flag] : nearest(flag, long)
  return usage(`unknown flag -${flag}`, near === undefined ? undefined : `did you mean -${near}?`)
}

const { choices, synonyms } = options.backend

/** The names of stores, which confd's fork uses as commands. */
export const backendWords: ReadonlySet<string> = new Set([
  ...choices,
  ...Object.keys(synonyms),
  ...foreignBackends,
])

/**
 * The fault for the fork's syntax, `confd etcd --node ...`; the hint is the equivalent command line.
 * @param at index of the store's name
 */
export function backendAsCommand(argv: readonly string[], at: number): Fault {
  const word = argv[at] ?? ''
  if (foreignBackends.has(word)) {
    const hint = `set the store with -backend: ${choices.join(', ')}`
    return usage(`the store ${word} of confd is not supported by reconfd`, hint)
  }
  const ours = (concealed(argv) ?? argv).flatMap((argument, i) =>
    i === at ? ['-backend', word] : [argument.replace(/^--(?=\w)/, '-')],
  )
  const quoted = ours.map((argument) =>
    /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument}'`,
  )
  return usage(
    "the store is set with -backend, not with a command as in confd's fork",
    `write: reconfd ${quoted.join(' ')}`,
  )
}
