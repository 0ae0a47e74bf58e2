// Emits the events about one store: the beginning of an outage and its reasons, reminders, the end of the outage, and
// notices from the store. Suppresses repetitions, because an unreachable store is retried every few seconds.
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Notice } from '../core/store.ts'

/** Milliseconds between reminders. */
const REMIND = 60_000
/** Maximum number of reasons per outage to report immediately; further reasons appear only in reminders. */
const REASONS = 3
/**
 * If this many connections in a row have broken before they were proven (see connection.ts), the end of the outage is
 * reported only when a connection is proven.
 */
const FALSE_RETURNS = 2
/** Maximum number of notices about one store. Without a limit, a server could cause new notices forever. */
const NOTICES = 100

export interface Broken {
  readonly node: string
  readonly fault: Fault
  /** Milliseconds until the next try. */
  readonly retryIn: number
}

interface Away {
  tries: number
  reportedAt: number
  readonly reasons: Set<string>
}

export class StoreReporter {
  #outage: Away | undefined
  #wasLive = false
  /** Whether the current connection is proven. */
  #isGood = false
  #falseReturns = 0
  /** The time when the store was last reported as behind; undefined if it is not behind. */
  #behindReportedAt: number | undefined
  readonly #noticed = new Set<string>()

  /**
   * @param asked the full keys that are read; undefined for an on-demand store
   * @param clock returns the current time in milliseconds
   */
  constructor(
    private readonly store: string,
    private readonly emit: Emit,
    private readonly asked: readonly Key[] | undefined,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /**
   * Reports a broken connection.
   * @param known whether the keys of the store were read before
   */
  broken({ node, fault, retryIn }: Broken, known: boolean): void {
    if (this.#outage === undefined && !this.#isGood) this.#falseReturns++
    this.#isGood = false
    this.#behindReportedAt = undefined
    this.#outage ??= { tries: 0, reportedAt: -Infinity, reasons: new Set() }
    const away = this.#outage
    away.tries++
    const { message } = fault
    const isNews = !away.reasons.has(message) && away.reasons.size < REASONS
    const now = this.clock()
    if (!isNews && now - away.reportedAt < REMIND) return
    if (isNews) away.reasons.add(message)
    away.reportedAt = now
    const { store } = this
    this.emit({ kind: 'store-stale', store, node, fault, known, retryIn, tries: away.tries })
  }

  /**
   * Reports that the keys of the store are current.
   * @param keys number of keys
   * @param isGood whether the connection is proven
   */
  live(node: string, keys: number, isGood: boolean): void {
    if (isGood) {
      this.#isGood = true
      this.#falseReturns = 0
    }
    if (this.#wasLive && this.#outage === undefined) return
    if (this.#falseReturns >= FALSE_RETURNS) return
    const { store, asked } = this
    const tries = this.#outage?.tries ?? 0
    this.#outage = undefined
    this.#wasLive = true
    const more = {
      ...(tries === 0 ? {} : { tries }),
      ...(asked === undefined ? { onDemand: true as const } : keys === 0 ? { asked } : {}),
    }
    this.emit({ kind: 'store-live', store, node, keys, ...more })
  }

  /**
   * Reports that changes from the store arrive late, or that they are on time again. The event has `isNews` set in
   * the first report, in the last one, and in reminders.
   * @param lag milliseconds; undefined once the watch has caught up
   */
  behind(lag: number | undefined): void {
    const { store } = this
    if (lag === undefined) {
      if (this.#behindReportedAt === undefined) return
      this.#behindReportedAt = undefined
      this.emit({ kind: 'store-behind', store, lag, isNews: true })
      return
    }
    const now = this.clock()
    const isNews = now - (this.#behindReportedAt ?? -Infinity) >= REMIND
    if (isNews) this.#behindReportedAt = now
    this.emit({ kind: 'store-behind', store, lag, isNews })
  }

  /** Emits a notice unless it was emitted before. */
  notice(level: Notice['level'] | 'error', message: string): void {
    if (this.#noticed.has(message) || this.#noticed.size === NOTICES) return
    this.#noticed.add(message)
    this.emit({ kind: 'notice', level, message })
  }
}
