// Describes the events of reloads and rollbacks.
import { printable } from '../../core/escape.ts'
import type { EventOf } from '../../core/event.ts'
import { formatFault } from '../../core/fault.ts'
import { duration } from '../../core/words.ts'
import { settledHow } from '../runtime-words.ts'
import { retryText, names, withOutput, type Description } from './description.ts'

export const describeReloads = {
  'reload-started': ({ resources, command }: EventOf<'reload-started'>): Description => ({
    level: 'debug',
    about: names(resources),
    message: `reloading: ${printable(command)}`,
  }),

  reloaded(event: EventOf<'reloaded'>, debug: boolean): Description {
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

  'reload-owed'(event: EventOf<'reload-owed'>): Description {
    const { resources, fault, attempts, retryIn, exhausted } = event
    const next =
      exhausted.length > 0
        ? `, reload_attempts reached for ${names(exhausted)}`
        : retryText(retryIn)
    const message = `reload is owed, try ${attempts} failed${next}: ${formatFault(fault)}`
    return { level: 'error', about: names(resources), message }
  },

  'rolled-back'({ resource, fault, files }: EventOf<'rolled-back'>): Description {
    const dests = [...files.keys()]
    const message =
      `rolled back: ${printable(fault.message)}\n  ${names(dests)}: the last good content is restored. ` +
      `The rejected content is not retried until it changes. To retry it now: reconfd accept ${resource}`
    return { level: 'error', about: resource, message, fields: { resource, dests, fault } }
  },

  'rollback-impossible'(event: EventOf<'rollback-impossible'>): Description {
    const { resource, dests, fault, retryIn } = event
    const retried =
      retryIn === null ? 'left to the next run' : `retried until it succeeds${retryText(retryIn)}`
    const message =
      `cannot roll back: there is no earlier good content of ${names(dests)} to restore. The new content ` +
      `stays, and its reload is ${retried}: ${printable(fault.message)}`
    return { level: 'error', about: resource, message }
  },
}
