// When a daemon is ready, in the sense of the service manager: what is started after it finds its files
// up to date, as far as that is possible now. A listener of the event stream.
import type { Event, Uses } from '../core/event.ts'

/**
 * Over when every resource has been through its first cycle, well or badly, or reads a store that is
 * away. Reloads are not waited for: `systemctl reload` of a service that is ordered after this one
 * would wait for that service, which waits for us.
 */
export class FirstCycles {
  #uses: Uses | undefined
  readonly #seenTo = new Set<string>()
  readonly #away = new Set<string>()

  constructor(private readonly noop = false) {}

  get areOver(): boolean {
    if (this.#uses === undefined) return false
    return [...this.#uses].every(
      ([name, stores]) => this.#seenTo.has(name) || stores.some((store) => this.#away.has(store)),
    )
  }

  note(event: Event): void {
    switch (event.kind) {
      case 'started':
      case 'generation-loaded':
        this.#uses = event.uses
        return
      case 'store-live':
        this.#away.delete(event.store)
        return
      case 'store-stale':
        // Else there is another node, which is tried at once.
        if (event.retryIn > 0) this.#away.add(event.store)
        return
      case 'applied':
      case 'failed':
      case 'held':
        this.#seenTo.add(event.resource)
        return
      case 'waits':
        // For one that has been through its cycle; else both have yet to go through theirs.
        if (event.because !== 'waiting') this.#seenTo.add(event.resource)
        return
      case 'out-of-sync':
        // With -noop that is all that becomes of it.
        if (this.noop) this.#seenTo.add(event.resource)
        return
    }
  }
}
