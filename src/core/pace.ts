// Coalescing: decides how long a change waits, so that a burst is applied once. Pure; times are monotonic milliseconds.

/** The coalescing settings, in milliseconds. */
export interface Pace {
  /** Quiet period before a further change is applied; undefined: adapts to the changes. */
  readonly quiet: number | undefined
  /** Maximum delay of a change in a continuous stream. */
  readonly max: number
}

/** Quiet period of a burst. Also the default in a group in which only some resources set `debounce`. */
export const QUIET = 100
/** Changes are slow, and applied immediately, if both the last gap and the average gap are at least this long. */
const SLOW = 200
/** A change after a gap of this length is applied immediately, unless `debounce` sets the quiet period. */
const CALM = 1000
/**
 * Number of gaps in the average. With fewer gaps there is no average, so the first changes do not count as a stream.
 */
const GAPS = 5
/** Quiet period of a stream, as a multiple of its average gap. */
const GAPS_OF_QUIET = 3

/** The recent changes of one unit. */
export class Rhythm {
  /** Times of the last changes, oldest first. */
  readonly #times: number[] = []

  constructor(private readonly quiet: number | undefined) {}

  /**
   * Records a change.
   * @param isBusy whether the last cycle is still running
   * @returns the quiet period before the change is applied; 0: the change is applied immediately
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
