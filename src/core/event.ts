// The events of a run. The log, metrics, status page and tests listen to this one stream.
// Events carry keys and short hashes, never values.
import type { Fault } from './fault.ts'
import type { Cause } from './cause.ts'
import type { Key } from './key.ts'
import type { Reads } from './reads.ts'
import type { Result } from './result.ts'

/** The result of a command. Its output is capped; `truncated` counts the dropped bytes. */
export interface CommandResult {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  readonly output: string
  readonly truncated: number
  /** Milliseconds. */
  readonly duration: number
}

/** Why a new HAProxy configuration could not be applied without a reload. */
export interface Fallback {
  /** A code from a fixed set, such as `options`. */
  readonly code: string
  readonly text: string
}

/** The stores that each resource reads. */
export type Uses = ReadonlyMap<string, readonly string[]>

/**
 * An event, discriminated by `kind`. A resource is named after its file in conf.d. Events carry keys and short hashes,
 * never values from a store. Later versions may add kinds.
 */
export type Event =
  | {
      readonly kind: 'started'
      readonly version: string
      readonly backend: string
      readonly nodes: readonly string[]
      readonly resources: number
      readonly uses: Uses
    }
  | {
      readonly kind: 'notice'
      readonly level: 'error' | 'warn' | 'info' | 'debug'
      readonly message: string
    }
  | {
      readonly kind: 'store-live'
      readonly store: string
      readonly node: string
      readonly keys: number
      /** Failed attempts before this success; absent if none failed. */
      readonly tries?: number
      /** If the store has no keys: the full prefixes that were read. */
      readonly asked?: readonly Key[]
      /** The store is read on demand, so it may have more keys that no template has looked up yet. */
      readonly onDemand?: true
    }
  | {
      readonly kind: 'store-stale'
      readonly store: string
      readonly node: string
      readonly fault: Fault
      /** Whether the keys of the store have been read before; if so, files stay as they are. */
      readonly known: boolean
      /** Milliseconds until the next attempt; 0: the next node is tried immediately. */
      readonly retryIn: number
      /** Failed attempts since the store became unreachable, including this one. Not every attempt causes an event. */
      readonly tries?: number
    }
  /** Changes in a store arrive late. Repeated every few seconds until they arrive in time again. */
  | {
      readonly kind: 'store-behind'
      readonly store: string
      /** Delay of the changes in milliseconds; undefined: they are no longer late. */
      readonly lag: number | undefined
      /** Whether to log this event. */
      readonly isNews: boolean
    }
  | {
      readonly kind: 'changed'
      readonly store: string
      readonly keys: readonly Key[]
      readonly more: number
      readonly resources: readonly string[]
      /** The changed keys that each resource reads. */
      readonly causes: ReadonlyMap<string, Cause>
    }
  /** Files that renders depend on have changed: templates, includes, and files that templates read. */
  | {
      readonly kind: 'files-changed'
      readonly files: readonly string[]
      /** The changed files that each resource uses. */
      readonly causes: ReadonlyMap<string, Cause>
    }
  /** The reads of a render, successful or not. */
  | {
      readonly kind: 'rendered'
      readonly resource: string
      readonly reads: readonly Reads[]
      /** Milliseconds. */
      readonly duration: number
    }
  | {
      readonly kind: 'in-sync'
      readonly resource: string
      readonly dest: string
      /** Prefix of the SHA-256 of the file in place. */
      readonly hash: string
    }
  /** All files of a resource are in sync; earlier failures and holds are over. */
  | { readonly kind: 'applied'; readonly resource: string; readonly changed: boolean }
  | {
      readonly kind: 'out-of-sync'
      readonly resource: string
      readonly dest: string
      readonly why: 'create' | 'content' | 'metadata' | 'remove'
    }
  /** How a change to HAProxy's file would be applied; only with -noop. */
  | {
      readonly kind: 'foreseen'
      readonly resource: string
      readonly dest: string
      readonly runtime?: readonly string[]
      readonly fallback?: Fallback
    }
  | {
      readonly kind: 'checked'
      readonly resource: string
      readonly dest: string
      readonly command: string
      readonly result: CommandResult
    }
  | {
      readonly kind: 'written'
      readonly resource: string
      readonly dest: string
      readonly why: 'create' | 'content' | 'metadata' | 'remove'
      readonly hash: string
      readonly bytes: number
      readonly cause: Cause
    }
  | {
      readonly kind: 'reload-started'
      readonly resources: readonly string[]
      readonly command: string
    }
  | {
      readonly kind: 'reloaded'
      readonly resources: readonly string[]
      readonly command: string
      readonly result: CommandResult
      /** The changes made to running processes instead of running the command, such as `add web/n3`. */
      readonly runtime?: readonly string[]
      readonly fallback?: Fallback
    }
  | {
      readonly kind: 'reload-owed'
      readonly resources: readonly string[]
      readonly command: string
      readonly result: CommandResult
      readonly fallback?: Fallback
      readonly fault: Fault
      readonly attempts: number
      /** Milliseconds until the next attempt; null if none is scheduled. */
      readonly retryIn: number | null
      /** Resources for which this was the last attempt; they are rolled back. */
      readonly exhausted: readonly string[]
    }
  /** A change removes too much and is held. The last good files stay until the change is accepted or superseded. */
  | {
      readonly kind: 'held'
      readonly resource: string
      readonly dest: string
      readonly reason: string
      /** Keys that have vanished since the last applied render; `more` counts the others. */
      readonly vanished: readonly Key[]
      readonly more: number
      /** `default`: held even without a guard, because a store no longer supplies any keys. */
      readonly by: 'guard' | 'default'
      /** Milliseconds after which the change passes if no key count changes; absent if it does not pass with time. */
      readonly passesIn?: number
    }
  /** A resource waits for parts of an on-demand store that its templates have looked up. */
  | {
      readonly kind: 'awaits'
      readonly resource: string
      readonly store: string
      /** Awaited keys and directories; `more` counts the others. */
      readonly keys: readonly Key[]
      readonly more: number
    }
  /** A resource waits for another resource of its group, which has failed, is held, or waits itself. */
  | {
      readonly kind: 'waits'
      readonly resource: string
      readonly for: string
      readonly because: 'failed' | 'held' | 'waiting'
    }
  | { readonly kind: 'accepted'; readonly resource: string }
  /** The reload failed with the new files, and the last good files were restored. */
  | {
      readonly kind: 'rolled-back'
      readonly resource: string
      /** Prefix of the SHA-256 of the file in place, by destination; null: no file. */
      readonly files: ReadonlyMap<string, string | null>
      /** The last failure of the reload. */
      readonly fault: Fault
    }
  /** The reload failed, and the new files stay because there are no earlier good files. */
  | {
      readonly kind: 'rollback-impossible'
      readonly resource: string
      readonly dests: readonly string[]
      readonly fault: Fault
      readonly retryIn: number | null
    }
  | {
      readonly kind: 'failed'
      readonly resource: string
      /** `configuration`: an invalid definition in conf.d; lasts until conf.d is read again. */
      readonly at:
        'configuration' | 'render' | 'observe' | 'stage' | 'check' | 'swap' | 'state' | 'reload'
      readonly fault: Fault
      readonly retryIn: number | null
    }
  /** A new configuration is being read; `generation-loaded` or `generation-kept` follows. */
  | { readonly kind: 'generation-loading'; readonly reason: string }
  | { readonly kind: 'generation-kept'; readonly reason: string; readonly faults: readonly Fault[] }
  | {
      readonly kind: 'generation-loaded'
      readonly reason: string
      readonly resources: number
      readonly uses: Uses
    }
  /** The program of exec mode starts when these resources have been applied. */
  | {
      readonly kind: 'child-awaits'
      readonly program: string
      readonly resources: readonly string[]
    }
  | {
      readonly kind: 'child-started'
      readonly program: string
      readonly pid: number
      /** Number of earlier starts. */
      readonly restarts: number
    }
  | {
      readonly kind: 'child-exited'
      readonly program: string
      readonly pid: number
      /** Exactly one of exitCode and signal is not null. */
      readonly exitCode: number | null
      readonly signal: string | null
      /** Milliseconds for which the program ran. */
      readonly duration: number
      /** Whether reconfd stopped the program. */
      readonly expected: boolean
      /** Milliseconds until the restart; null: only a reload restarts it. */
      readonly retryIn: number | null
    }
  | {
      readonly kind: 'child-refused'
      readonly program: string
      readonly fault: Fault
      readonly retryIn: number | null
    }
  /** The run cannot start, or a onetime run cannot continue. */
  | { readonly kind: 'gave-up'; readonly fault: Fault }
  | { readonly kind: 'stopping'; readonly reason: string }

/** The events of certain kinds. */
export type EventOf<K extends Event['kind']> = Extract<Event, { kind: K }>

export type Emit = (event: Event) => void

/** Emits a warning for a failure that is not fatal. */
export function warnIfFailed(emit: Emit, done: Result<unknown, Fault>): void {
  if (!done.ok) emit({ kind: 'notice', level: 'warn', message: done.error.message })
}
