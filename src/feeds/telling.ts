// What is told of one store: that it went away and why, a reminder now and then while it is, that it is back;
// and what there is to know of its nodes, once each. A store that is tried every few seconds is no news.
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Notice } from '../core/store.ts'

/** Milliseconds. */
const REMIND = 60_000
/** Reasons that are told at once, each the first time, while a store is away; others with the reminder. */
const REASONS = 3
/** Times in a row that it is told to be back and breaks at once; then it has to prove itself first. */
const FALSE_RETURNS = 2
/** Notices that are told in all: a server may make up ever new ones. */
const NOTICES = 100

export interface Broken {
  readonly node: string
  readonly fault: Fault
  readonly retryIn: number
}

interface Away {
  tries: number
  toldAt: number
  readonly reasons: Set<string>
}

export class Telling {
  #away: Away | undefined
  #wasLive = false
  /** The connection has proven itself. */
  #isGood = false
  #falseReturns = 0
  /** Set while its changes arrive late. */
  #behindToldAt: number | undefined
  readonly #noticed = new Set<string>()

  /**
   * @param asked the full keys that are read; undefined when what is read depends on the templates
   * @param clock milliseconds
   */
  constructor(
    private readonly store: string,
    private readonly emit: Emit,
    private readonly asked: readonly Key[] | undefined,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** @param known whether its keys were read before */
  broken({ node, fault, retryIn }: Broken, known: boolean): void {
    if (this.#away === undefined && !this.#isGood) this.#falseReturns++
    this.#isGood = false
    this.#behindToldAt = undefined
    this.#away ??= { tries: 0, toldAt: -Infinity, reasons: new Set() }
    const away = this.#away
    away.tries++
    const { message } = fault
    const isNews = !away.reasons.has(message) && away.reasons.size < REASONS
    const now = this.clock()
    if (!isNews && now - away.toldAt < REMIND) return
    if (isNews) away.reasons.add(message)
    away.toldAt = now
    const { store } = this
    this.emit({ kind: 'store-stale', store, node, fault, known, retryIn, tries: away.tries })
  }

  /**
   * Its keys are those of now.
   * @param isGood the connection has proven itself
   */
  live(node: string, keys: number, isGood: boolean): void {
    if (isGood) {
      this.#isGood = true
      this.#falseReturns = 0
    }
    if (this.#wasLive && this.#away === undefined) return
    if (this.#falseReturns >= FALSE_RETURNS) return
    const { store, asked } = this
    const tries = this.#away?.tries ?? 0
    this.#away = undefined
    this.#wasLive = true
    const more = {
      ...(tries === 0 ? {} : { tries }),
      ...(asked === undefined ? { onDemand: true as const } : keys === 0 ? { asked } : {}),
    }
    this.emit({ kind: 'store-live', store, node, keys, ...more })
  }

  /**
   * Its changes arrive late, or no longer. The log has it once, and a reminder now and then.
   * @param lag milliseconds
   */
  behind(lag: number | undefined): void {
    const { store } = this
    if (lag === undefined) {
      if (this.#behindToldAt === undefined) return
      this.#behindToldAt = undefined
      this.emit({ kind: 'store-behind', store, lag, isNews: true })
      return
    }
    const now = this.clock()
    const isNews = now - (this.#behindToldAt ?? -Infinity) >= REMIND
    if (isNews) this.#behindToldAt = now
    this.emit({ kind: 'store-behind', store, lag, isNews })
  }

  /** Once, however often it is said. */
  notice(level: Notice['level'] | 'error', message: string): void {
    if (this.#noticed.has(message) || this.#noticed.size === NOTICES) return
    this.#noticed.add(message)
    this.emit({ kind: 'notice', level, message })
  }
}
