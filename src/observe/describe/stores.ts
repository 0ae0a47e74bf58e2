// Describes the events of stores and files.
import type { EventOf } from '../../core/event.ts'
import { formatFault } from '../../core/fault.ts'
import type { Reads } from '../../core/reads.ts'
import { lateness } from '../../core/status.ts'
import { counted, duration } from '../../core/words.ts'
import { retryText, names, type Description } from './description.ts'

/**
 * Milliseconds from which a render counts as slow. A template cannot be interrupted, and blocks everything else while
 * it runs.
 */
const SLOW_RENDER = 10_000

/** Maximum number of prefixes named in the message about a store that has none of the keys. */
const ASKED = 10

export const describeStores = {
  'store-live'({ store, node, keys, tries, asked }: EventOf<'store-live'>): Description {
    const empty =
      asked === undefined
        ? ''
        : `, none at or below ${names(asked.slice(0, ASKED), asked.length - ASKED)}: ` +
          'check -prefix and the keys of the resources'
    const after =
      tries === undefined ? '' : `, after ${counted(tries, 'failed try', 'failed tries')}`
    const message = `live: ${counted(keys, 'key')} from ${node}${after}${empty}`
    return { level: asked === undefined ? 'info' : 'warn', about: store, message }
  },

  'store-stale'(event: EventOf<'store-stale'>): Description {
    const { store, node, fault, known, retryIn, tries = 1 } = event
    const often = tries === 1 ? '' : `, tried ${tries} times`
    const files = known
      ? 'the last good files stay'
      : 'no keys yet, so the files that need them stay as they are'
    const next = retryIn === 0 ? ', trying the next node' : retryText(retryIn)
    const message = `${files}${often}${next}: ${formatFault(fault)}`
    return {
      level: 'error',
      about: store,
      message,
      fields: { store, node, fault, known, retryIn, tries },
    }
  },

  'store-behind'({ store, lag, isNews }: EventOf<'store-behind'>): Description {
    if (lag === undefined) return { level: 'info', about: store, message: 'no longer behind' }
    return {
      level: isNews ? 'warn' : 'debug',
      about: store,
      message: `behind: ${lateness(lag)}; all keys are re-read if that is faster`,
      fields: { store, lag: Math.round(lag) },
    }
  },

  changed({ store, keys, more, resources }: EventOf<'changed'>): Description {
    const who = resources.length === 0 ? 'no resource reads them' : `read by ${names(resources)}`
    return { level: 'debug', about: store, message: `changed: ${names(keys, more)}; ${who}` }
  },

  'files-changed'({ files, causes }: EventOf<'files-changed'>): Description {
    const resources = [...causes.keys()]
    const message = `changed: ${names(files)}; used by ${names(resources)}`
    return { level: 'debug', message, fields: { files, resources } }
  },

  rendered({ resource, reads, duration: took }: EventOf<'rendered'>): Description {
    const counts = readCounts(reads)
    const all = Object.entries(counts).map(([what, count]) => `${count} ${what}`)
    const message = `rendered; looked up: ${all.join(', ')}`
    const fields = { resource, ...counts }
    if (took < SLOW_RENDER) return { level: 'debug', about: resource, message, fields }
    const slow = `rendering took ${duration(took)}; check its templates, and the size of the values they use`
    return { level: 'warn', about: resource, message: slow, fields: { ...fields, duration: took } }
  },

  awaits({ resource, store, keys, more }: EventOf<'awaits'>): Description {
    const message = `waits for the first read of ${names(keys, more)} from ${store}`
    return { level: 'debug', about: resource, message }
  },
}

/** Counts the keys, directories, patterns and files that the templates of a resource have looked up. */
function readCounts(reads: readonly Reads[]): Record<string, number> {
  const count = (of: (one: Reads) => ReadonlySet<string>): number =>
    reads.reduce((sum, one) => sum + of(one).size, 0)
  return {
    keys: count(({ keys }) => keys),
    directories: count(({ trees }) => trees) + count(({ listings }) => listings),
    patterns: count(({ patterns }) => patterns),
    files: count(({ files }) => files),
  }
}
