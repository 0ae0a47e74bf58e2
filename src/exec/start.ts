// When the program may start: every resource that it waits for has been applied once; or those that are missing
// read a store that is unreachable, and what is in place of them is good. A listener of the event stream.
import type { Event, Uses } from '../core/event.ts'
import type { Resource } from '../core/resource.ts'

export class StartCondition {
  #awaited: readonly string[] | undefined
  #uses: Uses = new Map()
  readonly #applied = new Set<string>()
  readonly #away = new Set<string>()

  /** @param refused what they say is not known: they are waited for */
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
        // Else there is another node, which is tried at once.
        if (event.retryIn > 0) this.#away.add(event.store)
        return
    }
  }

  /** The resources that have to be applied yet; undefined before the configuration is known. */
  get missing(): readonly string[] | undefined {
    return this.#awaited?.filter((name) => !this.#applied.has(name))
  }

  /** Whether all that is missing reads a store that is unreachable. */
  get isStoreAway(): boolean {
    const missing = this.missing ?? []
    return (
      missing.length > 0 &&
      missing.every((name) => this.#uses.get(name)?.some((store) => this.#away.has(store)))
    )
  }
}
