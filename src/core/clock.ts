// The clock of the engine: real in a run, virtual in the interleaving test.

export interface Clock {
  /** Monotonic time in milliseconds. */
  now(): number
  /** Milliseconds since the Unix epoch. */
  time(): number
  /** Calls back once after `ms` milliseconds. Returns a function that cancels the timer. */
  after(ms: number, callback: () => void): () => void
}
