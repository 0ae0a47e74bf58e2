// How much of a store is held, so that memory is bounded whatever a store goes on adding.
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { StoreEvent } from '../core/store.ts'
import type { Tree } from '../core/tree.ts'
import { tooLarge } from '../stores/limits.ts'

export class Room {
  /** Of keys and values, in characters. */
  #taken = 0

  /** @param most characters */
  constructor(private readonly most: number) {}

  /**
   * Takes an event, or says why it cannot be taken.
   * @param held what is held before it
   * @param place the store and its node, for messages
   */
  take(event: StoreEvent, held: Pick<Tree, 'get'>, place: string): Fault | undefined {
    const put = event.kind === 'snapshot' ? event.entries : event.put
    let taken = sizeOf(put, put.keys())
    if (event.kind === 'delta') {
      taken += this.#taken - sizeOf(held, new Set([...put.keys(), ...event.del]))
    }
    if (taken > this.most) {
      return tooLarge({ most: this.most, option: '-max-body' }, place, 'keys').fault
    }
    this.#taken = taken
    return undefined
  }
}

/** @param keys of the entries; default: all of them */
function sizeOf(entries: Pick<Tree, 'get'>, keys: Iterable<Key>): number {
  let size = 0
  for (const key of keys) {
    const value = entries.get(key)
    if (value !== undefined) size += key.length + value.length
  }
  return size
}
