// A token bucket: limits the rate of an operation but allows bursts.
import { setTimeout as delay } from 'node:timers/promises'

export class TokenBucket {
  #tokens: number
  #at = performance.now()

  /** @param capacity size of a burst */
  constructor(
    private readonly capacity: number,
    private readonly perSecond: number,
  ) {
    this.#tokens = capacity
  }

  /** Takes a token. Waits if no token is left. Throws if the signal is aborted. */
  async take(signal: AbortSignal): Promise<void> {
    const now = performance.now()
    const gained = ((now - this.#at) / 1000) * this.perSecond
    this.#tokens = Math.min(this.capacity, this.#tokens + gained) - 1
    this.#at = now
    if (this.#tokens < 0)
      await delay((-this.#tokens / this.perSecond) * 1000, undefined, { signal })
  }
}
