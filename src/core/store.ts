// What a store is to the rest of the program: one async generator of events.
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
    }
  | {
      readonly kind: 'delta'
      readonly put: ReadonlyMap<Key, string>
      readonly del: ReadonlySet<Key>
    }

export interface Store {
  /** The backend's name, as in `-backend`: for messages. */
  readonly name: string
  /** Where it can be reached; `flow/follow.ts` goes from one to the next when one breaks. Never empty. */
  readonly nodes: readonly string[]
  /**
   * Present when the nodes have to be found first: sets `nodes`; called again before each round over
   * them. Throws a FaultError.
   */
  readonly findNodes?: (signal: AbortSignal) => Promise<void>
  /**
   * Yields one full snapshot of all keys below the prefixes (even an empty one), then deltas or
   * further full snapshots, without a gap in between, until `signal` is aborted (returns) or the
   * connection breaks (throws a FaultError of kind `store`). It never retries by itself.
   * The watch is armed when the consumer asks for the second event or earlier; either way no
   * write made after the snapshot was read is missed.
   * @param node one of `nodes`
   * @param prefixes `/app` means `/app` itself and all below it; `/` means everything
   */
  watch(node: string, prefixes: readonly Key[], signal: AbortSignal): AsyncIterable<StoreEvent>
}
