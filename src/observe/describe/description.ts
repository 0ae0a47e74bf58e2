// The parts of an event's description, and the phrases shared by several descriptions.
import type { CommandResult } from '../../core/event.ts'
import { lastLines } from '../../core/output.ts'
import { printable } from '../../core/escape.ts'
import { duration, listed } from '../../core/words.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

export interface Described {
  readonly level: Level
  /** The subject: a resource or a store; empty for reconfd itself. */
  readonly about: string
  readonly message: string
  /** Returns the members of a JSON line. Called only for that format. */
  readonly fields: () => Readonly<Record<string, unknown>>
}

/** The result of describing an event. `fields` defaults to the members of the event. */
export interface Description {
  readonly level: Level
  readonly about?: string
  /** The log indents all lines after the first. */
  readonly message: string
  readonly fields?: Readonly<Record<string, unknown>>
}

/** Joins names for a message, with control characters escaped. */
export const names = (all: readonly string[], more = 0): string =>
  listed(all.map(printable), Infinity, more)

/** @param ms milliseconds; null if no retry is scheduled */
export const retryText = (ms: number | null): string =>
  ms === null ? '' : `, again in ${duration(ms)}`

export const WHY = {
  create: 'new',
  content: 'content',
  metadata: 'owner or mode',
  remove: 'no longer wanted',
} as const

/** The command, followed by the last lines of its output. */
export const withOutput = (command: string, { output }: CommandResult): string =>
  [printable(command), ...lastLines(output).map((text) => `| ${text}`)].join('\n')
