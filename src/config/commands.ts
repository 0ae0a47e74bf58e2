// The table of commands. Each row defines one command.
import type { ControlCommand } from '../core/control.ts'
import type { OptionName } from './options.ts'
import type { CommandFlag } from './command-flag.ts'
import { registerFlags } from './register-flags.ts'

/** The argument that follows the name of a command. */
export interface CommandOperand {
  readonly name: string
  readonly optional?: true
  /** The allowed words. */
  readonly choices?: readonly string[]
}

export interface CommandSpec {
  readonly group: 'daemon' | 'offline'
  readonly operand?: CommandOperand
  readonly flags?: Readonly<Record<string, CommandFlag>>
  /** The command accepts a command line after `--`. */
  readonly runs?: true
  /** The general flags that the `-help` of the command lists. */
  readonly others?: readonly OptionName[]
  readonly help: string
}

export type SubcommandName =
  | ControlCommand
  | 'check'
  | 'test'
  | 'snapshot'
  | 'register'
  | 'schema'
  | 'completion'
  | 'man'
  | 'version'
  | 'help'

const json: CommandFlag = { help: 'print JSON' }
/** The flags that locate the daemon. */
const WHERE = ['confdir', 'state-dir', 'conf-file'] as const

export const commands: Readonly<Record<SubcommandName, CommandSpec>> = {
  status: {
    group: 'daemon',
    flags: { json, follow: { help: 'print the status again whenever it changes, until Ctrl-C' } },
    others: WHERE,
    help: 'show the state of each resource, such as in sync, owed, held, failed or stale',
  },
  why: {
    group: 'daemon',
    operand: { name: 'RESOURCE' },
    flags: { json },
    others: WHERE,
    help: 'show what the last render of a resource looked up, and the last 20 changes of the resource',
  },
  resync: { group: 'daemon', others: WHERE, help: 'read all keys and compare all files again' },
  reload: {
    group: 'daemon',
    operand: { name: 'RESOURCE' },
    others: WHERE,
    help: 'run the reload commands of a resource, even if nothing has changed',
  },
  accept: {
    group: 'daemon',
    operand: { name: 'RESOURCE' },
    others: WHERE,
    help: 'apply a held or rolled-back change of a resource',
  },
  check: {
    group: 'offline',
    flags: { json },
    others: ['preflight', 'validate', 'only', 'file', 'replay', 'confdir', 'conf-file'],
    help: 'find errors in settings, resources and templates; see also -preflight and -validate',
  },
  test: {
    group: 'offline',
    operand: { name: 'DIR', optional: true },
    flags: {
      update: { help: 'save the current results of failing tests as the expected results' },
      junit: { placeholder: 'file', help: 'write the results as JUnit XML' },
    },
    others: ['confdir', 'conf-file'],
    help: 'run the template tests in DIR (default: the folder tests below -confdir)',
  },
  snapshot: {
    group: 'offline',
    flags: {
      o: { placeholder: 'file', help: 'the file to write (default -, which is standard output)' },
    },
    others: ['backend', 'node', 'prefix', 'timeout', 'confdir', 'conf-file'],
    help: 'save all keys that the resources may read, with their values, to a file for -replay',
  },
  register: {
    group: 'offline',
    operand: { name: 'URI', optional: true },
    runs: true,
    flags: { ...registerFlags, json },
    others: [
      ...(['noop', 'username', 'password-file', 'auth-token-file'] as const),
      ...(['scheme', 'client-cert', 'client-key', 'client-ca-keys'] as const),
      ...(['state-dir', 'http', 'log-level', 'log-format', 'conf-file'] as const),
    ],
    help: 'register services in a store and keep them registered: the service of a command, services described in files, or those of containers',
  },
  schema: {
    group: 'offline',
    operand: { name: 'KIND', choices: ['resource', 'confd'] },
    help: 'print the JSON Schema of resource files or of confd.toml',
  },
  completion: {
    group: 'offline',
    operand: { name: 'SHELL', choices: ['bash', 'zsh', 'fish'] },
    help: 'print the completion script for a shell',
  },
  man: { group: 'offline', help: 'print the manual page, to be read with: reconfd man | man -l -' },
  version: { group: 'offline', help: 'print the version and exit' },
  help: {
    group: 'offline',
    operand: { name: 'COMMAND', optional: true },
    help: 'print this help, or the help of a command, and exit',
  },
}

export const commandNames = Object.keys(commands) as readonly SubcommandName[]
export const isCommand = (word: string): word is SubcommandName => Object.hasOwn(commands, word)

/** Formats an operand for the usage. */
export const operandText = ({ name, choices, optional }: CommandOperand): string => {
  const text = choices === undefined ? name : choices.join('|')
  return optional === true ? `[${text}]` : text
}

/** All flags that only some commands accept, each with the commands that accept it. */
export const commandFlags: ReadonlyMap<
  string,
  CommandFlag & { readonly of: readonly SubcommandName[] }
> = new Map(
  commandNames
    .flatMap((name) => Object.entries(commands[name].flags ?? {}))
    .map(([flag, spec]) => [
      flag,
      {
        ...spec,
        of: commandNames.filter((name) => Object.hasOwn(commands[name].flags ?? {}, flag)),
      },
    ]),
)
