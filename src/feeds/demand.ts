// Holds the wanted part of one on-demand store. The store can wait until the wanted part changes.
import { EventEmitter, once } from 'node:events'
import { isSame, type Extent } from '../core/extent.ts'
import type { Demand as Wanted } from '../core/store.ts'

export class MutableDemand implements Wanted {
  #now: Extent
  readonly #bell = new EventEmitter()

  constructor(first: Extent) {
    this.#now = first
  }

  get now(): Extent {
    return this.#now
  }

  set(extent: Extent): void {
    if (isSame(extent, this.#now)) return
    this.#now = extent
    this.#bell.emit('changed')
  }

  async other(than: Extent, signal: AbortSignal): Promise<void> {
    if (this.#now === than) await once(this.#bell, 'changed', { signal })
  }
}
