// The clock that the engine works by: the real one in a run, a virtual one in the interleaving test.

export interface Clock {
  /** Milliseconds of a monotonic clock. */
  now(): number
  /** Milliseconds since 1970. */
  time(): number
  /** Calls back once, so many milliseconds from now. Returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void
}
