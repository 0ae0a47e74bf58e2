// The interface of a registry, a store into which services are written. Each registry is one file in this folder. The
// keeper (keeper.ts) decides what to write and when. A registry executes the writes and recognizes our entries.
import type { Fault } from '../../core/fault.ts'
import type { Result } from '../../core/result.ts'
import type { Service } from '../service.ts'

/** A service as stored. */
export interface RegistryEntry {
  readonly service: Service
  /** Unique key path or id. */
  readonly key: string
  /** The value, or a hash of it; differs whenever the entry differs. */
  readonly text: string
  /** Readable form, if `text` is only a hash. */
  readonly shown?: string
}

/** Why an entry was not written. */
export interface EntryRefusal {
  readonly fault: Fault
  /** The entry has another owner, who may remove it at any time. */
  readonly taken?: true
}

/** The lease or session has expired, and its entries are gone. The caller opens a new lease or session. */
export class Lost extends Error {
  constructor(
    /** What has expired: `the lease` or `the session`. */
    readonly what: string,
  ) {
    super(`${what} has expired`)
  }
}

/**
 * One connection to one node. All methods throw FaultError when the connection breaks, and Lost when the lease or
 * session has expired.
 */
export interface RegistrySession {
  /** Rejects when the connection breaks; absent if only the next request can show that it has broken. */
  readonly broken?: Promise<never>
  /**
   * Returns the text of each of our entries in the store, by key, including entries of earlier runs.
   * @param wanted keys to check, for stores that cannot list our entries
   */
  present(wanted: readonly string[]): Promise<ReadonlyMap<string, string>>
  /**
   * Writes entries, but never overwrites those of other owners.
   * @returns the reasons for refused entries, by key
   */
  put(entries: readonly RegistryEntry[]): Promise<ReadonlyMap<string, EntryRefusal>>
  /** Removes our entries; ignores missing ones. */
  remove(keys: readonly string[]): Promise<void>
  /**
   * Renews all entries for another TTL.
   * @param keys the keys of all our entries in the store
   * @returns the keys of missing entries
   */
  renew(keys: readonly string[]): Promise<readonly string[]>
  /** Closes the connection; entries stay for their TTL. */
  close(): Promise<void>
  /** Ends the lease or session, which removes all entries. Followed by close(). */
  end(): Promise<void>
}

export interface Registry {
  /** Name of the store in messages, such as `etcd`. */
  readonly product: string
  /** Never empty. */
  readonly nodes: readonly string[]
  /** The kinds of checks that the store itself runs once the service is up. */
  readonly makes: ReadonlySet<string>
  /** Converts a service to an entry, or returns the reason why it cannot be stored. */
  entryOf(service: Service): Result<RegistryEntry, string>
  /**
   * Connects and adopts the entries of an earlier run. Aborting `signal` closes the connection.
   * @param changed called when another client may have changed or removed one of our entries
   */
  open(node: string, signal: AbortSignal, changed: () => void): Promise<RegistrySession>
}

/** State that a registry keeps across runs, such as the id of its lease. */
export interface RegistryMemory {
  /** The last kept state; initially empty. */
  readonly kept: Readonly<Record<string, unknown>>
  /** Resolves when the state is durable. Never rejects: failures are logged. */
  keep(what: Readonly<Record<string, unknown>>): Promise<void>
}
