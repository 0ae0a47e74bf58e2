// Shows a progress line at the bottom of a terminal during the first read of a store, which may take seconds. The
// line is cleared before any other output.
import type { Event } from '../core/event.ts'
import { duration, listed } from '../core/words.ts'

/** Milliseconds before the line appears. */
const DELAY = 1000
/** Milliseconds between updates. */
const INTERVAL = 500
/** ECMA-48: return to the first column and clear the line. */
const CLEAR = '\r\u001b[K'

export class ReadingLine {
  readonly #unread = new Set<string>()
  readonly #begin: number
  #timer: NodeJS.Timeout | undefined
  #isShown = false

  /**
   * @param write called with text for the terminal
   * @param now returns the current time of any clock, in milliseconds
   */
  constructor(
    private readonly write: (text: string) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#begin = now()
    this.#timer = setInterval(() => this.#show(), INTERVAL).unref()
  }

  note(event: Event): void {
    if (event.kind === 'started') {
      for (const stores of event.uses.values()) for (const name of stores) this.#unread.add(name)
    }
    if (event.kind === 'store-live' || event.kind === 'store-stale')
      this.#unread.delete(event.store)
    if (event.kind === 'started' ? this.#unread.size === 0 : this.#isOver(event)) this.close()
  }

  /** Call before writing anything else. */
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
    if (this.#unread.size === 0 || time < DELAY) return
    this.clear()
    const stores = listed([...this.#unread])
    this.write(
      `reading the keys of ${stores} for the first time, ${duration(Math.floor(time / INTERVAL) * INTERVAL)}`,
    )
    this.#isShown = true
  }
}
