// What happens to the program of exec mode, in words.
import type { EventOf } from '../../core/event.ts'
import { formatFault } from '../../core/fault.ts'
import { duration as lasting } from '../../core/words.ts'
import { again, names, type Told } from './told.ts'

export const describeChild = {
  'child-awaits': ({ program, resources }: EventOf<'child-awaits'>): Told => ({
    level: 'info',
    about: program,
    message: `starts when applied: ${names(resources)}`,
  }),

  'child-started': ({ program, pid, restarts }: EventOf<'child-started'>): Told => ({
    level: 'info',
    about: program,
    message: `${restarts === 0 ? 'started' : 'started again'}, process ${pid}`,
  }),

  'child-exited'(event: EventOf<'child-exited'>): Told {
    const { program, exitCode, signal, duration, expected, retryIn } = event
    const how = signal === null ? `ended with exit code ${exitCode}` : `ended by ${signal}`
    const next = retryIn === null ? '' : `, started again in ${lasting(retryIn)}`
    const level = expected || exitCode === 0 ? 'info' : 'error'
    return { level, about: program, message: `${how} after ${lasting(duration)}${next}` }
  },

  'child-refused': ({ program, fault, retryIn }: EventOf<'child-refused'>): Told => ({
    level: 'error',
    about: program,
    message: `cannot be started${again(retryIn)}: ${formatFault(fault)}`,
  }),
}
