// Integrates the daemon with systemd: listens to the event stream and tells the service manager when the daemon is
// ready, reloads or stops, what its status is, and that it makes progress (watchdog).
import type { Emit, Event } from '../core/event.ts'
import { formatFault, type Fault } from '../core/fault.ts'
import type { FullStatus } from '../core/status.ts'
import { monotonicTime } from '../system/runtime.ts'
import type { Progress } from '../observe/progress.ts'
import { areFirstCyclesOver } from './first-cycles.ts'
import { notify } from './notify.ts'
import { Outbox } from './outbox.ts'
import { statusLine } from './status-line.ts'
import type { Supervisor } from './supervisor.ts'

/** Maximum time until the daemon reports ready, in milliseconds. A slow check must not block `systemctl start`. */
const READY_DEADLINE = 30_000
/** Minimum interval between two status messages, in milliseconds. */
const STATUS_INTERVAL = 1000
/** How often a stopping daemon asks for more time, and how much time it asks for, in milliseconds. */
const EXTEND_INTERVAL = 10_000
const EXTEND_BY = 30_000

export interface ServiceOptions {
  readonly supervisor: Supervisor
  readonly emit: Emit
  readonly noop: boolean
  readonly status: () => FullStatus
  readonly progress: Pick<Progress, 'uses' | 'resources' | 'away' | 'child'>
  /** Asks the daemon to stop; running work finishes first. */
  readonly stop: AbortSignal
  /**
   * Describes work that makes no progress; undefined if there is none.
   * @param patience milliseconds that work may take beyond the timeouts of its commands
   */
  readonly stuck: (patience: number) => string | undefined
}

export class ServiceNotifier {
  readonly #outbox: Outbox
  #latest: NodeJS.Timeout | undefined
  #watchdog: NodeJS.Timeout | undefined
  #extending: NodeJS.Timeout | undefined
  #isReady = false
  #isStopping = false
  #status: NodeJS.Timeout | undefined
  #lastStatus = ''
  #isStuck = false

  constructor(private readonly options: ServiceOptions) {
    const { supervisor, emit, stop } = options
    this.#outbox = new Outbox(
      (message) => notify(supervisor.socket, message),
      ({ message, hint = '' }) =>
        emit({ kind: 'notice', level: 'warn', message: `${message}; ${hint}` }),
    )
    stop.addEventListener('abort', () => this.#stopping(), { once: true })
    if (stop.aborted) this.#stopping()
    const { watchdog } = supervisor
    if (watchdog === undefined) return
    // After a suspend, all timers fire late, so the ping waits for the other callbacks of this turn of the event loop.
    const ping = (): unknown => setImmediate(() => this.#ping(watchdog))
    this.#watchdog = setInterval(ping, watchdog / 2).unref()
  }

  /** Handles an event. `status` must already reflect it. */
  note(event: Event): void {
    if (this.#isStopping) return
    switch (event.kind) {
      case 'started':
        this.#latest = setTimeout(() => this.#ready(), READY_DEADLINE).unref()
        break
      case 'generation-loading':
        // RELOADING=1 is only valid after READY=1.
        if (this.#isReady) this.#reloading()
        return
      case 'generation-loaded':
      case 'generation-kept':
        if (this.#isReady) this.#ready()
        return
    }
    const { progress, noop } = this.options
    if (!this.#isReady && areFirstCyclesOver(progress, noop)) this.#ready()
    else this.#status ??= setTimeout(() => this.#sendStatus(), STATUS_INTERVAL).unref()
  }

  /** Reports an invalid configuration, because of which reconfd exits. */
  refused([fault]: readonly Fault[]): void {
    if (fault === undefined) return
    const [line = ''] = formatFault(fault).split('\n')
    this.#outbox.enqueue({ STATUS: `invalid configuration: ${line}` })
  }

  async close(): Promise<void> {
    for (const timer of [this.#latest, this.#status, this.#watchdog, this.#extending])
      clearTimeout(timer)
    await this.#outbox.empty()
  }

  /** Asks for more time as long as running work keeps to its timeouts. */
  #stopping(): void {
    this.#isStopping = true
    clearTimeout(this.#latest)
    clearTimeout(this.#status)
    const STATUS = 'stopping; running work finishes first'
    const EXTEND_TIMEOUT_USEC = String(EXTEND_BY * 1000)
    this.#outbox.enqueue({ STOPPING: '1', STATUS, EXTEND_TIMEOUT_USEC })
    this.#extending = setInterval(() => {
      if (this.options.stuck(EXTEND_BY) === undefined) this.#outbox.enqueue({ EXTEND_TIMEOUT_USEC })
    }, EXTEND_INTERVAL).unref()
  }

  #reloading(): void {
    const MONOTONIC_USEC = String(monotonicTime())
    const STATUS = (this.#lastStatus = 'loading the configuration')
    this.#outbox.enqueue({ RELOADING: '1', MONOTONIC_USEC, STATUS })
  }

  #ready(): void {
    clearTimeout(this.#latest)
    this.#isReady = true
    this.#lastStatus = statusLine(this.options.status())
    this.#outbox.enqueue({ READY: '1', STATUS: this.#lastStatus })
  }

  #sendStatus(): void {
    this.#status = undefined
    const STATUS = statusLine(this.options.status())
    if (STATUS === this.#lastStatus) return
    this.#lastStatus = STATUS
    this.#outbox.enqueue({ STATUS })
  }

  /** @param watchdog the manager's timeout, in milliseconds */
  #ping(watchdog: number): void {
    const stuck = this.options.stuck(watchdog)
    if (stuck === undefined) this.#outbox.enqueue({ WATCHDOG: '1' })
    else if (!this.#isStuck) {
      const message = `no progress: ${stuck}; watchdog pings stop, so that the service manager restarts reconfd`
      this.options.emit({ kind: 'notice', level: 'warn', message })
    }
    this.#isStuck = stuck !== undefined
  }
}
