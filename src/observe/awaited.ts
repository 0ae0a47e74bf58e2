// What is awaited when nothing happens at the start: a listener of the event stream that tells it in one
// line, so that nobody sits before a silent program and wonders. After the first silence it has nothing
// more to say.
import type { Emit, Event } from '../core/event.ts'

/** Milliseconds. */
const SILENCE = 10_000

export class Awaited {
  #started = false
  readonly #stores = new Set<string>()
  readonly #resources = new Set<string>()
  /** What a resource has come to look up and is not known yet. */
  readonly #unknown = new Map<string, string>()
  /** Command by the resources it is for. */
  readonly #reloads = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined

  /** @param silence milliseconds */
  constructor(
    private readonly emit: Emit,
    private readonly silence = SILENCE,
  ) {
    this.#wait()
  }

  note(event: Event): void {
    if (this.#timer === undefined) return
    this.#take(event)
    this.#timer.refresh()
  }

  #take(event: Event): void {
    switch (event.kind) {
      case 'started':
        this.#started = true
        for (const [name, stores] of event.uses) {
          this.#resources.add(name)
          for (const store of stores) this.#stores.add(store)
        }
        return
      case 'store-live':
        this.#stores.delete(event.store)
        return
      case 'awaits':
        this.#unknown.set(event.resource, `${event.keys.join(', ')} of ${event.store}`)
        return
      case 'applied':
      case 'failed':
      case 'held':
        this.#unknown.delete(event.resource)
        this.#resources.delete(event.resource)
        return
      case 'reload-started':
        this.#reloads.set(event.resources.join(', '), event.command)
        return
      case 'reloaded':
      case 'reload-owed':
        this.#reloads.delete(event.resources.join(', '))
        return
    }
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const awaited = this.#awaited()
      if (awaited === undefined) return
      const message = `nothing has happened for ${this.silence / 1000} s; awaited: ${awaited}`
      this.emit({ kind: 'notice', level: 'info', message })
    }, this.silence).unref()
  }

  #awaited(): string | undefined {
    if (!this.#started) return 'the configuration to be read'
    const [reload] = this.#reloads
    if (reload !== undefined) return `the reload of ${reload[0]} to end: ${reload[1]}`
    if (this.#stores.size > 0) return `the keys of ${[...this.#stores].join(', ')}`
    if (this.#unknown.size > 0) return [...new Set(this.#unknown.values())].join(', ')
    if (this.#resources.size === 0) return undefined
    return `${[...this.#resources].join(', ')}: a check that runs, or keys that go on changing`
  }
}
