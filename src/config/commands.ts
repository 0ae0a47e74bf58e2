// The commands: what may stand before or among the flags instead of a run. One row each.
import type { QuestionName } from '../core/control.ts'

export interface CommandSpec {
  /** What follows the name; absent: nothing. */
  readonly operand?: 'RESOURCE'
  /** Whether it knows `-json`. */
  readonly json?: true
  readonly help: string
}

export type CommandName = QuestionName | 'help'

export const commands: Readonly<Record<CommandName, CommandSpec>> = {
  status: { json: true, help: 'how each resource is: in sync, owed, held, failed, stale' },
  why: {
    operand: 'RESOURCE',
    json: true,
    help: 'what its last render looked up, and its last 20 changes',
  },
  resync: { help: 'have everything read and compared again' },
  reload: { operand: 'RESOURCE', help: 'have its reload commands run, changed or not' },
  accept: { operand: 'RESOURCE', help: 'let the change pass that a guard holds' },
  help: { help: 'print this and exit' },
}

export const commandNames = Object.keys(commands) as readonly CommandName[]
export const isCommand = (word: string): word is CommandName => Object.hasOwn(commands, word)
