// Collects promises and returns their results in the order in which the promises settle. (Calling Promise.race for
// each result would add a reaction to every pending promise each time.)

type Settled<T> = { readonly value: T } | { readonly error: unknown }

export class Completions<T> {
  readonly #settled: Settled<T>[] = []
  #ring: () => void = () => {}

  /** Adds a promise, whose result next() will return. A rejection is ignored if next() is not called again. */
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

  /** Waits for the next result; throws the reason of a rejected promise. Only one call at a time. */
  async next(): Promise<T> {
    for (;;) {
      const next = this.#settled.shift()
      if (next === undefined) await new Promise<void>((ring) => (this.#ring = ring))
      else if ('error' in next) throw next.error
      else return next.value
    }
  }
}
