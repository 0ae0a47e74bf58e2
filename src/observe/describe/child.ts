// Describes the events of the program of exec mode.
import type { EventOf } from '../../core/event.ts'
import { formatFault } from '../../core/fault.ts'
import { duration as lasting } from '../../core/words.ts'
import { retryText, names, type Description } from './description.ts'

export const describeChild = {
  'child-awaits': ({ program, resources }: EventOf<'child-awaits'>): Description => ({
    level: 'info',
    about: program,
    message: `starts once these are applied: ${names(resources)}`,
  }),

  'child-started': ({ program, pid, restarts }: EventOf<'child-started'>): Description => ({
    level: 'info',
    about: program,
    message: `${restarts === 0 ? 'started' : 'restarted'}, pid ${pid}`,
  }),

  'child-exited'(event: EventOf<'child-exited'>): Description {
    const { program, exitCode, signal, duration, expected, retryIn } = event
    const how = signal === null ? `exited with code ${exitCode}` : `killed by ${signal}`
    const next = retryIn === null ? '' : `, restart in ${lasting(retryIn)}`
    const level = expected || exitCode === 0 ? 'info' : 'error'
    return { level, about: program, message: `${how} after ${lasting(duration)}${next}` }
  },

  'child-refused': ({ program, fault, retryIn }: EventOf<'child-refused'>): Description => ({
    level: 'error',
    about: program,
    message: `cannot start${retryText(retryIn)}: ${formatFault(fault)}`,
  }),
}
