// The log: a listener of the event stream that writes a line an event, for people or as JSON (`lines.ts`).
// An event is put into words when there is nothing more urgent to do: not between a changed key and
// its reload.
import type { Emit, Event } from '../core/event.ts'
import type { LogLevel } from '../core/settings.ts'
import { describe } from './describe.ts'
import { isLogged, lineIn, type Style } from './lines.ts'

export interface LogOptions {
  readonly level: LogLevel
  readonly style: Style
  /** Takes one line without its line break. */
  readonly write: (line: string) => void
  readonly now?: () => Date
}

export interface Log {
  readonly emit: Emit
  /** Writes what has not been written yet; to be called before the program ends. */
  readonly flush: () => void
}

export function createLog({ level, style, write, now = () => new Date() }: LogOptions): Log {
  const line = lineIn(style)
  let waiting: { readonly time: Date; readonly event: Event }[] = []
  const flush = (): void => {
    const batch = waiting
    waiting = []
    for (const { time, event } of batch) {
      const told = describe(event, level === 'debug')
      if (isLogged(told.level, level)) write(line(time, told))
    }
  }
  const emit: Emit = (event) => {
    if (waiting.length === 0) setImmediate(flush)
    waiting.push({ time: now(), event })
  }
  return { emit, flush }
}
