// Works off the agenda of one generation: what changed makes resources dirty, what is due goes
// through a cycle, what failed comes back. The same for a onetime run and for a daemon.
import { cycle, reloadCommands, type CycleContext } from './cycle.ts'
import type { Emit } from './core/event.ts'
import { DirtyIndex } from './core/dirty.ts'
import { treeIn, type Changes, type Mirror } from './core/mirror.ts'
import type { Resource } from './core/resource.ts'
import { Agenda, type Pace } from './flow/agenda.ts'
import { createGate } from './flow/gate.ts'
import type { Reloads } from './flow/reloads.ts'

export interface WorkerOptions extends Omit<CycleContext, 'rendered'> {
  readonly resources: readonly Resource[]
  readonly mirror: () => Mirror
  readonly pace: Pace
  /** Work of the former generation that has to end before that on the same resource begins. */
  readonly after: ReadonlyMap<string, Promise<void>>
  /** False in a onetime run. */
  readonly retry: boolean
  /** The files that renders depend on have become others. */
  readonly dependsOn: (files: Iterable<string>) => void
  /** A bug: a cycle has thrown instead of returning a fault. */
  readonly crashed: (error: unknown) => void
  readonly emit: Emit
}

/** Resources in work at once; each may run a check command of its own. */
const AT_ONCE = 32
/** How many keys a `changed` event names; the rest is counted. */
const KEYS_TOLD = 10

export class Worker {
  readonly failed = new Set<string>()
  readonly changed = new Set<string>()
  readonly #resources: ReadonlyMap<string, Resource>
  readonly #agenda: Agenda
  readonly #index = new DirtyIndex()
  readonly #gate = createGate(AT_ONCE)
  readonly #jobs = new Map<string, Promise<void>>()
  /** What changed while a resource was being rendered: it may concern keys it has only just read. */
  readonly #rendering = new Map<string, Changes[]>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(private readonly options: WorkerOptions) {
    this.#resources = new Map(options.resources.map((resource) => [resource.name, resource]))
    this.#agenda = new Agenda(
      options.resources.map(({ name, quiet, quietMax }) => [
        name,
        { quiet: quiet ?? options.pace.quiet, max: quietMax ?? options.pace.max },
      ]),
    )
  }

  /** Looks at every resource, whatever has changed. */
  all(): void {
    this.#agenda.all(performance.now())
    this.#pump()
  }

  keysChanged(changes: Changes): void {
    for (const missed of this.#rendering.values()) missed.push(changes)
    const causes = this.#index.affected(changes)
    const keys = [...changes.keys()]
    this.options.emit({
      kind: 'changed',
      store: this.options.store,
      keys: keys.slice(0, KEYS_TOLD),
      more: Math.max(0, keys.length - KEYS_TOLD),
      resources: [...causes.keys()],
      causes,
    })
    this.#mark(causes.keys())
  }

  filesChanged(paths: ReadonlySet<string>): void {
    // A render that is under way may have read the old file.
    const dirty = new Set(this.#rendering.keys())
    for (const path of paths) {
      this.options.renderer.forget(path)
      for (const name of this.#index.usersOf(path)) dirty.add(name)
    }
    if (dirty.size === 0) return
    this.options.emit({ kind: 'files-changed', files: [...paths], resources: [...dirty] })
    this.#mark(dirty)
  }

  /** Resolves when no resource is in work. What waits for a retry does not count. */
  async idle(): Promise<void> {
    while (this.#jobs.size > 0) await Promise.all(this.#jobs.values())
  }

  /** Takes nothing new; resolves when what is in work has ended. */
  async stop(): Promise<void> {
    this.retire()
    await this.idle()
  }

  /** Takes nothing new; what is still in work, by resource. */
  retire(): ReadonlyMap<string, Promise<void>> {
    this.#stopped = true
    clearTimeout(this.#timer)
    return new Map(this.#jobs)
  }

  #mark(names: Iterable<string>): void {
    this.#agenda.changed(names, performance.now())
    this.#pump()
  }

  /** Starts what is due, and sets the alarm for what is due next. */
  #pump(): void {
    const mirror = this.options.mirror()
    if (this.#stopped || mirror.kind === 'waiting') return
    clearTimeout(this.#timer)
    const batch = this.#agenda
      .take(performance.now())
      .map((name) => this.#resources.get(name) as Resource)
    // All of a batch are held before the first one starts, so that a reload they share runs once.
    const held = batch.map((resource) => reloadCommands(resource.templates))
    for (const commands of held) this.options.desk.hold(commands)
    batch.forEach((resource, n) => {
      const { name } = resource
      const job = this.#gate(() => this.#work(resource))
        .catch(this.options.crashed)
        .finally(() => {
          this.options.desk.release(held[n] as Reloads)
          this.#jobs.delete(name)
          this.#pump()
        })
      this.#jobs.set(name, job)
    })
    const wait = this.#agenda.next - performance.now()
    if (wait < Infinity) this.#timer = setTimeout(() => this.#pump(), Math.max(0, wait))
  }

  async #work(resource: Resource): Promise<void> {
    const { name } = resource
    await this.options.after.get(name)
    const missed: Changes[] = []
    this.#rendering.set(name, missed)
    const worked = await cycle(resource, treeIn(this.options.mirror()), {
      ...this.options,
      rendered: (_resource, reads) => {
        this.#rendering.delete(name)
        this.#index.set(name, reads)
        this.options.emit({ kind: 'rendered', resource: name, reads })
        this.options.dependsOn(reads.flatMap(({ files }) => [...files]))
        if (missed.some((changes) => this.#index.affected(changes).has(name))) {
          this.#agenda.changed([name], performance.now())
        }
      },
    })
    if (worked.ok) {
      this.failed.delete(name)
      if (worked.changed) this.changed.add(name)
      this.#agenda.succeeded(name)
      this.options.emit({ kind: 'applied', resource: name, changed: worked.changed })
      return
    }
    this.failed.add(name)
    const delay = this.#agenda.failed(name, performance.now())
    const retryIn = this.options.retry ? delay : null
    this.options.emit({
      kind: 'failed',
      resource: name,
      at: worked.at,
      fault: worked.fault,
      retryIn,
    })
  }
}
