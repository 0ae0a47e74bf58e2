// Buffers changes between the sockets and the consumer of a store's watch. Merges changes by key, so that the buffer
// contains at most one change for each key.
import type { Key } from '../core/key.ts'
import type { StoreEvent } from '../core/store.ts'

/** The new value of each changed key, or null for a removed key. */
export type NetChanges = ReadonlyMap<Key, string | null>

export class ChangeBuffer {
  #pending = new Map<Key, string | null>()
  #end: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  /** Adds changes, which reach the consumer in one delta. */
  put(changes: NetChanges): void {
    if (changes.size === 0) return
    for (const [key, value] of changes) this.#pending.set(key, value)
    this.#wake?.()
  }

  /**
   * Makes deltas() throw an error after it has yielded the changes that are still buffered. Only the first call
   * counts.
   */
  fail(error: unknown): void {
    this.#end ??= { error }
    this.#wake?.()
  }

  /** Yields net deltas as soon as there are changes. Throws the error passed to fail(). */
  async *deltas(): AsyncGenerator<StoreEvent, never> {
    for (;;) {
      if (this.#pending.size > 0) yield this.#take()
      else if (this.#end !== undefined) throw this.#end.error
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    }
  }

  #take(): StoreEvent {
    const put = new Map<Key, string>()
    const del = new Set<Key>()
    for (const [key, value] of this.#pending) {
      if (value === null) del.add(key)
      else put.set(key, value)
    }
    this.#pending = new Map()
    return { kind: 'delta', put, del }
  }
}
