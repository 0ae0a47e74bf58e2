// A timer for the next due time. Setting the same time again does nothing.
import type { Clock } from '../core/clock.ts'

export class Alarm {
  #at = Infinity
  #cancel: () => void = () => undefined

  /** @param ring called at the time that was set */
  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
  ) {}

  /** @param at monotonic milliseconds; Infinity for never */
  set(at: number): void {
    if (at === this.#at) return
    this.cancel()
    if (at === Infinity) return
    this.#at = at
    this.#cancel = this.clock.after(Math.max(0, at - this.clock.now()), () => {
      this.#at = Infinity
      this.ring()
    })
  }

  cancel(): void {
    this.#cancel()
    this.#cancel = () => undefined
    this.#at = Infinity
  }
}
