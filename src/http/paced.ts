// Answers that cost something: all who ask for the same at the same time share one, and making them takes a small
// part of the time, however many ask.
import { setTimeout as pass } from 'node:timers/promises'

/** One part in so many. */
const SHARE = 20
/** Milliseconds that one is good for when nothing has changed: its ages grow. */
const GOOD_FOR = 1000
/** Answers to different questions. */
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

  /** Something has changed. */
  changed(): void {
    this.#version++
  }

  /** The newest answer, or the one before while the time for making one is used up. */
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
