// Everything worth telling. Logs, metrics, the status page and the tests listen to this one stream.
// No event carries a value: keys and short hashes do.
import type { Fault } from './fault.ts'
import type { Cause } from './cause.ts'
import type { Key } from './key.ts'
import type { Reads } from './reader.ts'
import type { Result } from './result.ts'

/** Captured output of a command, capped; `truncated` counts the bytes that were dropped. */
export interface CommandResult {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  readonly output: string
  readonly truncated: number
  /** Milliseconds. */
  readonly duration: number
}

/** Why running HAProxy processes could not be brought to a new file without a reload. */
export interface Fallback {
  /** One of few, such as `options`. */
  readonly code: string
  readonly text: string
}

/** The resources, and the stores that each of them reads. */
export type Uses = ReadonlyMap<string, readonly string[]>

/**
 * What has happened, by `kind`. Resources go by the names of their files in conf.d. No event carries a
 * value of a store; keys and short hashes it does. New kinds may come with any version.
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
      /** How often it was tried in vain before; absent: it was not away. */
      readonly tries?: number
      /** Where it has no key: the full keys that were looked for, each with all that is below it. */
      readonly asked?: readonly Key[]
      /** There may be more, which nobody has looked up yet. */
      readonly onDemand?: true
    }
  | {
      readonly kind: 'store-stale'
      readonly store: string
      readonly node: string
      readonly fault: Fault
      /** Whether its keys were read before: then the files made from them stay. */
      readonly known: boolean
      /** Milliseconds until it is tried again; 0: the next node is tried at once. */
      readonly retryIn: number
      /** How often it was tried in vain since it went away, this time included: not every time is told. */
      readonly tries?: number
    }
  /** Changes of a store arrive late. Repeated every few seconds while they do. */
  | {
      readonly kind: 'store-behind'
      readonly store: string
      /** Milliseconds; undefined: they are no longer late. */
      readonly lag: number | undefined
      /** Worth a line of the log. */
      readonly isNews: boolean
    }
  | {
      readonly kind: 'changed'
      readonly store: string
      readonly keys: readonly Key[]
      readonly more: number
      readonly resources: readonly string[]
      /** Which of the keys concern which of the resources. */
      readonly causes: ReadonlyMap<string, Cause>
    }
  /** Files that renders depend on have changed: templates, what they include or ask for. */
  | {
      readonly kind: 'files-changed'
      readonly files: readonly string[]
      /** Which of the files concern which of the resources. */
      readonly causes: ReadonlyMap<string, Cause>
    }
  /** What the templates of a resource have looked up, whether they could be rendered or not. */
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
      /** The start of the SHA-256 of what is there. */
      readonly hash: string
    }
  /** All files of a resource are what its templates make of the keys; what it held or failed at is over. */
  | { readonly kind: 'applied'; readonly resource: string; readonly changed: boolean }
  | {
      readonly kind: 'out-of-sync'
      readonly resource: string
      readonly dest: string
      readonly why: 'create' | 'content' | 'metadata' | 'remove'
    }
  /** What a change of HAProxy's file would come to; only with -noop. */
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
      /** The command did not run: running processes were changed in this way, such as `add web/n3`. */
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
      /** Milliseconds until the next try; null when none is scheduled. */
      readonly retryIn: number | null
      /** Resources of which this was the last try: they are rolled back. */
      readonly exhausted: readonly string[]
    }
  /** A change takes too much away; the last good files stay until it is accepted or another one comes. */
  | {
      readonly kind: 'held'
      readonly resource: string
      readonly dest: string
      readonly reason: string
      /** Some of the keys that have vanished since the last applied render, and how many more. */
      readonly vanished: readonly Key[]
      readonly more: number
      /** `default`: everything that a store supplied is gone, and no guard was asked. */
      readonly by: 'guard' | 'default'
      /** Milliseconds after which it passes if no key changes meanwhile; absent: not by itself. */
      readonly passesIn?: number
    }
  /** What the templates of a resource have looked up is not all known yet: nothing is touched before it is. */
  | {
      readonly kind: 'awaits'
      readonly resource: string
      readonly store: string
      /** Some of it: keys and directories, and how many more. */
      readonly keys: readonly Key[]
      readonly more: number
    }
  /** A resource of a group waits for another one of it, which has failed or is held. */
  | {
      readonly kind: 'waits'
      readonly resource: string
      readonly for: string
      readonly because: 'failed' | 'held' | 'waiting'
    }
  | { readonly kind: 'accepted'; readonly resource: string }
  /** The reload did not succeed with the new files: the last good ones are back. */
  | {
      readonly kind: 'rolled-back'
      readonly resource: string
      /** By destination the start of the SHA-256 of what is there now; null: nothing is. */
      readonly files: ReadonlyMap<string, string | null>
      /** The last failure of the reload. */
      readonly fault: Fault
    }
  /** The reload did not succeed, and there is nothing to go back to: the new files stay. */
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
      /** `configuration`: its definition in conf.d is not right; it lasts until conf.d is read again. */
      readonly at:
        'configuration' | 'render' | 'observe' | 'stage' | 'check' | 'swap' | 'state' | 'reload'
      readonly fault: Fault
      readonly retryIn: number | null
    }
  /** A new configuration is about to be read; `generation-loaded` or `generation-kept` follows. */
  | { readonly kind: 'generation-loading'; readonly reason: string }
  | { readonly kind: 'generation-kept'; readonly reason: string; readonly faults: readonly Fault[] }
  | {
      readonly kind: 'generation-loaded'
      readonly reason: string
      readonly resources: number
      readonly uses: Uses
    }
  /** The program of exec mode starts once these resources have been applied. */
  | {
      readonly kind: 'child-awaits'
      readonly program: string
      readonly resources: readonly string[]
    }
  | {
      readonly kind: 'child-started'
      readonly program: string
      readonly pid: number
      /** How often it was started before. */
      readonly restarts: number
    }
  | {
      readonly kind: 'child-exited'
      readonly program: string
      readonly pid: number
      /** One of the two is not null. */
      readonly exitCode: number | null
      readonly signal: string | null
      /** How long it has run, in milliseconds. */
      readonly duration: number
      /** We have ended it. */
      readonly expected: boolean
      /** Milliseconds until it is started again; null: it is not, unless a reload does so. */
      readonly retryIn: number | null
    }
  | {
      readonly kind: 'child-refused'
      readonly program: string
      readonly fault: Fault
      readonly retryIn: number | null
    }
  /** The run cannot begin, or a onetime run cannot go on. */
  | { readonly kind: 'gave-up'; readonly fault: Fault }
  | { readonly kind: 'stopping'; readonly reason: string }

/** The events of some kinds. */
export type EventOf<K extends Event['kind']> = Extract<Event, { kind: K }>

export type Emit = (event: Event) => void

/** Tells of what could not be done, where that is no reason to stop. */
export function warnIfFailed(emit: Emit, done: Result<unknown, Fault>): void {
  if (!done.ok) emit({ kind: 'notice', level: 'warn', message: done.error.message })
}
