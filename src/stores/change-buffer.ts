// Changes on their way from sockets to the one consumer of a store's watch. What arrives while the
// consumer is busy is merged by key, so that the box never holds more than one change a key.
import type { Key } from '../core/key.ts'
import type { StoreEvent } from '../core/store.ts'

/** A value, or null for a key that is gone. */
export type NetChanges = ReadonlyMap<Key, string | null>

export class ChangeBuffer {
  #pending = new Map<Key, string | null>()
  #end: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  /** Adds changes that belong together; they reach the consumer in one delta. */
  put(changes: NetChanges): void {
    if (changes.size === 0) return
    for (const [key, value] of changes) this.#pending.set(key, value)
    this.#wake?.()
  }

  /** The consumer gets what is in the box, then this error. The first one counts. */
  fail(error: unknown): void {
    this.#end ??= { error }
    this.#wake?.()
  }

  /** Net deltas as soon as there is one; throws what fail() was given. */
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
