// Coalescing: how long a change waits so that a burst is applied once. Pure; times are milliseconds of a
// monotonic clock.

/** Coalescing of changes, in milliseconds. */
export interface Pace {
  /** How long nothing has to change before a further change is acted upon; undefined: it adapts to the changes. */
  readonly quiet: number | undefined
  /** The longest that a stream of changes can put the work off. */
  readonly max: number
}

/** The quiet time of a burst, and of a group in which one resource has a quiet time of its own. */
export const QUIET = 100
/** Changes that are further apart, one by one and on average, are slow. */
const SLOW = 200
/** Nothing that came before a gap as long as this matters. */
const CALM = 1000
/** The average is taken over so many gaps: the first changes of a burst after slow ones are no stream yet. */
const GAPS = 5
/** How many average gaps of a stream nothing has to change until it counts as over. */
const GAPS_OF_QUIET = 3

/** The changes of one unit. */
export class Rhythm {
  /** When the last changes came, the oldest first. */
  readonly #times: number[] = []

  constructor(private readonly quiet: number | undefined) {}

  /**
   * Notes a change.
   * @param isBusy the last cycle has not ended
   * @returns for how long nothing further has to change until it is acted upon; 0: it is acted upon at once
   */
  changed(now: number, isBusy: boolean): number {
    const gap = now - (this.#times.at(-1) ?? -Infinity)
    this.#times.push(now)
    if (this.#times.length > GAPS + 1) this.#times.shift()
    if (this.quiet !== undefined) return gap >= this.quiet ? 0 : this.quiet
    if (gap >= CALM) return 0
    const average = this.#averageGap
    if (average < SLOW) return Math.max(QUIET, GAPS_OF_QUIET * average)
    return gap >= SLOW && !isBusy ? 0 : QUIET
  }

  get #averageGap(): number {
    const [oldest = 0] = this.#times
    const newest = this.#times.at(-1) ?? 0
    return this.#times.length <= GAPS ? Infinity : (newest - oldest) / GAPS
  }
}
