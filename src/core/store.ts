// What a store is to the rest of the program: one async generator of events.
import { FaultError } from './fault.ts'
import type { Extent, KnownExtent } from './extent.ts'
import type { Key } from './key.ts'

/** Something to tell the operator about how a store can be watched. */
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
      /** Of a store that is read on demand: what is known once this has been taken in. */
      readonly known?: KnownExtent
    }

/** What is wanted of a store that is read on demand. */
export interface Demand {
  /** Of the store's own keys, within the prefixes; another object whenever it has become another. */
  readonly now: Extent
  /** Resolves once `now` is not `than` any more; rejects when the signal is aborted. */
  other(than: Extent, signal: AbortSignal): Promise<void>
}

/**
 * Thrown by a watch when the store has forgotten what has happened since its last event: everything is to be
 * read again. That is no failure of the node, unless it is all that the node ever says.
 */
export class OutdatedError extends FaultError {}

export interface WatchOptions {
  /** Of a store with `startingWith`: what of the prefixes is read, each event telling what is `known`. Without it all of them are. */
  readonly demand?: Demand | undefined
  /** Called whenever bytes of the node have come, at least until the first event. */
  readonly heard?: (() => void) | undefined
  /**
   * Called when the watch has fallen behind the store, with the milliseconds by which it is late, and with
   * undefined when it has not or has caught up. May be called again and again.
   */
  readonly behind?: ((lag: number | undefined) => void) | undefined
}

export interface Store {
  /** The backend's name, as in `-backend`: for messages. */
  readonly name: string
  /** Where it can be reached; `feeds/follow.ts` goes from one to the next when one breaks. Never empty. */
  readonly nodes: readonly string[]
  /**
   * Present when the nodes have to be found first: sets `nodes`; called again before each round over
   * them. Throws a FaultError.
   */
  readonly findNodes?: (signal: AbortSignal) => Promise<void>
  /**
   * Present when the store can be read on demand, a part at a time: what of these prefixes is worth
   * reading before anybody has asked for anything.
   */
  readonly startingWith?: (prefixes: readonly Key[]) => Extent
  /**
   * Yields one full snapshot of all keys below the prefixes (even an empty one), then deltas or
   * further full snapshots, without a gap in between, until `signal` is aborted (returns) or the
   * connection breaks (throws a FaultError of kind `store`, or an OutdatedError). It never retries by
   * itself. An answer that is not what the protocol says is a fault, never an empty or a partial snapshot.
   * The watch is armed when the consumer asks for the second event or earlier; either way no
   * write made after the snapshot was read is missed.
   * @param node one of `nodes`
   * @param prefixes `/app` means `/app` itself and all below it; `/` means everything
   */
  watch(
    node: string,
    prefixes: readonly Key[],
    signal: AbortSignal,
    options?: WatchOptions,
  ): AsyncIterable<StoreEvent>
}
