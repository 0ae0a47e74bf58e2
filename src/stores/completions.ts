// The answers of several requests under way, one after the other in the order in which they come.
// (Promise.race over the pending ones would leave a reaction behind on each, every time.)

type Settled<T> = { readonly value: T } | { readonly error: unknown }

export class Completions<T> {
  readonly #settled: Settled<T>[] = []
  #ring: () => void = () => {}

  /** Its outcome will come out of take(). A failure nobody takes is dropped. */
  collect(promise: Promise<T>): void {
    const put = (settled: Settled<T>): void => {
      this.#settled.push(settled)
      this.#ring()
    }
    promise.then(
      (value) => put({ value }),
      (error: unknown) => put({ error }),
    )
  }

  /** Waits for the next outcome; throws what its promise was rejected with. One taker at a time. */
  async next(): Promise<T> {
    for (;;) {
      const next = this.#settled.shift()
      if (next === undefined) await new Promise<void>((ring) => (this.#ring = ring))
      else if ('error' in next) throw next.error
      else return next.value
    }
  }
}
