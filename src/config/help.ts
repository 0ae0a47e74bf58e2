// The text of `-help`, generated from the tables of options and commands.
import type { CommandFlag } from './command-flag.ts'
import {
  commandNames,
  commands,
  operandText,
  type SubcommandName,
  type CommandSpec,
} from './commands.ts'
import {
  envNames,
  optionNames,
  optionOf,
  placeholder,
  type OptionGroup,
  type OptionName,
} from './options.ts'
import { wrapped } from '../core/words.ts'

/** The meaning of the exit codes, for `-help` and the docs. */
export const exitCodes: readonly (readonly [number | string, string])[] = [
  [0, 'success, or a daemon was stopped'],
  [
    1,
    'a resource or a reload failed, or a change is held (all resources were tried, and each failure is logged); with status: a resource is not in sync; with register -status: a service is not registered; with test or -preflight: a test failed',
  ],
  [2, 'with -detailed-exitcode: changes were made, or, with -noop, changes are pending'],
  [
    64,
    'usage: a flag, command or resource is unknown, or the value of a flag is missing or invalid',
  ],
  [
    69,
    'a store was not reachable within -timeout; with register: not within -retry-attempts; with a command for the daemon: no daemon is running; with register -status: no registrar is running',
  ],
  [70, 'a bug in reconfd'],
  [
    78,
    'configuration: confd.toml, an environment variable or conf.d is invalid, or the state file is unreadable; nothing was done',
  ],
  [126, 'the program of exec mode cannot be executed'],
  [127, 'the program of exec mode was not found'],
  [
    '128+n',
    'signal n stopped reconfd before its work was done; for example, 143 after a second SIGTERM',
  ],
  [
    'others',
    'the exit code of the program of exec mode, or of the command of register; 128+n if signal n killed it',
  ],
]

/** Columns. */
const WIDTH = 80
/** The column of the descriptions. */
const COLUMN = 30

const EXAMPLES: readonly (readonly [string, string])[] = [
  ['reconfd check', 'find errors, without a server'],
  ['reconfd -onetime -noop -diff', 'show pending changes'],
  ['reconfd -watch -node 127.0.0.1:2379', 'follow etcd as a daemon'],
]

/** The usage of a command. */
function callOf(name: SubcommandName): string {
  const { operand, flags = {}, runs } = commands[name]
  // A command that starts a program has too many flags for one line.
  if (runs === true) return `${name} [${operand?.name}] [flags] [-- COMMAND [ARG...]]`
  const own = Object.entries(flags).map(([flag, { placeholder: value }]) =>
    value === undefined ? `[-${flag}]` : `[-${flag} <${value}>]`,
  )
  return [name, ...(operand === undefined ? [] : [operandText(operand)]), ...own].join(' ')
}

const commandLines = (group: CommandSpec['group']): string[] =>
  commandNames
    .filter((name) => commands[name].group === group)
    .flatMap((name) => headAndBody(callOf(name), commands[name].help))

/** Formats a name and its description: side by side, or the description below the name if the name is long. */
function headAndBody(head: string, text: string): string[] {
  const body = wrapped(text, WIDTH - COLUMN)
  if (head.length > COLUMN - 3)
    return [`  ${head}`, ...body.map((line) => ' '.repeat(COLUMN) + line)]
  return body.map((line, i) => `  ${(i === 0 ? head : '').padEnd(COLUMN - 2)}${line}`)
}

function optionLines(name: OptionName): string[] {
  const { type, default: value, help } = optionOf(name)
  const head = type === 'boolean' ? `-${name}` : `-${name} <${placeholder(name)}>`
  return headAndBody(head, help + (value === undefined ? '' : ` (default ${value})`))
}

const flagCall = (flag: string, { placeholder: value, optional }: CommandFlag): string =>
  value === undefined
    ? `-${flag}`
    : optional === undefined
      ? `-${flag} <${value}>`
      : `-${flag} [<${value}>]`

const meaning = ({ help, default: value, optional }: CommandFlag): string =>
  value === undefined || optional !== undefined ? help : `${help} (default ${value})`

/** The text of `reconfd COMMAND -help`. */
export function commandHelp(name: SubcommandName): string {
  const { group, flags = {}, others = [], help } = commands[name]
  const all = [
    ...Object.entries(flags).flatMap(([flag, spec]) =>
      headAndBody(flagCall(flag, spec), meaning(spec)),
    ),
    ...others.flatMap(optionLines),
  ]
  return [
    `Usage: reconfd ${callOf(name)}${commands[name].runs === true ? '' : ' [flags]'}`,
    '',
    ...wrapped(`${help.charAt(0).toUpperCase()}${help.slice(1)}.`, WIDTH),
    ...(group === 'daemon'
      ? ['The command is sent to the daemon with the same -confdir and -state-dir.']
      : []),
    '',
    ...(all.length === 0 ? [] : ['Flags:', ...all, '']),
    'reconfd -help lists all commands, flags and exit codes.',
    '',
  ].join('\n')
}

/** The text of `reconfd -help`. */
export function helpText(): string {
  const groups = new Map<OptionGroup, string[]>()
  for (const name of optionNames) {
    const { group } = optionOf(name)
    const lines = groups.get(group) ?? []
    groups.set(group, lines)
    lines.push(...optionLines(name))
  }
  return [
    'Keeps configuration files in step with a key-value store, and reloads the',
    'programs that read them.',
    '',
    ...EXAMPLES.map(([command, meaning]) => `  ${command.padEnd(38)}${meaning}`),
    '',
    'Usage: reconfd [flags] [-- PROGRAM [ARGUMENT...]]',
    '       reconfd COMMAND [flags]',
    '',
    'Commands for the daemon with the same -confdir and -state-dir:',
    ...commandLines('daemon'),
    '',
    'Commands without a daemon:',
    ...commandLines('offline'),
    '',
    ...[...groups].flatMap(([group, lines]) => [`${group}:`, ...lines, '']),
    'Flags take one dash or two. Durations are seconds or Go durations (10, 250ms,',
    `1m30s). Most flags have an environment variable (-log-level: ${envNames('log-level')[0]})`,
    'and an entry in confd.toml. Flags override the environment, which overrides',
    'confd.toml, which overrides the defaults.',
    '',
    'Exit codes:',
    ...exitCodes.flatMap(([code, meaning]) =>
      wrapped(meaning, WIDTH - 9).map(
        (line, i) => `  ${(i === 0 ? String(code) : '').padEnd(7)}${line}`,
      ),
    ),
    '',
    'More: man reconfd (or reconfd man | man -l -), docs/ in the repository, and',
    'reconfd COMMAND -help for the flags of a command.',
    '',
  ].join('\n')
}
