// A line at the foot of a terminal while a store is read for the first time: large stores take seconds, and a
// silent program looks like one that hangs. It is gone when anything else is to be shown.
import type { Event } from '../core/event.ts'
import { duration, listed } from '../core/words.ts'

/** Milliseconds: what is quicker needs no such line. */
const PATIENCE = 1000
const EVERY = 500
/** By ECMA-48: back to the first column, and clear the line. */
const CLEAR = '\r\u001b[K'

export class Reading {
  readonly #unread = new Set<string>()
  readonly #begin: number
  #timer: NodeJS.Timeout | undefined
  #isShown = false

  /**
   * @param write takes text for the terminal
   * @param now milliseconds, by any clock
   */
  constructor(
    private readonly write: (text: string) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#begin = now()
    this.#timer = setInterval(() => this.#show(), EVERY).unref()
  }

  note(event: Event): void {
    if (event.kind === 'started') {
      for (const stores of event.uses.values()) for (const name of stores) this.#unread.add(name)
    }
    if (event.kind === 'store-live' || event.kind === 'store-stale')
      this.#unread.delete(event.store)
    if (event.kind === 'started' ? this.#unread.size === 0 : this.#isOver(event)) this.close()
  }

  /** To be called before anything else is written. */
  clear(): void {
    if (this.#isShown) this.write(CLEAR)
    this.#isShown = false
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.clear()
  }

  #isOver({ kind }: Event): boolean {
    return (kind === 'store-live' || kind === 'gave-up') && this.#unread.size === 0
  }

  #show(): void {
    const time = this.now() - this.#begin
    if (this.#unread.size === 0 || time < PATIENCE) return
    this.clear()
    const stores = listed([...this.#unread])
    this.write(
      `reading the keys of ${stores} for the first time, ${duration(Math.floor(time / EVERY) * EVERY)}`,
    )
    this.#isShown = true
  }
}
