// The status: what a daemon knows of its stores and resources, as `reconfd status` and `reconfd why`
// tell it and as it is kept in the state directory. Names, times and faults; never a value.
import type { Fault } from './fault.ts'

/** Worst first. */
export const states = ['failed', 'held', 'owed', 'stale', 'behind', 'waiting', 'in sync'] as const

/**
 * - `failed`: its files could not be brought up to date; they are as they were
 * - `held`: the change takes too much away; it waits to be accepted, or for the keys to come back
 * - `owed`: its files are in place, and a reload is running, is due, or has failed
 * - `stale`: in sync with what the store last said, and the store is away
 * - `behind`: in sync with what has arrived, and changes of the store arrive late
 * - `waiting`: not looked at yet, or for the first reading of something it has come to look up
 */
export type State = (typeof states)[number]

/** Times are ISO 8601, UTC. */
export interface Status {
  readonly version: string
  readonly pid: number
  /** When the daemon started. */
  readonly started: string
  /** When this was true. */
  readonly at: string
  readonly stores: readonly StoreStatus[]
  /** conf.d was edited badly: the former configuration is at work. */
  readonly configuration?: { readonly since: string; readonly faults: readonly Fault[] }
  /** The program of exec mode. */
  readonly child?: ChildStatus
  /** Worst first, then by name. */
  readonly resources: readonly ResourceStatus[]
}

export const childStates = ['waiting', 'up', 'down', 'restarting'] as const

export interface ChildStatus {
  readonly program: string
  /**
   * - `waiting`: for resources that have not been applied yet
   * - `restarting`: it has ended, and is started again soon
   */
  readonly state: (typeof childStates)[number]
  readonly since: string
  /** Absent while it does not run. */
  readonly pid?: number
  /** Why it does not run. */
  readonly why?: string
  readonly restarts: number
  /** One of exitCode and signal is not null. */
  readonly lastExit?: {
    readonly at: string
    readonly exitCode: number | null
    readonly signal: string | null
  }
}

export interface StoreStatus {
  readonly name: string
  readonly state: 'live' | 'behind' | 'stale' | 'waiting'
  readonly since: string
  /** The one that was asked last. */
  readonly node?: string
  /** How many keys it has, or had when it was last heard; absent before that. */
  readonly keys?: number
  /** Why it is away. */
  readonly fault?: Fault
  /** Milliseconds by which its changes arrive late, when it is behind. */
  readonly lag?: number
}

export const lateness = (lag: number): string => `changes arrive ${Math.round(lag / 1000)} s late`

export interface ResourceStatus {
  readonly name: string
  readonly state: State
  readonly since: string
  /** Absent when it is in sync. */
  readonly why?: string
  /** Since when a reload is owed, whatever the state; absent: none is. */
  readonly owedSince?: string
  readonly lastChange?: Change
  readonly lastReload?: Reload
  /** The start of the SHA-256 of what was put at each destination, or found there in sync. */
  readonly hashes: Readonly<Record<string, string>>
}

/** What made a resource dirty: keys, or files that its templates depend on; one of the two is empty. */
export interface Change {
  readonly at: string
  readonly keys: readonly string[]
  readonly files: readonly string[]
  /** How many more there are than are named. */
  readonly more: number
}

export interface Reload {
  /** When it ended. */
  readonly at: string
  readonly command: string
  readonly succeeded: boolean
  /** Null when it was ended by a signal. */
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  /** Milliseconds. */
  readonly duration: number
  /** With `[template.haproxy]`: that the command did not run, or why it had to. */
  readonly how?: string
}

/** What the last render looked up, hits and misses alike: full keys, the prefix included. */
export interface ReadNames {
  readonly keys: readonly string[]
  readonly trees: readonly string[]
  readonly listings: readonly string[]
  readonly patterns: readonly string[]
  readonly files: readonly string[]
  /** How many more there are than are named. */
  readonly more: number
}

/** A resource with its past: what `reconfd why` shows. */
export interface ResourceHistory extends ResourceStatus {
  /** Absent before its first render. */
  readonly reads?: ReadNames
  /** The newest 20, newest first. */
  readonly changes: readonly Change[]
}

/** Everything; what is kept in the state directory. */
export interface FullStatus extends Status {
  readonly resources: readonly ResourceHistory[]
}

/** The status without the pasts. */
export function summaryOf(status: FullStatus): Status {
  const resources = status.resources.map(({ reads: _reads, changes: _changes, ...one }) => one)
  return { ...status, resources }
}

/** Worst first, then by name. */
export function worstFirst<T extends ResourceStatus>(resources: readonly T[]): T[] {
  const rank = ({ state }: T): number => states.indexOf(state)
  return [...resources].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
}
