// Limits the size of a store's keys and values in memory.
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { StoreEvent } from '../core/store.ts'
import type { Tree } from '../core/tree.ts'
import { tooLarge } from '../stores/limits.ts'

export class SizeLimit {
  /** Size of all keys and values, in characters. */
  #taken = 0

  /** @param most limit in characters */
  constructor(private readonly most: number) {}

  /**
   * Checks the total size that an event leads to. Records that size if it is within the limit.
   * @param current the keys before the event
   * @param place the store and its node, for messages
   * @returns a fault if the event would exceed the limit
   */
  accept(event: StoreEvent, current: Pick<Tree, 'get'>, place: string): Fault | undefined {
    const put = event.kind === 'snapshot' ? event.entries : event.put
    let taken = sizeOf(put, put.keys())
    if (event.kind === 'delta') {
      taken += this.#taken - sizeOf(current, new Set([...put.keys(), ...event.del]))
    }
    if (taken > this.most) {
      return tooLarge({ most: this.most, option: '-max-body' }, place, 'keys').fault
    }
    this.#taken = taken
    return undefined
  }
}

/** The size of these keys and their values, in characters. */
function sizeOf(entries: Pick<Tree, 'get'>, keys: Iterable<Key>): number {
  let size = 0
  for (const key of keys) {
    const value = entries.get(key)
    if (value !== undefined) size += key.length + value.length
  }
  return size
}
