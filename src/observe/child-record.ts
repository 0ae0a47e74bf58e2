// Derives the status of the program of exec mode from its events.
import type { Event } from '../core/event.ts'
import { briefly } from '../core/fault.ts'
import type { ChildStatus } from '../core/status.ts'
import { isoTime } from '../core/words.ts'

type ChildEvent = Extract<Event, { kind: `child-${string}` }>

/** @param time milliseconds since the Unix epoch */
export function childAfter(
  previous: ChildStatus | undefined,
  event: ChildEvent,
  time: number,
): ChildStatus {
  const { program } = event
  const at = isoTime(time)
  const lastExit = previous?.lastExit === undefined ? {} : { lastExit: previous.lastExit }
  const past = { program, since: at, restarts: previous?.restarts ?? 0, ...lastExit }
  switch (event.kind) {
    case 'child-awaits':
      return {
        ...past,
        state: 'waiting',
        why: `starts once these are applied: ${event.resources.join(', ')}`,
      }
    case 'child-started':
      return { ...past, state: 'up', pid: event.pid, restarts: event.restarts }
    case 'child-refused': {
      const state = event.retryIn === null ? 'down' : 'restarting'
      return { ...past, state, why: briefly(event.fault) }
    }
    case 'child-exited': {
      const { exitCode, signal, retryIn } = event
      const why = signal === null ? `exited with code ${exitCode}` : `killed by ${signal}`
      const state = retryIn === null ? 'down' : 'restarting'
      return { ...past, state, why, lastExit: { at, exitCode, signal } }
    }
  }
}
