// What a registry is to the rest: one store into which services are written, one file each. The keeper
// (keeper.ts) decides what is written and when; a registry knows how, and what of the store is ours.
import type { Fault } from '../../core/fault.ts'
import type { Result } from '../../core/result.ts'
import type { Service } from '../service.ts'

/** A service as it lies in a store. */
export interface Entry {
  readonly service: Service
  /** Where it lies: the path of a key, or an id. Two entries never share one. */
  readonly key: string
  /** Another one when anything of the entry differs. */
  readonly text: string
  /** For people, where the text is none for them. */
  readonly shown?: string
}

/** Why an entry was not written. */
export interface Refused {
  readonly fault: Fault
  /** It belongs to somebody else, who may let go of it at any time. */
  readonly taken?: true
}

/** The lease, or the session, is gone, and with it all that was registered: open anew. */
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
   * Our entries in the store by key, with their texts, those of an earlier run included. What is somebody
   * else's is not among them.
   * @param wanted where entries of ours may be, for stores that cannot tell by themselves
   */
  present(wanted: readonly string[]): Promise<ReadonlyMap<string, string>>
  /**
   * Writes entries, and touches nothing that is somebody else's.
   * @returns those that were refused
   */
  put(entries: readonly Entry[]): Promise<ReadonlyMap<string, Refused>>
  /** Removes entries of ours; one that is gone already is no failure. */
  remove(keys: readonly string[]): Promise<void>
  /**
   * Keeps what is registered for another TTL.
   * @param keys all entries that are in the store
   * @returns those that are not there any more
   */
  renew(keys: readonly string[]): Promise<readonly string[]>
  /** Ends the connection; what is registered stays for its TTL. */
  close(): Promise<void>
  /** Ends the lease or the session, and with it all that is registered. Then close. */
  end(): Promise<void>
}

export interface Registry {
  /** How messages call the store, such as `etcd`. */
  readonly product: string
  /** Where it can be reached; never empty. */
  readonly nodes: readonly string[]
  /** The store makes the checks that are of one of these kinds, once the service is up. */
  readonly makes: ReadonlySet<string>
  /** The service as an entry, or why it cannot be one. */
  entryOf(service: Service): Result<Entry, string>
  /**
   * Connects, and takes over what an earlier run has left. Aborting ends it.
   * @param changed somebody else may have changed or removed an entry of ours
   */
  open(node: string, signal: AbortSignal, changed: () => void): Promise<Session>
}

/** What a registry keeps from run to run in the state folder, such as the id of its lease. */
export interface Memory {
  /** As it was kept last; empty at first. */
  readonly kept: Readonly<Record<string, unknown>>
  /** Resolves when it is safe on disk. Never rejects: that it cannot be kept has been reported. */
  keep(what: Readonly<Record<string, unknown>>): Promise<void>
}
