// Runs the health check of one service at the configured interval. Reports when the health changes.
import type { EmitRegister } from '../event.ts'
import { nextHealth, initialHealth, type Health } from '../health.ts'
import type { HealthCheck, WantedService } from '../service.ts'
import { probe, type RunInContainer } from './probe.ts'

export interface CheckerOptions {
  /** True to stop after the first success, because the store then checks the service, or no further check is needed. */
  readonly once: boolean
  readonly emit: EmitRegister
  readonly exec?: RunInContainer
  /** Called when the health has changed. */
  readonly changed: () => void
}

/** Milliseconds between two checks of a starting service: initially, and after `SLOW`. */
const COMING_UP = { first: 200, later: 800 } as const
/** Milliseconds after which a service counts as slow to start. */
const SLOW = 30_000

export class Checker {
  #health: Health
  #timer: NodeJS.Timeout | undefined
  readonly #started = performance.now()
  /** Time of the last counted result, as performance.now(). */
  #countedAt = -Infinity
  readonly #stop = new AbortController()

  constructor(
    readonly wanted: WantedService,
    private readonly check: HealthCheck,
    private readonly options: CheckerOptions,
  ) {
    this.#health = initialHealth(wanted.fresh)
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
      this.#health = nextHealth(this.#health, why === undefined, check)
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

  /**
   * Whether this result counts. While the health is undecided, checks are frequent, but only one failure per interval
   * counts.
   */
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
