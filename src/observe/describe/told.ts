// What the description of an event is made of, and the words that several of them share.
import type { CommandResult } from '../../core/event.ts'
import { lastLines } from '../../core/output.ts'
import { printable } from '../../core/escape.ts'
import { duration, listed } from '../../core/words.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

export interface Described {
  readonly level: Level
  /** What the line is about: a resource, a store; empty for the program itself. */
  readonly about: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** What a description gives; without fields the members of the event are told. */
export interface Told {
  readonly level: Level
  readonly about?: string
  /** Further lines are indented by the log. */
  readonly message: string
  readonly fields?: Readonly<Record<string, unknown>>
}

/** Names as they stand in a message, each in one line. */
export const names = (all: readonly string[], more = 0): string =>
  listed(all.map(printable), Infinity, more)

/** @param ms null: there is no next try */
export const again = (ms: number | null): string =>
  ms === null ? '' : `, again in ${duration(ms)}`

export const WHY = {
  create: 'new',
  content: 'content',
  metadata: 'owner or mode',
  remove: 'not wanted any more',
} as const

/** The command, and below it the last lines of what it printed. */
export const withOutput = (command: string, { output }: CommandResult): string =>
  [printable(command), ...lastLines(output).map((text) => `| ${text}`)].join('\n')
