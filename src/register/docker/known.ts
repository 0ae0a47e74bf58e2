// The containers that are known, what each has to have registered, and which of them are to be inspected.
import type { DockerSettings } from '../../core/register.ts'
import type { EmitRegister } from '../event.ts'
import type { Wanted } from '../service.ts'
import type { Container, Engine, EngineEvent, Listed } from './engine.ts'
import { joinedBy } from './ports.ts'
import type { ContainerOptions, Remark } from './options.ts'
import { servicesOf } from './services.ts'

interface KnownContainer {
  readonly wanted: readonly Wanted[]
  readonly remarks: readonly Remark[]
  /** The container whose network it uses, by id or name. */
  readonly joined: string | undefined
  /** A failed container: its services stay until then. */
  readonly until?: number
}

/** Inspections under way at once. */
const AT_ONCE = 8
/** An event may come before the engine's own state has changed: milliseconds to the next looks. */
const LOOKS = [100, 400, 1_600]
/** Docker's bit of an exit code that says that a signal has ended it. */
const SIGNALLED = 128

export class Known {
  readonly #containers = new Map<string, KnownContainer>()
  /** What the list said of each when it was inspected last. */
  readonly #listed = new Map<string, string>()
  #dirty = new Set<string>()
  /** Containers that are inspected again, and how often that was done. */
  readonly #looks = new Map<string, { readonly at: number; readonly count: number }>()
  /** Everything has been listed and inspected once. */
  #isComplete = false

  constructor(
    private readonly options: ContainerOptions & {
      readonly docker: DockerSettings
      readonly ttl: number
    },
    private readonly emit: EmitRegister,
  ) {}

  /** When something is to be inspected again, on the clock of performance.now(). */
  get nextLook(): number {
    const waits = [...this.#looks.values()].map(({ at }) => at)
    const ends = [...this.#containers.values()].map(({ until = Infinity }) => until)
    if (this.#dirty.size > 0) return 0
    return Math.min(Infinity, ...waits, ...ends)
  }

  wanted(): readonly Wanted[] {
    return [...this.#containers.values()].flatMap(({ wanted }) => wanted)
  }

  /** All are inspected after the next list. */
  forget(): void {
    this.#listed.clear()
  }

  touch({ container, action }: EngineEvent): void {
    this.#dirty.add(container)
    for (const [id, { joined }] of this.#containers) {
      if (joined !== undefined && container.startsWith(joined)) this.#dirty.add(id)
    }
    if (/^(?:die|died|stop|kill|remove|destroy|cleanup)/.test(action)) {
      this.#looks.set(container, { at: performance.now() + (LOOKS[0] as number), count: 1 })
    }
  }

  /**
   * Marks those that differ from the last list.
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

  /** Inspects what may have changed. True when what is wanted has. Throws a FaultError. */
  async inspect(engine: Engine, signal: AbortSignal): Promise<boolean> {
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
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, worker))
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
    engine: Engine,
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
    const wanted = services.map((service): Wanted => ({ service, life, fresh }))
    for (const remark of remarks) {
      const isOld = before?.remarks.some(({ why }) => why === remark.why) === true
      if (!isOld) this.emit({ kind: 'ignored', ...remark })
    }
    const isSame = JSON.stringify(lives(before?.wanted)) === JSON.stringify(lives(wanted))
    // The same objects: what was derived from them is not derived again.
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
    const delay = isRunning ? LOOKS[look.count] : undefined
    if (delay === undefined) this.#looks.delete(id)
    else this.#looks.set(id, { at: performance.now() + delay, count: look.count + 1 })
  }
}

/** Podman keeps the ports of a container with host networking to itself: its image says them, too. */
async function withPorts(
  container: Container,
  engine: Engine,
  signal: AbortSignal,
): Promise<Container> {
  const { Config, HostConfig, Image } = container
  if (HostConfig?.NetworkMode !== 'host' || Image === undefined) return container
  if (Object.keys(Config.ExposedPorts ?? {}).length > 0) return container
  const ExposedPorts = (await engine.exposedBy(Image, signal)) ?? {}
  return { ...container, Config: { ...Config, ExposedPorts } }
}

/** Whether it was fresh is no difference. */
const lives = (wanted: readonly Wanted[] | undefined): unknown =>
  wanted?.map(({ service, life }) => [service, life])
