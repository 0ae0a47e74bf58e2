// The interface of a store: an async generator of events.
import { FaultError } from './fault.ts'
import type { Extent, KnownExtent } from './extent.ts'
import type { Key } from './key.ts'

/** A notice to the operator about how a store is watched. */
export interface Notice {
  readonly level: 'warn' | 'debug'
  readonly message: string
}

export type StoreEvent =
  | {
      readonly kind: 'snapshot'
      readonly entries: ReadonlyMap<Key, string>
      readonly notices?: readonly Notice[]
      readonly known?: KnownExtent
    }
  | {
      readonly kind: 'delta'
      readonly put: ReadonlyMap<Key, string>
      readonly del: ReadonlySet<Key>
      readonly notices?: readonly Notice[]
      /** For an on-demand store: the known extent after this event. */
      readonly known?: KnownExtent
    }

/** The wanted part of an on-demand store. */
export interface Demand {
  /** The wanted extent, in the store's own keys, within the prefixes. Every change creates a new object. */
  readonly now: Extent
  /** Resolves when `now` is a different object from `than`; rejects when the signal is aborted. */
  other(than: Extent, signal: AbortSignal): Promise<void>
}

/**
 * Thrown by a watch when the store no longer has the changes since the last event, so that everything must be re-read.
 * Not a failure of the node, unless it repeats.
 */
export class OutdatedError extends FaultError {}

export interface WatchOptions {
  /** For a store with `startingWith`: the part of the prefixes to read (default: all). Events then carry `known`. */
  readonly demand?: Demand | undefined
  /** Called whenever bytes arrive from the node, at least until the first event. */
  readonly heard?: (() => void) | undefined
  /**
   * Called repeatedly with the lag of the watch behind the store, in milliseconds; undefined: the watch is up to
   * date.
   */
  readonly behind?: ((lag: number | undefined) => void) | undefined
}

export interface Store {
  /** The backend's name, as in `-backend`: for messages. */
  readonly name: string
  /** The nodes. When a node fails, `feeds/follow.ts` tries the next node. Never empty. */
  readonly nodes: readonly string[]
  /**
   * Discovers the nodes and sets `nodes`; absent if the nodes are fixed. Called before each round over the nodes.
   * @throws FaultError
   */
  readonly findNodes?: (signal: AbortSignal) => Promise<void>
  /**
   * Returns the part of the prefixes to read before any template has looked up anything. Present only if the store can
   * be read on demand.
   */
  readonly startingWith?: (prefixes: readonly Key[]) => Extent
  /**
   * Yields one full snapshot of all keys below the prefixes (even if empty), then deltas or further full snapshots
   * without a gap, until `signal` is aborted (returns) or the connection breaks (throws a FaultError of kind `store`,
   * or an OutdatedError). Never retries. An invalid response is a fault, never an empty or partial snapshot. The watch
   * is armed at the latest when the consumer requests the second event, and misses no write made after the snapshot.
   * @param node one of `nodes`
   * @param prefixes `/app` includes `/app` and everything below; `/` includes all keys
   */
  watch(
    node: string,
    prefixes: readonly Key[],
    signal: AbortSignal,
    options?: WatchOptions,
  ): AsyncIterable<StoreEvent>
}
