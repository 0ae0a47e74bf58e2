// The log: listens to the event stream and writes one line per event, as text or JSON (`lines.ts`). Formatting is
// deferred to the next turn of the event loop, so that it does not delay a reload.
import type { Emit, Event } from '../core/event.ts'
import type { LogLevel } from '../core/settings.ts'
import { describeEvent } from './describe.ts'
import { lineIn, type Style } from './lines.ts'

export interface LogOptions {
  readonly level: LogLevel
  readonly style: Style
  /** Receives one line without its line break. */
  readonly write: (line: string) => void
  readonly now?: () => Date
}

export interface Log {
  readonly emit: Emit
  /** Writes all pending lines. Call before the process exits. */
  readonly flush: () => void
}

export function createLog({ level, style, write, now = () => new Date() }: LogOptions): Log {
  const line = lineIn(style)
  let waiting: { readonly time: Date; readonly event: Event }[] = []
  const flush = (): void => {
    const batch = waiting
    waiting = []
    for (const { time, event } of batch) {
      const entry = describeEvent(event, level)
      if (entry !== undefined) write(line(time, entry))
    }
  }
  const emit: Emit = (event) => {
    if (waiting.length === 0) setImmediate(flush)
    waiting.push({ time: now(), event })
  }
  return { emit, flush }
}
