// What becomes of the files of a resource, in words.
import { printable } from '../../core/escape.ts'
import type { EventOf } from '../../core/event.ts'
import { formatFault } from '../../core/fault.ts'
import { duration } from '../../core/words.ts'
import { changesInWords } from '../runtime-words.ts'
import { again, names, WHY, withOutput, type Told } from './told.ts'

const BECAUSE = { failed: 'has failed', held: 'is held', waiting: 'waits' } as const

export const describeFiles = {
  foreseen({ resource, dest, runtime, fallback }: EventOf<'foreseen'>): Told {
    const message =
      runtime === undefined
        ? `${printable(dest)} would take a reload, since ${fallback?.text ?? 'it is not known'}`
        : `${printable(dest)} would be applied without a reload: ${changesInWords(runtime)}`
    const fields = runtime === undefined ? { fallback } : { runtime }
    return { level: 'info', about: resource, message, fields: { resource, dest, ...fields } }
  },

  'in-sync': ({ resource, dest }: EventOf<'in-sync'>): Told => ({
    level: 'debug',
    about: resource,
    message: `${printable(dest)} is in sync`,
  }),

  applied: ({ resource, changed }: EventOf<'applied'>): Told => ({
    level: 'debug',
    about: resource,
    message: changed ? 'its files are up to date now' : 'its files are up to date',
  }),

  'out-of-sync': ({ resource, dest, why }: EventOf<'out-of-sync'>): Told => ({
    level: 'info',
    about: resource,
    message: `${printable(dest)} is out of sync (${WHY[why]})`,
  }),

  checked({ resource, command, result }: EventOf<'checked'>): Told {
    const passed = result.exitCode === 0 && !result.timedOut
    const how = `check ${passed ? 'passed' : 'failed'} in ${duration(result.duration)}`
    return { level: 'debug', about: resource, message: `${how}: ${withOutput(command, result)}` }
  },

  written({ resource, dest, why, hash, bytes }: EventOf<'written'>): Told {
    const message =
      why === 'remove'
        ? `removed ${printable(dest)} (${WHY[why]})`
        : `wrote ${printable(dest)} (${WHY[why]}, ${bytes} bytes, ${hash})`
    return { level: 'info', about: resource, message }
  },

  held({ resource, dest, reason, vanished, more, by, passesIn }: EventOf<'held'>): Told {
    const gone = vanished.length === 0 ? '' : `; vanished: ${names(vanished, more)}`
    const what = `held, ${printable(dest)} stays as it is: ${reason}${gone}`
    const message = `${what}\n  reconfd accept ${resource} lets this change through`
    const level = passesIn !== undefined ? 'info' : by === 'guard' ? 'error' : 'warn'
    return { level, about: resource, message }
  },

  waits: ({ resource, for: other, because }: EventOf<'waits'>): Told => ({
    level: 'debug',
    about: resource,
    message: `its files stay as they are: ${other}, of the same group, ${BECAUSE[because]}`,
  }),

  accepted: ({ resource }: EventOf<'accepted'>): Told => ({
    level: 'info',
    about: resource,
    message: 'the held change was accepted',
  }),

  failed: ({ resource, at, fault, retryIn }: EventOf<'failed'>): Told => ({
    level: 'error',
    about: resource,
    message: `${at} failed${again(retryIn)}: ${formatFault(fault)}`,
  }),
}
