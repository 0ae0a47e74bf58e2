// Services of containers. The events of the engine only say which containers to inspect: what is registered
// follows from how a container is, not from what happened to it. The event stream is opened before the list
// is read, so that nothing is missed in between; the list is read again now and then all the same.
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffDelay, type Backoff } from '../../core/backoff.ts'
import { FaultError, raise } from '../../core/fault.ts'
import type { DockerSettings } from '../../core/register.ts'
import { Bell } from '../bell.ts'
import { Engine, type EngineEvent } from '../docker/engine.ts'
import { Known } from '../docker/known.ts'
import type { ContainerOptions } from '../docker/options.ts'
import type { EmitRegister } from '../event.ts'
import type { Source, Wanted } from '../service.ts'

export interface ContainersOptions extends ContainerOptions {
  readonly docker: DockerSettings
  /** Milliseconds that the entries of a failed container stay, with `on-success`. */
  readonly ttl: number
  /** Milliseconds between two readings of the list; 0: never. */
  readonly resync: number
}

const BACKOFF: Backoff = { first: 100, most: 1_000 }
/** Milliseconds. An engine may answer a request for events only with the first event. */
const STREAM_TIMEOUT = 1_000

export class Containers implements Source {
  readonly name = 'the container engine'
  readonly #bell = new Bell()
  readonly #known: Known
  #listAt = 0

  constructor(
    private readonly options: ContainersOptions,
    private readonly emit: EmitRegister,
  ) {
    this.#known = new Known(options, emit)
  }

  async run(want: (wanted: readonly Wanted[]) => void, signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#bell.ring(), { once: true })
    for (let failures = 0; !signal.aborted;) {
      const opened = performance.now()
      try {
        await this.#visit(want, signal)
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof FaultError)) throw error
        // It has worked for a while.
        if (performance.now() - opened > 2 * BACKOFF.most) failures = 0
        const retryIn = backoffDelay(++failures, BACKOFF)
        this.emit({ kind: 'source-away', source: this.name, fault: error.fault, retryIn })
        await sleep(retryIn, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  /** Runs a check in a container. */
  async exec(container: string, command: string, signal: AbortSignal): Promise<boolean> {
    const engine = new Engine(this.options.docker.engine)
    try {
      return await engine.run(container, ['/bin/sh', '-c', command], signal)
    } finally {
      await engine.close()
    }
  }

  /** One connection, for as long as it lasts. */
  async #visit(want: (wanted: readonly Wanted[]) => void, signal: AbortSignal): Promise<void> {
    const engine = new Engine(this.options.docker.engine)
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
          this.#bell.ring()
        })
      const opened = stream.then(() => true)
      const late = sleep(STREAM_TIMEOUT, false, { signal: leaving.signal }).catch(() => false)
      if (!(await Promise.race([opened, late]))) {
        // What was read before the stream was there may be old.
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
        if (next > 0) await this.#bell.wait(next)
      }
    } finally {
      signal.removeEventListener('abort', leave)
      leaving.abort()
      await engine.close()
    }
  }

  async #listen(events: AsyncIterable<EngineEvent | undefined>): Promise<never> {
    for await (const event of events) {
      // One that makes no sense was about something.
      if (event === undefined) this.#list()
      else {
        this.#known.touch(event)
        this.#bell.ring()
      }
    }
    return raise('store', `${this.name} closed the stream of events`)
  }

  #list(): void {
    this.#listAt = 0
    this.#bell.ring()
  }

  /** Reads the list when it is due, and inspects what may have changed. True when anything has. */
  async #work(engine: Engine, signal: AbortSignal): Promise<boolean> {
    let first = false
    if (performance.now() >= this.#listAt) {
      const { resync } = this.options
      this.#listAt = resync === 0 ? Infinity : performance.now() + resync
      first = this.#known.list(await engine.running(signal))
    }
    return (await this.#known.inspect(engine, signal)) || first
  }
}
