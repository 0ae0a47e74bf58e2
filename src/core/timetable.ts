// A timetable of items, as a binary heap: setting a time and taking a due item cost O(log n). Times are in
// milliseconds, and all from the same clock.

interface Slot<T> {
  readonly item: T
  at: number
  /** Index in the heap. */
  index: number
}

export class Timetable<T> {
  readonly #heap: Slot<T>[] = []
  readonly #slots = new Map<T, Slot<T>>()

  /** Time of the next item; Infinity if nothing is scheduled. */
  get next(): number {
    return this.#heap[0]?.at ?? Infinity
  }

  /** Schedules an item, or changes its time. The time Infinity removes the item. */
  set(item: T, at: number): void {
    const slot = this.#slots.get(item)
    if (at === Infinity) {
      if (slot !== undefined) this.#remove(slot)
    } else if (slot === undefined) {
      const fresh = { item, at, index: this.#heap.length }
      this.#slots.set(item, fresh)
      this.#heap.push(fresh)
      this.#rise(fresh)
    } else {
      slot.at = at
      this.#rise(slot)
      this.#sink(slot)
    }
  }

  /** Removes and returns all items due by `now`, earliest first. */
  take(now: number): T[] {
    const due: T[] = []
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#remove(first)
      due.push(first.item)
    }
    return due
  }

  #remove(slot: Slot<T>): void {
    this.#slots.delete(slot.item)
    const last = this.#heap.pop() as Slot<T>
    if (last === slot) return
    this.#put(last, slot.index)
    this.#rise(last)
    this.#sink(last)
  }

  #put(slot: Slot<T>, index: number): void {
    this.#heap[index] = slot
    slot.index = index
  }

  #rise(slot: Slot<T>): void {
    while (slot.index > 0) {
      const parent = this.#heap[(slot.index - 1) >> 1] as Slot<T>
      if (parent.at <= slot.at) return
      this.#swap(parent, slot)
    }
  }

  #sink(slot: Slot<T>): void {
    for (;;) {
      const left = this.#heap[2 * slot.index + 1]
      const right = this.#heap[2 * slot.index + 2]
      const child = right !== undefined && left !== undefined && right.at < left.at ? right : left
      if (child === undefined || child.at >= slot.at) return
      this.#swap(slot, child)
    }
  }

  /** @param upper the parent of `lower` */
  #swap(upper: Slot<T>, lower: Slot<T>): void {
    const { index } = upper
    this.#put(upper, lower.index)
    this.#put(lower, index)
  }
}
