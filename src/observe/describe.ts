// Each event as one line for people, with its level and its fields for machines.
// Levels: debug is what happens all the time, info what changes the machine, warn what needs an eye
// soon, error what needs one now.
import type { CommandResult, Event } from '../core/event.ts'
import { formatFault } from '../core/fault.ts'
import { lastLines } from '../core/output.ts'
import type { Reads } from '../core/reader.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

export interface Described {
  readonly level: Level
  /** What the line is about: a resource, a store; empty for the program itself. */
  readonly about: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

const seconds = (ms: number): string => `${ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`}`
const again = (ms: number | null): string => (ms === null ? '' : `, again in ${seconds(ms)}`)
const nextNode = (ms: number): string => (ms === 0 ? ', the next node is tried at once' : again(ms))
const names = (all: readonly string[]): string => all.join(', ')
const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
const BECAUSE = { failed: 'has failed', held: 'is held', waiting: 'waits' } as const
const WHY = {
  create: 'new',
  content: 'content',
  metadata: 'owner or mode',
  remove: 'not wanted any more',
} as const

/** The command, and below it the last lines of what it printed. */
const withOutput = (command: string, { output }: CommandResult): string =>
  [command, ...lastLines(output).map((text) => `| ${text}`)].join('\n')

/**
 * @param debug whether what a command has printed that did as it should is wanted; what one has printed
 * that failed is in the fault
 */
export function describe(event: Event, debug: boolean): Described {
  const line = (
    level: Level,
    about: string,
    message: string,
    fields: Record<string, unknown> = {},
  ): Described => ({
    level,
    about,
    message,
    fields: { event: event.kind, ...fields },
  })
  switch (event.kind) {
    case 'started': {
      const { version, backend, nodes, resources } = event
      const at = nodes.length === 0 ? '' : ` at ${names(nodes)}`
      return line(
        'info',
        '',
        `reconfd ${version}: ${counted(resources, 'resource')} from ${backend}${at}`,
        {
          version,
          backend,
          nodes,
          resources,
        },
      )
    }
    case 'notice':
      return line(event.level, '', event.message)
    case 'store-live': {
      const { store, node, keys, tries, onDemand = false } = event
      const isEmpty = keys === 0 && !onDemand
      const empty = isEmpty ? '; are -prefix and the keys of the resources right?' : ''
      const again =
        tries === undefined
          ? ''
          : `, after ${counted(tries, 'failed try').replace(/trys$/, 'tries')}`
      const text = `live: ${counted(keys, 'key')} from ${node}${again}${empty}`
      return line('info', store, text, {
        store,
        node,
        keys,
        ...(tries === undefined ? {} : { tries }),
      })
    }
    case 'store-stale': {
      const { store, node, fault, known, retryIn, tries = 1 } = event
      const so = known ? 'the last good files stay' : 'no keys yet, no file is touched'
      const often = tries === 1 ? '' : `, tried ${tries} times`
      const text = `${so}${often}${nextNode(retryIn)}: ${formatFault(fault)}`
      return line('error', store, text, { store, node, fault, known, retryIn, tries })
    }
    case 'changed': {
      const { store, keys, more, resources } = event
      const rest = more > 0 ? ` and ${more} more` : ''
      const who = resources.length === 0 ? 'no resource reads them' : `read by ${names(resources)}`
      return line('debug', store, `changed: ${names(keys)}${rest}; ${who}`, {
        store,
        keys,
        more,
        resources,
      })
    }
    case 'files-changed': {
      const { files } = event
      const resources = [...event.causes.keys()]
      const text = `changed: ${names(files)}; used by ${names(resources)}`
      return line('debug', '', text, { files, resources })
    }
    case 'rendered': {
      const { resource, reads } = event
      const counts = readCounts(reads)
      const told = Object.entries(counts).map(([what, count]) => `${count} ${what}`)
      return line('debug', resource, `rendered; looked up: ${names(told)}`, { resource, ...counts })
    }
    case 'in-sync':
      return line('debug', event.resource, `${event.dest} is in sync`, {
        resource: event.resource,
        dest: event.dest,
        hash: event.hash,
      })
    case 'applied': {
      const { resource, changed } = event
      const text = changed ? 'its files are up to date now' : 'its files are up to date'
      return line('debug', resource, text, { resource, changed })
    }
    case 'out-of-sync': {
      const { resource, dest, why } = event
      return line('info', resource, `${dest} is out of sync (${WHY[why]})`, { resource, dest, why })
    }
    case 'checked': {
      const { resource, dest, command, result } = event
      const passed = result.exitCode === 0 && !result.timedOut
      const how = `check ${passed ? 'passed' : 'failed'} in ${seconds(result.duration)}`
      return line('debug', resource, `${how}: ${withOutput(command, result)}`, {
        resource,
        dest,
        command,
        ...result,
      })
    }
    case 'written': {
      const { resource, dest, why, hash, bytes } = event
      const text =
        why === 'remove'
          ? `removed ${dest} (${WHY[why]})`
          : `wrote ${dest} (${WHY[why]}, ${bytes} bytes, ${hash})`
      return line('info', resource, text, {
        resource,
        dest,
        why,
        hash,
        bytes,
      })
    }
    case 'reload-started':
      return line('debug', names(event.resources), `reloading: ${event.command}`, {
        resources: event.resources,
        command: event.command,
      })
    case 'reloaded': {
      const { resources, command, result } = event
      const { exitCode, signal, timedOut, duration } = result
      const told = debug ? withOutput(command, result) : command
      const text = `reloaded in ${seconds(result.duration)}: ${told}`
      const fields = {
        resources,
        command,
        ...(debug ? result : { exitCode, signal, timedOut, duration }),
      }
      return line('info', names(resources), text, fields)
    }
    case 'reload-owed': {
      const { resources, command, result, fault, attempts, retryIn, exhausted } = event
      const next = exhausted.length > 0 ? `, ${names(exhausted)} is rolled back` : again(retryIn)
      const text = `reload is owed, try ${attempts} failed${next}: ${formatFault(fault)}`
      return line('error', names(resources), text, {
        resources,
        command,
        ...result,
        fault,
        attempts,
        retryIn,
        exhausted,
      })
    }
    case 'held': {
      const { resource, dest, reason, vanished, more } = event
      const rest = more > 0 ? ` and ${more} more` : ''
      const gone = vanished.length === 0 ? '' : `; vanished: ${names(vanished)}${rest}`
      const text = `held, ${dest} stays as it is: ${reason}${gone}\n  reconfd accept ${resource} lets this change through`
      return line('error', resource, text, { resource, dest, reason, vanished, more })
    }
    case 'awaits': {
      const { resource, store, keys, more } = event
      const rest = more > 0 ? ` and ${more} more` : ''
      const text = `waits for the first reading of ${names(keys)}${rest} from ${store}`
      return line('debug', resource, text, { resource, store, keys, more })
    }
    case 'waits': {
      const { resource, because } = event
      const text = `its files stay as they are: ${event.for}, of the same group, ${BECAUSE[because]}`
      return line('debug', resource, text, { resource, for: event.for, because })
    }
    case 'accepted':
      return line('info', event.resource, 'the held change was accepted', {
        resource: event.resource,
      })
    case 'rolled-back': {
      const { resource, fault } = event
      const dests = [...event.files.keys()]
      const text = `rolled back, since ${fault.message}\n  ${names(dests)}: the last good content is back. The rejected one is not tried again until it changes; reconfd accept ${resource} tries it once more.`
      return line('error', resource, text, { resource, dests, fault })
    }
    case 'rollback-impossible': {
      const { resource, dests, fault, retryIn } = event
      const text = `cannot roll back: there is no earlier good content of ${names(dests)} to go back to. The new content stays, and its reload is retried until it succeeds${again(retryIn)}: ${fault.message}`
      return line('error', resource, text, { resource, dests, fault, retryIn })
    }
    case 'failed': {
      const { resource, at, fault, retryIn } = event
      return line('error', resource, `${at} failed${again(retryIn)}: ${formatFault(fault)}`, {
        resource,
        at,
        fault,
        retryIn,
      })
    }
    case 'generation-loading':
      return line('debug', '', `reading the configuration anew (${event.reason})`, {
        reason: event.reason,
      })
    case 'generation-kept': {
      const told = event.faults.map(formatFault).join('\n')
      return line(
        'error',
        '',
        `the configuration is bad, the former one stays at work (${event.reason}):\n${told}`,
        { reason: event.reason, faults: event.faults },
      )
    }
    case 'generation-loaded':
      return line(
        'info',
        '',
        `configuration loaded anew (${event.reason}): ${counted(event.resources, 'resource')}`,
        { reason: event.reason, resources: event.resources },
      )
    case 'gave-up':
      return line('error', '', formatFault(event.fault), { fault: event.fault })
    case 'stopping':
      return line('info', '', `stopping: ${event.reason}; what is in work is finished first`, {
        reason: event.reason,
      })
  }
}

/** How many keys, directories, patterns and files the templates of a resource have looked up. */
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
