// One timer for the next time at which something is due. It is set only when that time changes.
import type { Clock } from '../core/clock.ts'

export class Alarm {
  #at = Infinity
  #cancel: () => void = () => undefined

  /** @param ring called when the time has come */
  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
  ) {}

  /** @param at monotonic milliseconds; Infinity: never */
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
