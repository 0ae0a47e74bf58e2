// The log: a listener of the event stream that writes a line an event, for people or as JSON.
import type { Emit } from '../core/event.ts'
import type { LogLevel } from '../core/settings.ts'
import { describe, type Level } from './describe.ts'

const RANK: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  fatal: 4,
  panic: 5,
}

export interface LogOptions {
  readonly level: LogLevel
  readonly format: 'text' | 'json'
  /** Takes one line without its line break. */
  readonly write: (line: string) => void
  readonly now?: () => Date
}

export function createLog({ level, format, write, now = () => new Date() }: LogOptions): Emit {
  return (event) => {
    const told = describe(event)
    if (RANK[told.level] < RANK[level]) return
    const time = now().toISOString()
    if (format === 'json') {
      write(JSON.stringify({ time, level: told.level, message: told.message, ...told.fields }))
    } else {
      write(
        textLine(
          time,
          told.level,
          told.about === '' ? told.message : `${told.about}: ${told.message}`,
        ),
      )
    }
  }
}

/** Further lines of a message are indented, so that a line that starts with a time starts an event. */
function textLine(time: string, level: Level, message: string): string {
  return `${time} ${level.toUpperCase().padEnd(5)} ${message.replaceAll('\n', '\n  ')}`
}
