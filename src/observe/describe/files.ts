// Describes the events of the files of a resource.
import { printable } from '../../core/escape.ts'
import type { EventOf } from '../../core/event.ts'
import { formatFault } from '../../core/fault.ts'
import { duration } from '../../core/words.ts'
import { changesInWords } from '../runtime-words.ts'
import { retryText, names, WHY, withOutput, type Description } from './description.ts'

const BECAUSE = { failed: 'has failed', held: 'is held', waiting: 'waits' } as const

export const describeFiles = {
  foreseen({ resource, dest, runtime, fallback }: EventOf<'foreseen'>): Description {
    const message =
      runtime === undefined
        ? `${printable(dest)} would need a reload: ${fallback?.text ?? 'the reason is unknown'}`
        : `${printable(dest)} would be applied without a reload: ${changesInWords(runtime)}`
    const fields = runtime === undefined ? { fallback } : { runtime }
    return { level: 'info', about: resource, message, fields: { resource, dest, ...fields } }
  },

  'in-sync': ({ resource, dest }: EventOf<'in-sync'>): Description => ({
    level: 'debug',
    about: resource,
    message: `${printable(dest)} is in sync`,
  }),

  applied: ({ resource, changed }: EventOf<'applied'>): Description => ({
    level: 'debug',
    about: resource,
    message: changed ? 'its files are up to date now' : 'its files are up to date',
  }),

  'out-of-sync': ({ resource, dest, why }: EventOf<'out-of-sync'>): Description => ({
    level: 'info',
    about: resource,
    message: `${printable(dest)} is out of sync (${WHY[why]})`,
  }),

  checked({ resource, command, result }: EventOf<'checked'>): Description {
    const passed = result.exitCode === 0 && !result.timedOut
    const how = `check ${passed ? 'passed' : 'failed'} in ${duration(result.duration)}`
    return { level: 'debug', about: resource, message: `${how}: ${withOutput(command, result)}` }
  },

  written({ resource, dest, why, hash, bytes }: EventOf<'written'>): Description {
    const message =
      why === 'remove'
        ? `removed ${printable(dest)} (${WHY[why]})`
        : `wrote ${printable(dest)} (${WHY[why]}, ${bytes} bytes, ${hash})`
    return { level: 'info', about: resource, message }
  },

  held({ resource, dest, reason, vanished, more, by, passesIn }: EventOf<'held'>): Description {
    const gone = vanished.length === 0 ? '' : `; vanished: ${names(vanished, more)}`
    const what = `held, ${printable(dest)} stays as it is: ${reason}${gone}`
    const message = `${what}\n  to apply this change: reconfd accept ${resource}`
    const level = passesIn !== undefined ? 'info' : by === 'guard' ? 'error' : 'warn'
    return { level, about: resource, message }
  },

  waits: ({ resource, for: other, because }: EventOf<'waits'>): Description => ({
    level: 'debug',
    about: resource,
    message: `its files stay as they are: ${other}, of the same group, ${BECAUSE[because]}`,
  }),

  accepted: ({ resource }: EventOf<'accepted'>): Description => ({
    level: 'info',
    about: resource,
    message: 'the held change was accepted',
  }),

  failed: ({ resource, at, fault, retryIn }: EventOf<'failed'>): Description => ({
    level: 'error',
    about: resource,
    message: `${at} failed${retryText(retryIn)}: ${formatFault(fault)}`,
  }),
}
