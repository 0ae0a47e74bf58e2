// A cache of expensive answers. Concurrent requests share one answer, and computing answers takes a bounded share of
// the time, however many requests arrive.
import { setTimeout as pass } from 'node:timers/promises'

/** Computing takes at most 1/SHARE of the time. */
const SHARE = 20
/** Milliseconds for which an answer is valid if nothing changes. Limited, because the ages on the page grow. */
const GOOD_FOR = 1000
/** Maximum number of cached answers. */
const KEPT = 32

interface Made<T> {
  readonly answer: Promise<T>
  readonly version: number
  readonly at: number
}

export class Paced<T> {
  readonly #made = new Map<string, Made<T>>()
  #version = 0
  #notBefore = 0

  constructor(
    private readonly make: (question: string) => T | Promise<T>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Marks all cached answers as outdated. */
  changed(): void {
    this.#version++
  }

  /** Returns a current answer, or the previous one while the share of time is used up. */
  get(question: string): Promise<T> {
    const known = this.#made.get(question)
    const now = this.now()
    if (known !== undefined) {
      const isGood = known.version === this.#version && now - known.at <= GOOD_FOR
      if (isGood || now < this.#notBefore) return known.answer
    }
    const answer = this.#makeInTurn(question)
    this.#made.delete(question)
    this.#made.set(question, { answer, version: this.#version, at: now })
    for (const oldest of this.#made.keys()) {
      if (this.#made.size <= KEPT) break
      this.#made.delete(oldest)
    }
    answer.catch(() => this.#made.delete(question))
    return answer
  }

  async #makeInTurn(question: string): Promise<T> {
    for (;;) {
      const wait = this.#notBefore - this.now()
      if (wait <= 0) break
      await pass(wait, undefined, { ref: false })
    }
    const begin = this.now()
    const made = await this.make(question)
    const end = this.now()
    this.#notBefore = end + SHARE * (end - begin)
    return made
  }
}
