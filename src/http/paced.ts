// Answers that cost something: all who ask at the same time share one, and making them takes a small part of
// the time, however many ask.

/** One part in so many. */
const SHARE = 20
/** Milliseconds that one is good for when nothing has changed: its ages grow. */
const GOOD_FOR = 1000

export class Paced<T> {
  #made: Promise<T> | undefined
  #at = 0
  #cost = 0
  #isOld = false

  constructor(
    private readonly make: () => T | Promise<T>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Something has changed. */
  changed(): void {
    this.#isOld = true
  }

  async get(): Promise<T> {
    const age = this.now() - this.#at
    const isOld = this.#isOld || age > GOOD_FOR
    if (this.#made === undefined || (isOld && age >= SHARE * this.#cost)) {
      const begin = this.now()
      this.#isOld = false
      this.#at = begin
      this.#made = Promise.resolve(this.make())
      await this.#made.catch(() => (this.#made = undefined))
      this.#at = this.now()
      this.#cost = this.#at - begin
    }
    return this.#made
  }
}
