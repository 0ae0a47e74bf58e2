// The services of containers. The source is level-triggered: engine events only mark containers for inspection,
// and the inspected state decides what is registered. The event stream opens before the list is read, so that no change
// is missed; the list is re-read periodically as a safety net.
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffDelay, type Backoff } from '../../core/backoff.ts'
import { FaultError, raise } from '../../core/fault.ts'
import type { DockerSettings } from '../../core/register.ts'
import { Wakeup } from '../wakeup.ts'
import { ContainerEngine } from '../docker/engine.ts'
import type { EngineEvent } from '../docker/events.ts'
import { KnownContainers } from '../docker/known.ts'
import type { ContainerOptions } from '../docker/options.ts'
import type { EmitRegister } from '../event.ts'
import { forRegister } from '../hints.ts'
import type { ServiceSource, WantedService } from '../service.ts'

export interface ContainersOptions extends ContainerOptions {
  readonly docker: DockerSettings
  /** Milliseconds for which the entries of a failed container stay, with `-deregister on-success`. */
  readonly ttl: number
  /** Milliseconds between reads of the list; 0 means never. */
  readonly resync: number
}

const BACKOFF: Backoff = { first: 100, most: 1_000 }
/**
 * Maximum milliseconds to wait until the event stream is open. Some engines send the response headers only with the
 * first event.
 */
const STREAM_TIMEOUT = 1_000

export class Containers implements ServiceSource {
  readonly name = 'the container engine'
  readonly #wakeup = new Wakeup()
  readonly #known: KnownContainers
  #listAt = 0

  constructor(
    private readonly options: ContainersOptions,
    private readonly emit: EmitRegister,
  ) {
    this.#known = new KnownContainers(options, emit)
  }

  async run(want: (wanted: readonly WantedService[]) => void, signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wakeup.ring(), { once: true })
    for (let failures = 0; !signal.aborted;) {
      const opened = performance.now()
      try {
        await this.#visit(want, signal)
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof FaultError)) throw error
        // If the connection was stable, the backoff starts again.
        if (performance.now() - opened > 2 * BACKOFF.most) failures = 0
        const retryIn = backoffDelay(++failures, BACKOFF)
        const fault = forRegister(error.fault, '-docker')
        this.emit({ kind: 'source-away', source: this.name, fault, retryIn })
        await sleep(retryIn, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  /** Runs a check in a container. */
  async exec(container: string, command: string, signal: AbortSignal): Promise<boolean> {
    const engine = new ContainerEngine(this.options.docker)
    try {
      return await engine.run(container, ['/bin/sh', '-c', command], signal)
    } finally {
      await engine.close()
    }
  }

  /** The lifetime of one connection. */
  async #visit(
    want: (wanted: readonly WantedService[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const engine = new ContainerEngine(this.options.docker)
    const leaving = new AbortController()
    const leave = (): void => leaving.abort()
    signal.addEventListener('abort', leave, { once: true })
    try {
      const stream = engine.events(leaving.signal)
      let ended: Error | undefined
      stream
        .then((events) => this.#listen(events))
        .catch((error: Error) => {
          ended = error
          this.#wakeup.ring()
        })
      const opened = stream.then(() => true)
      const late = sleep(STREAM_TIMEOUT, false, { signal: leaving.signal }).catch(() => false)
      if (!(await Promise.race([opened, late]))) {
        // A list read before the stream was open may be outdated.
        void opened.then(() => this.#list()).catch(() => undefined)
      }
      this.#known.forget()
      this.#listAt = 0
      for (let isLive = false; !signal.aborted;) {
        if (ended !== undefined) throw ended
        const changed = await this.#work(engine, leaving.signal)
        if (changed) want(this.#known.wanted())
        if (!isLive) {
          isLive = true
          const services = this.#known.wanted().length
          this.emit({ kind: 'source-live', source: this.name, services })
        }
        const next = Math.min(this.#listAt, this.#known.nextLook) - performance.now()
        if (next > 0) await this.#wakeup.wait(next)
      }
    } finally {
      signal.removeEventListener('abort', leave)
      leaving.abort()
      await engine.close()
    }
  }

  async #listen(events: AsyncIterable<EngineEvent | undefined>): Promise<never> {
    for await (const event of events) {
      // An invalid event may concern any container.
      if (event === undefined) this.#list()
      else {
        this.#known.touch(event)
        this.#wakeup.ring()
      }
    }
    return raise('store', `${this.name} closed the stream of events`)
  }

  #list(): void {
    this.#listAt = 0
    this.#wakeup.ring()
  }

  /**
   * Reads the list if #listAt has passed, and inspects the marked containers.
   * @returns whether the wanted services have changed
   */
  async #work(engine: ContainerEngine, signal: AbortSignal): Promise<boolean> {
    let first = false
    if (performance.now() >= this.#listAt) {
      const { resync } = this.options
      this.#listAt = resync === 0 ? Infinity : performance.now() + resync
      first = this.#known.list(await engine.running(signal))
    }
    return (await this.#known.inspect(engine, signal)) || first
  }
}
