// Tracks the known containers: the services that each container defines, and which containers must be inspected again.
import type { DockerSettings } from '../../core/register.ts'
import type { EmitRegister } from '../event.ts'
import type { WantedService } from '../service.ts'
import type { Container, ContainerEngine, Listed } from './engine.ts'
import type { EngineEvent } from './events.ts'
import { joinedBy } from './ports.ts'
import type { ContainerOptions, Remark } from './options.ts'
import { servicesOf } from './services.ts'

interface KnownContainer {
  readonly wanted: readonly WantedService[]
  readonly remarks: readonly Remark[]
  /** Id or name of the container whose network this one uses. */
  readonly joined: string | undefined
  /** For a failed container: the time until which its services stay, as performance.now(). */
  readonly until?: number
}

/** Maximum number of concurrent inspections. */
const CONCURRENCY = 8
/**
 * Delays before further inspections after an event, in milliseconds. One inspection is not enough, because an event may
 * arrive before the state change that it reports.
 */
const RECHECK_DELAYS = [100, 400, 1_600]
/** The bit that is set in the exit code of a container that was killed by a signal. */
const SIGNALLED = 128

export class KnownContainers {
  readonly #containers = new Map<string, KnownContainer>()
  /** The summary of each container in the last list. */
  readonly #listed = new Map<string, string>()
  #dirty = new Set<string>()
  /**
   * Containers to inspect again after an event, with the time of the next inspection and the number of inspections so
   * far.
   */
  readonly #looks = new Map<string, { readonly at: number; readonly count: number }>()
  /** Whether all containers have been listed and inspected once. */
  #isComplete = false

  constructor(
    private readonly options: ContainerOptions & {
      readonly docker: DockerSettings
      readonly ttl: number
    },
    private readonly emit: EmitRegister,
  ) {}

  /** Time of the next inspection, as performance.now(). */
  get nextLook(): number {
    const waits = [...this.#looks.values()].map(({ at }) => at)
    const ends = [...this.#containers.values()].map(({ until = Infinity }) => until)
    if (this.#dirty.size > 0) return 0
    return Math.min(Infinity, ...waits, ...ends)
  }

  wanted(): readonly WantedService[] {
    return [...this.#containers.values()].flatMap(({ wanted }) => wanted)
  }

  /** Makes the next list() mark all containers for inspection. */
  forget(): void {
    this.#listed.clear()
  }

  touch({ container, action }: EngineEvent): void {
    this.#dirty.add(container)
    for (const [id, { joined }] of this.#containers) {
      if (joined !== undefined && container.startsWith(joined)) this.#dirty.add(id)
    }
    if (/^(?:die|died|stop|kill|remove|destroy|cleanup)/.test(action)) {
      this.#looks.set(container, {
        at: performance.now() + (RECHECK_DELAYS[0] as number),
        count: 1,
      })
    }
  }

  /**
   * Marks the containers that differ from the last list.
   * @returns whether this is the first list
   */
  list(running: readonly Listed[]): boolean {
    const there = new Set<string>()
    for (const { id, summary } of running) {
      there.add(id)
      if (this.#listed.get(id) !== summary) this.#dirty.add(id)
      this.#listed.set(id, summary)
    }
    for (const [id, { until }] of this.#containers) {
      if (!there.has(id) && until === undefined) this.#dirty.add(id)
    }
    for (const id of this.#listed.keys()) if (!there.has(id)) this.#listed.delete(id)
    return !this.#isComplete
  }

  /** Inspects the marked containers. @returns whether the wanted services have changed @throws FaultError */
  async inspect(engine: ContainerEngine, signal: AbortSignal): Promise<boolean> {
    const now = performance.now()
    for (const [id, { at }] of this.#looks) if (at <= now) this.#dirty.add(id)
    let changed = this.#expire(now)
    const ids = [...this.#dirty]
    this.#dirty = new Set()
    try {
      const left = ids.values()
      const worker = async (): Promise<void> => {
        for (const id of left) {
          const container = await engine.inspect(id, signal)
          if (await this.#take(id, container, engine, signal)) changed = true
        }
      }
      await Promise.all(Array.from({ length: Math.min(CONCURRENCY, ids.length) }, worker))
    } catch (error) {
      for (const id of ids) this.#dirty.add(id)
      throw error
    }
    this.#isComplete = true
    return changed
  }

  async #take(
    id: string,
    container: Container | undefined,
    engine: ContainerEngine,
    signal: AbortSignal,
  ): Promise<boolean> {
    const isRunning = container?.State.Running === true
    this.#lookAgain(id, isRunning)
    const before = this.#containers.get(id)
    if (!isRunning) return this.#gone(id, before, container?.State.ExitCode)
    const joined = joinedBy(container)
    const other = joined === undefined ? undefined : await engine.inspect(joined, signal)
    if (joined !== undefined && other?.State.Running !== true) {
      return this.#gone(id, before, undefined)
    }
    const exposing = await withPorts(container, engine, signal)
    const { services, remarks } = servicesOf(exposing, other, this.options)
    const life = `${id} ${container.State.StartedAt ?? ''}`
    const fresh = this.#isComplete
    const wanted = services.map((service): WantedService => ({ service, life, fresh }))
    for (const remark of remarks) {
      const isOld = before?.remarks.some(({ why }) => why === remark.why) === true
      if (!isOld) this.emit({ kind: 'ignored', ...remark })
    }
    const isSame = JSON.stringify(lives(before?.wanted)) === JSON.stringify(lives(wanted))
    // Keeps the identity of unchanged objects, so that values cached by object stay valid.
    this.#containers.set(id, {
      wanted: isSame ? (before?.wanted ?? wanted) : wanted,
      remarks,
      joined,
    })
    return !isSame
  }

  #gone(id: string, before: KnownContainer | undefined, exitCode = 0): boolean {
    if (before === undefined || before.until !== undefined) return false
    const failed = exitCode !== 0 && (exitCode & SIGNALLED) === 0
    if (failed && this.options.docker.deregister === 'on-success' && before.wanted.length > 0) {
      this.#containers.set(id, { ...before, until: performance.now() + this.options.ttl })
      return false
    }
    this.#containers.delete(id)
    return before.wanted.length > 0
  }

  #expire(now: number): boolean {
    let expired = false
    for (const [id, { until = Infinity }] of this.#containers) {
      if (until <= now) expired = this.#containers.delete(id)
    }
    return expired
  }

  #lookAgain(id: string, isRunning: boolean): void {
    const look = this.#looks.get(id)
    if (look === undefined || look.at > performance.now()) return
    const delay = isRunning ? RECHECK_DELAYS[look.count] : undefined
    if (delay === undefined) this.#looks.delete(id)
    else this.#looks.set(id, { at: performance.now() + delay, count: look.count + 1 })
  }
}

/** Adds the ports that the image exposes, which podman omits for a container with host networking. */
async function withPorts(
  container: Container,
  engine: ContainerEngine,
  signal: AbortSignal,
): Promise<Container> {
  const { Config, HostConfig, Image } = container
  if (HostConfig?.NetworkMode !== 'host' || Image === undefined) return container
  if (Object.keys(Config.ExposedPorts ?? {}).length > 0) return container
  const ExposedPorts = (await engine.exposedBy(Image, signal)) ?? {}
  return { ...container, Config: { ...Config, ExposedPorts } }
}

/** Returns the parts of wanted services that are compared. A change to `fresh` alone does not count. */
const lives = (wanted: readonly WantedService[] | undefined): unknown =>
  wanted?.map(({ service, life }) => [service, life])
