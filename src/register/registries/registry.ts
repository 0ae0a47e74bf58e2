// The interface of a registry: one store into which services are written, one file each. The keeper
// (keeper.ts) decides what is written and when; a registry knows how, and which entries are ours.
import type { Fault } from '../../core/fault.ts'
import type { Result } from '../../core/result.ts'
import type { Service } from '../service.ts'

/** A service as it lies in a store. */
export interface Entry {
  readonly service: Service
  /** The path of a key, or an id. Unique. */
  readonly key: string
  /** Differs if anything of the entry differs. */
  readonly text: string
  /** For people, if the text is only a hash. */
  readonly shown?: string
}

/** Why an entry was not written. */
export interface Refused {
  readonly fault: Fault
  /** It belongs to somebody else, who may release it at any time. */
  readonly taken?: true
}

/** The lease or the session is gone, and all entries with it: reopen. */
export class Lost extends Error {
  constructor(
    /** What is gone, such as `the lease`. */
    readonly what: string,
  ) {
    super(`${what} is gone`)
  }
}

/** One connection to one node. All methods throw a FaultError when it breaks, and Lost. */
export interface Session {
  /** Rejects when the connection breaks by itself; absent: that shows with the next request. */
  readonly broken?: Promise<never>
  /**
   * Our entries in the store with their texts, by key; those of an earlier run included.
   * @param wanted keys that may hold entries of ours, for stores that cannot list them
   */
  present(wanted: readonly string[]): Promise<ReadonlyMap<string, string>>
  /**
   * Writes entries without touching those of somebody else.
   * @returns the refused entries, by key
   */
  put(entries: readonly Entry[]): Promise<ReadonlyMap<string, Refused>>
  /** Removes entries of ours; a missing one is no failure. */
  remove(keys: readonly string[]): Promise<void>
  /**
   * Renews all entries for another TTL.
   * @param keys of all entries in the store
   * @returns the keys of entries that are gone
   */
  renew(keys: readonly string[]): Promise<readonly string[]>
  /** Ends the connection; entries stay for their TTL. */
  close(): Promise<void>
  /** Ends the lease or the session, and all entries with it. Followed by close(). */
  end(): Promise<void>
}

export interface Registry {
  /** How messages call the store, such as `etcd`. */
  readonly product: string
  /** Its nodes; never empty. */
  readonly nodes: readonly string[]
  /** The kinds of checks that the store makes itself once the service is up. */
  readonly makes: ReadonlySet<string>
  /** The service as an entry, or why it cannot be one. */
  entryOf(service: Service): Result<Entry, string>
  /**
   * Connects, and takes over what an earlier run has left. Aborting ends it.
   * @param changed somebody else may have changed or removed an entry of ours
   */
  open(node: string, signal: AbortSignal, changed: () => void): Promise<Session>
}

/** What a registry keeps in the state folder from run to run, such as the id of its lease. */
export interface Memory {
  /** The last kept state; empty at first. */
  readonly kept: Readonly<Record<string, unknown>>
  /** Resolves when the state is durable. Never rejects: a failure has been reported. */
  keep(what: Readonly<Record<string, unknown>>): Promise<void>
}
