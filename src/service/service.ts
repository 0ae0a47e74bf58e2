// A daemon as a service: tells its manager (systemd) when it is ready, loads its configuration anew or
// ends, how it is, and that it makes progress. A listener of the event stream.
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

/** `systemctl start` waits no longer than this, whatever a check or a store takes; milliseconds. */
const READY_AT_MOST = 30_000
/** At least so long between two statuses, in milliseconds. */
const STATUS_PAUSE = 1000
/** While it ends: how often the manager is asked for more time, and for how much; milliseconds. */
const EXTEND_EVERY = 10_000
const EXTEND_BY = 30_000

export interface ServiceOptions {
  readonly supervisor: Supervisor
  readonly emit: Emit
  readonly noop: boolean
  readonly status: () => FullStatus
  readonly progress: Pick<Progress, 'uses' | 'resources' | 'away' | 'child'>
  /** The daemon is to end: what is in work is finished first. */
  readonly stop: AbortSignal
  /**
   * What makes no progress, or undefined.
   * @param patience milliseconds that work may take beyond the timeouts of its commands
   */
  readonly stuck: (patience: number) => string | undefined
}

export class Service {
  readonly #outbox: Outbox
  #latest: NodeJS.Timeout | undefined
  #watchdog: NodeJS.Timeout | undefined
  #extending: NodeJS.Timeout | undefined
  #isReady = false
  #isStopping = false
  #status: NodeJS.Timeout | undefined
  #told = ''
  #isStuck = false

  constructor(private readonly options: ServiceOptions) {
    const { supervisor, emit, stop } = options
    this.#outbox = new Outbox(
      (message) => notify(supervisor.socket, message),
      ({ message, hint = '' }) =>
        emit({ kind: 'notice', level: 'warn', message: `${message}. ${hint}` }),
    )
    stop.addEventListener('abort', () => this.#stopping(), { once: true })
    if (stop.aborted) this.#stopping()
    const { watchdog } = supervisor
    if (watchdog === undefined) return
    // Looked at when all else of this turn is done: after a pause of the whole machine all is late.
    const ping = (): unknown => setImmediate(() => this.#ping(watchdog))
    this.#watchdog = setInterval(ping, watchdog / 2).unref()
  }

  /** Takes in what has happened; it is in the status already. */
  note(event: Event): void {
    if (this.#isStopping) return
    switch (event.kind) {
      case 'started':
        this.#latest = setTimeout(() => this.#ready(), READY_AT_MOST).unref()
        break
      case 'generation-loading':
        // Whoever starts it does not ask for this, and is not told before it is ready.
        if (this.#isReady) this.#reloading()
        return
      case 'generation-loaded':
      case 'generation-kept':
        if (this.#isReady) this.#ready()
        return
    }
    const { progress, noop } = this.options
    if (!this.#isReady && areFirstCyclesOver(progress, noop)) this.#ready()
    else this.#status ??= setTimeout(() => this.#tellStatus(), STATUS_PAUSE).unref()
  }

  /** The configuration cannot be begun with; the run ends. */
  refused([fault]: readonly Fault[]): void {
    if (fault === undefined) return
    const [line = ''] = formatFault(fault).split('\n')
    this.#outbox.tell({ STATUS: `the configuration is bad: ${line}` })
  }

  async close(): Promise<void> {
    for (const timer of [this.#latest, this.#status, this.#watchdog, this.#extending])
      clearTimeout(timer)
    await this.#outbox.empty()
  }

  /** More time is asked for as long as what is in work keeps to its timeouts. */
  #stopping(): void {
    this.#isStopping = true
    clearTimeout(this.#latest)
    clearTimeout(this.#status)
    const STATUS = 'stopping; what is in work is finished first'
    const EXTEND_TIMEOUT_USEC = String(EXTEND_BY * 1000)
    this.#outbox.tell({ STOPPING: '1', STATUS, EXTEND_TIMEOUT_USEC })
    this.#extending = setInterval(() => {
      if (this.options.stuck(EXTEND_BY) === undefined) this.#outbox.tell({ EXTEND_TIMEOUT_USEC })
    }, EXTEND_EVERY).unref()
  }

  #reloading(): void {
    const MONOTONIC_USEC = String(monotonicTime())
    const STATUS = (this.#told = 'loading the configuration')
    this.#outbox.tell({ RELOADING: '1', MONOTONIC_USEC, STATUS })
  }

  #ready(): void {
    clearTimeout(this.#latest)
    this.#isReady = true
    this.#told = statusLine(this.options.status())
    this.#outbox.tell({ READY: '1', STATUS: this.#told })
  }

  #tellStatus(): void {
    this.#status = undefined
    const STATUS = statusLine(this.options.status())
    if (STATUS === this.#told) return
    this.#told = STATUS
    this.#outbox.tell({ STATUS })
  }

  /** @param watchdog how long the manager waits for it */
  #ping(watchdog: number): void {
    const stuck = this.options.stuck(watchdog)
    if (stuck === undefined) this.#outbox.tell({ WATCHDOG: '1' })
    else if (!this.#isStuck) {
      const message = `no progress: ${stuck}; the service manager is not pinged, and will start reconfd anew`
      this.options.emit({ kind: 'notice', level: 'warn', message })
    }
    this.#isStuck = stuck !== undefined
  }
}
