// The status of stores and resources, as shown by `reconfd status` and `reconfd why` and kept in the state directory.
// Contains names, times and faults, never values.
import type { Fault } from './fault.ts'

/** Worst first. */
export const states = ['failed', 'held', 'owed', 'stale', 'behind', 'waiting', 'in sync'] as const

/**
 * - `failed`: its files could not be updated and are unchanged
 * - `held`: the change removes too much, and waits until it is accepted or the keys are back
 * - `owed`: its files are in place, and a reload is running, is pending, or has failed
 * - `stale`: in sync with the last known keys, but the store is unreachable
 * - `behind`: in sync with the received keys, but changes in the store arrive late
 * - `waiting`: not processed yet, or waiting for the first read of a part of a store
 */
export type ResourceState = (typeof states)[number]

/** Times are ISO 8601, UTC. */
export interface Status {
  readonly version: string
  readonly pid: number
  /** Start time of the daemon. */
  readonly started: string
  /** Time of this status. */
  readonly at: string
  readonly stores: readonly StoreStatus[]
  /** Present if conf.d is invalid and the previous configuration stays in use. */
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
   * - `waiting`: has not started, since some resources have not been applied yet
   * - `restarting`: has exited and will be restarted soon
   */
  readonly state: (typeof childStates)[number]
  readonly since: string
  /** Absent while the program is not running. */
  readonly pid?: number
  /** Why the program is not running. */
  readonly why?: string
  readonly restarts: number
  /** Exactly one of exitCode and signal is not null. */
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
  /** The node tried last. */
  readonly node?: string
  /** Number of keys at the last contact; absent before the first contact. */
  readonly keys?: number
  /** Why the store is unreachable. */
  readonly fault?: Fault
  /** Milliseconds by which changes arrive late; only in the state `behind`. */
  readonly lag?: number
}

export const lateness = (lag: number): string => `changes arrive ${Math.round(lag / 1000)} s late`

export interface ResourceStatus {
  readonly name: string
  readonly state: ResourceState
  readonly since: string
  /** Absent if in sync. */
  readonly why?: string
  /** Since when a reload has been owed, whatever the `state`; absent if no reload is owed. */
  readonly owedSince?: string
  readonly lastChange?: ResourceChange
  readonly lastReload?: Reload
  /** Prefix of the SHA-256 of the file in place, by destination. */
  readonly hashes: Readonly<Record<string, string>>
}

/** The cause of a change: keys, files that the templates depend on, or both. */
export interface ResourceChange {
  readonly at: string
  readonly keys: readonly string[]
  readonly files: readonly string[]
  /** Number of keys and files that are not named. */
  readonly more: number
}

export interface Reload {
  /** Time at which the reload ended. */
  readonly at: string
  readonly command: string
  readonly succeeded: boolean
  /** Null if a signal killed the command. */
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  /** Milliseconds. */
  readonly duration: number
  /** With `[template.haproxy]`: the changes made without a reload, or why a reload was needed. */
  readonly how?: string
  /** HAProxy was changed at run time, and the command did not run. */
  readonly isAtRunTime?: true
}

/** The reads of the last render, hits and misses alike: full keys, with the prefix. */
export interface ReadNames {
  readonly keys: readonly string[]
  readonly trees: readonly string[]
  readonly listings: readonly string[]
  readonly patterns: readonly string[]
  readonly files: readonly string[]
  /** Number of reads that are not named. */
  readonly more: number
  /** The number of keys found; a key that two look-ups or two files use counts twice. */
  readonly found: number
}

/** A resource with its history, for `reconfd why`. */
export interface ResourceHistory extends ResourceStatus {
  /** Absent before its first render. */
  readonly reads?: ReadNames
  /** The last 20 changes, newest first. */
  readonly changes: readonly ResourceChange[]
}

/** The complete status, as kept in the state directory. */
export interface FullStatus extends Status {
  readonly resources: readonly ResourceHistory[]
}

/** The status without histories. */
export function summaryOf(status: FullStatus): Status {
  const resources = status.resources.map(({ reads: _reads, changes: _changes, ...one }) => one)
  return { ...status, resources }
}

/** Worst first, then by name. */
export function worstFirst<T extends ResourceStatus>(resources: readonly T[]): T[] {
  const rank = ({ state }: T): number => states.indexOf(state)
  return [...resources].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
}
