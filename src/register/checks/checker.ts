// Watches over the health of one service, for as long as somebody has to: checks it now and then, and reports
// when its health is another one.
import type { EmitRegister } from '../event.ts'
import { after, initially, type Health } from '../health.ts'
import type { Check, Wanted } from '../service.ts'
import { probe, type RunInContainer } from './probe.ts'

export interface CheckerOptions {
  /** It is checked until it has succeeded once: from then on the store checks it, or nobody. */
  readonly once: boolean
  readonly emit: EmitRegister
  readonly exec?: RunInContainer
  /** The health is another one. */
  readonly changed: () => void
}

/** Milliseconds between two checks of a service that is coming up: at first, and later. */
const COMING_UP = { first: 200, later: 800 } as const
/** Milliseconds after which a service is slow to come up. */
const SLOW = 30_000

export class Checker {
  #health: Health
  #timer: NodeJS.Timeout | undefined
  readonly #started = performance.now()
  /** When the last failure was counted. */
  #countedAt = -Infinity
  readonly #stop = new AbortController()

  constructor(
    readonly wanted: Wanted,
    private readonly check: Check,
    private readonly options: CheckerOptions,
  ) {
    this.#health = initially(wanted.fresh)
    if (check.passing === true) this.#health = { state: 'healthy', against: 0 }
    void this.#run()
  }

  get state(): Health['state'] {
    return this.#health.state
  }

  stop(): void {
    this.#stop.abort()
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    const { wanted, check, options } = this
    const { signal } = this.#stop
    const why = await probe(check, wanted.service, signal, options.exec)
    if (signal.aborted) return
    options.emit({ kind: 'checked', passed: why === undefined })
    const before = this.#health.state
    if (this.#counts(why === undefined))
      this.#health = after(this.#health, why === undefined, check)
    if (this.#health.state !== before) {
      const { state } = this.#health
      if (before === 'unhealthy' || state === 'unhealthy') {
        const { service } = wanted
        options.emit({ kind: 'health', service, healthy: state === 'healthy', why: why ?? '' })
      }
      options.changed()
    }
    if (options.once && this.#health.state === 'healthy') return
    this.#timer = setTimeout(() => void this.#run(), this.#pause())
  }

  /** While it is not known how it is, it is checked more often than failures count. */
  #counts(passed: boolean): boolean {
    const now = performance.now()
    if (!passed && this.state === 'undecided' && now - this.#countedAt < this.check.interval) {
      return false
    }
    this.#countedAt = now
    return true
  }

  #pause(): number {
    const { interval } = this.check
    if (this.state === 'healthy' || this.state === 'unhealthy') return interval
    const slow = performance.now() - this.#started > SLOW
    return Math.min(interval, slow ? COMING_UP.later : COMING_UP.first)
  }
}
