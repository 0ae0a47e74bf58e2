// Tracks the condition for starting the program: every awaited resource must have been applied once. Also tracks
// whether the missing resources read an unreachable store, because the program may then start with their existing
// files. Listens to the event stream.
import type { Event, Uses } from '../core/event.ts'
import type { Resource } from '../core/resource.ts'

export class StartCondition {
  #awaited: readonly string[] | undefined
  #uses: Uses = new Map()
  readonly #applied = new Set<string>()
  readonly #away = new Set<string>()

  /** @param refused names of resources with invalid definitions; these resources are awaited too */
  configure(resources: readonly Resource[], refused: readonly string[]): void {
    const known = new Set(resources.map(({ name }) => name))
    this.#awaited = resources
      .filter(({ waitForStart }) => waitForStart !== false)
      .map(({ name }) => name)
      .concat(refused.filter((name) => !known.has(name)))
  }

  note(event: Event): void {
    switch (event.kind) {
      case 'started':
      case 'generation-loaded':
        this.#uses = event.uses
        return
      case 'applied':
        this.#applied.add(event.resource)
        return
      case 'store-live':
        this.#away.delete(event.store)
        return
      case 'store-stale':
        // With a delay of 0, the store does not count as unreachable yet, because the next node is tried immediately.
        if (event.retryIn > 0) this.#away.add(event.store)
        return
    }
  }

  /** The awaited resources that have not been applied yet; undefined before the configuration is known. */
  get missing(): readonly string[] | undefined {
    return this.#awaited?.filter((name) => !this.#applied.has(name))
  }

  /** Whether at least one resource is missing, and every missing resource reads an unreachable store. */
  get isStoreAway(): boolean {
    const missing = this.missing ?? []
    return (
      missing.length > 0 &&
      missing.every((name) => this.#uses.get(name)?.some((store) => this.#away.has(store)))
    )
  }
}
