// Reloads and what follows a failed one, in words.
import { printable } from '../../core/escape.ts'
import type { EventOf } from '../../core/event.ts'
import { formatFault } from '../../core/fault.ts'
import { duration } from '../../core/words.ts'
import { settledHow } from '../runtime-words.ts'
import { again, names, withOutput, type Told } from './told.ts'

export const describeReloads = {
  'reload-started': ({ resources, command }: EventOf<'reload-started'>): Told => ({
    level: 'debug',
    about: names(resources),
    message: `reloading: ${printable(command)}`,
  }),

  reloaded(event: EventOf<'reloaded'>, debug: boolean): Told {
    const { resources, command, result, runtime, fallback } = event
    const what = debug ? withOutput(command, result) : printable(command)
    const { exitCode, signal, timedOut } = result
    const brief = { exitCode, signal, timedOut, duration: result.duration }
    const how = settledHow(event)
    const took = duration(result.duration)
    const message =
      runtime === undefined
        ? `reloaded in ${took}: ${what}${how === undefined ? '' : ` (${how})`}`
        : `HAProxy is up to date after ${took}, ${how}`
    return {
      level: 'info',
      about: names(resources),
      message,
      fields: {
        resources,
        command,
        ...(runtime === undefined ? {} : { runtime }),
        ...(fallback === undefined ? {} : { fallback }),
        ...(debug ? result : brief),
      },
    }
  },

  'reload-owed'(event: EventOf<'reload-owed'>): Told {
    const { resources, fault, attempts, retryIn, exhausted } = event
    const next = exhausted.length > 0 ? `, ${names(exhausted)} is rolled back` : again(retryIn)
    const message = `reload is owed, try ${attempts} failed${next}: ${formatFault(fault)}`
    return { level: 'error', about: names(resources), message }
  },

  'rolled-back'({ resource, fault, files }: EventOf<'rolled-back'>): Told {
    const dests = [...files.keys()]
    const message =
      `rolled back, since ${printable(fault.message)}\n  ${names(dests)}: the last good content is back. ` +
      `The rejected one is not tried again until it changes; reconfd accept ${resource} tries it once more.`
    return { level: 'error', about: resource, message, fields: { resource, dests, fault } }
  },

  'rollback-impossible'(event: EventOf<'rollback-impossible'>): Told {
    const { resource, dests, fault, retryIn } = event
    const message =
      `cannot roll back: there is no earlier good content of ${names(dests)} to go back to. The new content ` +
      `stays, and its reload is retried until it succeeds${again(retryIn)}: ${printable(fault.message)}`
    return { level: 'error', about: resource, message }
  },
}
