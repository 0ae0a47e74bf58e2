// Works off the agenda of one generation: what changed makes units dirty, what is due goes through a
// cycle, what failed comes back. The same for a onetime run and for a daemon.
import { longestRun } from '../apply/command.ts'
import { Concerns } from './concerns.ts'
import { cycle, type CycleContext, type Worked } from './cycle.ts'
import type { Emit } from '../core/event.ts'
import { Claims } from '../core/claims.ts'
import type { Cause } from '../core/dirty.ts'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import type { Reads } from '../core/reader.ts'
import { reloadsOf, type Reloads } from '../core/reload.ts'
import { keysOf, type Resource } from '../core/resource.ts'
import type { Tree } from '../core/tree.ts'
import { unitsOf, type Unit } from '../core/unit.ts'
import { Agenda, type Pace } from './agenda.ts'
import { Demands, needsOf } from '../feeds/demands.ts'
import { createGate } from './gate.ts'
import type { Feeds } from '../feeds/feeds.ts'
import type { Underway } from './underway.ts'
import type { Views } from './views.ts'
import { Waits } from './waits.ts'
import { rollBack } from './rollback.ts'

export interface WorkerOptions extends Omit<
  CycleContext,
  'rendered' | 'treeOf' | 'storeOf' | 'forEachOf' | 'contents' | 'claims'
> {
  readonly resources: readonly Resource[]
  readonly feeds: Pick<Feeds, 'tree' | 'isRead' | 'nameOf' | 'wanted' | 'want'>
  readonly pace: Pace
  readonly former: Retired | undefined
  /** False in a onetime run. */
  readonly retry: boolean
  /** The files that renders depend on have become others. */
  readonly dependsOn: (files: Iterable<string>) => void
  /** A bug: a cycle has thrown instead of returning a fault. */
  readonly crashed: (error: unknown) => void
  readonly emit: Emit
  readonly underway: Underway
}

/** What a worker that takes nothing new any more leaves to the next one. */
export interface Retired {
  /** What is still in work, by unit: it has to end before the same files are touched again. */
  readonly jobs: ReadonlyMap<string, Promise<void>>
  readonly views: Views
}

/** Units in work at once; each may run a check command of its own. */
const AT_ONCE = 32
/** How many keys an event names; the rest is counted. */
const KEYS_TOLD = 10

export class Worker {
  /** The resources that are not what they should be. */
  readonly failed = new Set<string>()
  readonly changed = new Set<string>()
  readonly #concerns: Concerns
  readonly #units: ReadonlyMap<string, Unit>
  readonly #unitOf: ReadonlyMap<string, Unit>
  readonly #keysOf: ReadonlyMap<string, readonly Key[]>
  readonly #agenda: Agenda
  readonly #gate = createGate(AT_ONCE)
  readonly #jobs = new Map<string, Promise<void>>()
  readonly #contents = new Map<string, string>()
  readonly #claims = new Claims()
  readonly #turns = new Map<string, Promise<unknown>>()
  /** Absent where no store is read on demand. */
  readonly #demands: Demands | undefined
  readonly #waits = new Waits()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(private readonly options: WorkerOptions) {
    const { resources, renderer, feeds, former } = options
    const storeOf = (key: Key): string => feeds.nameOf(key)
    this.#concerns = new Concerns({ resources, renderer, storeOf, former: former?.views })
    for (const resource of resources) this.#claims.claim(resource.name, plainDests(resource))
    if (feeds.wanted !== undefined) {
      this.#demands = new Demands(
        resources.map(({ name }) => name),
        feeds.wanted,
      )
    }
    const units = unitsOf(resources)
    this.#units = new Map(units.map((unit) => [unit.name, unit]))
    this.#unitOf = new Map(
      units.flatMap((unit) => unit.resources.map(({ name }) => [name, unit] as const)),
    )
    this.#keysOf = new Map(units.map((unit) => [unit.name, keysOf(unit.resources)]))
    this.#agenda = new Agenda(units.map((unit) => [unit.name, paceOf(unit, options.pace)]))
  }

  /** Looks at every resource, whatever has changed. */
  all(): void {
    this.#concerns.all()
    this.#agenda.all(performance.now())
    this.#pump()
  }

  /**
   * @param store that has changed
   * @param changes none when only more of it, or less, is known
   * @param before the tree that the changes were made to
   */
  keysChanged(store: string, changes: Changes, before: Tree): void {
    this.#wake()
    if (changes.size > 0) this.#changed(store, changes, before)
    this.#pump()
  }

  /** Whether a unit waits for the first reading of something. */
  get isWaiting(): boolean {
    return !this.#waits.isEmpty
  }

  /** What waits for something that is known now is due, at once. */
  #wake(): void {
    this.#agenda.all(performance.now(), this.#waits.over(this.options.feeds.tree.known))
  }

  #changed(store: string, changes: Changes, before: Tree): void {
    const causes = this.#concerns.ofKeys(changes, before, this.options.feeds.tree)
    this.#tellChanged(store, [...changes.keys()], causes)
    this.#mark(causes.keys())
  }

  #tellChanged(store: string, keys: readonly Key[], causes: ReadonlyMap<string, Cause>): void {
    this.options.emit({
      kind: 'changed',
      store,
      keys: keys.slice(0, KEYS_TOLD),
      more: Math.max(0, keys.length - KEYS_TOLD),
      resources: [...causes.keys()],
      causes,
    })
  }

  filesChanged(paths: ReadonlySet<string>): void {
    for (const path of paths) this.options.renderer.forget(path)
    const dirty = this.#concerns.ofFiles(paths)
    if (dirty.size === 0) return
    this.options.emit({ kind: 'files-changed', files: [...paths], resources: [...dirty] })
    this.#mark(dirty)
  }

  /**
   * Lets the change of a resource pass that a guard holds, or that was rolled back; false: none is. A
   * group changes together, so that those who were rolled back with it pass as well.
   */
  async accept(resource: string): Promise<boolean> {
    const { guards } = this.options
    if (!(await guards.accept(resource))) return false
    for (const { name } of this.#unitOf.get(resource)?.resources ?? []) await guards.accept(name)
    this.#mark([resource])
    return true
  }

  /**
   * Brings the files of these resources back to what they were when their reloads last succeeded,
   * those of their groups included, and asks for the reloads. False when nothing is known of that.
   */
  async rollBack(resources: readonly string[]): Promise<boolean> {
    const { desk } = this.options
    const swaps = new Map(resources.map((name) => [name, desk.swapOf(name)]))
    const isNewest = (): boolean => [...swaps].every(([name, n]) => desk.swapOf(name) === n)
    const units = new Set(resources.flatMap((name) => this.#unitOf.get(name) ?? []))
    let restored = false
    for (const unit of units) {
      // A newer content that has come meanwhile is tried first.
      const done = await this.#inTurn(unit, async () => !isNewest() || (await this.#restore(unit)))
      restored ||= done
    }
    return restored
  }

  /** Says so when something has been due for longer than that and nobody has taken it up. */
  stuck(patience: number): string | undefined {
    const late = performance.now() - this.#next
    if (this.#stopped || late <= patience) return undefined
    return `what is due for ${Math.round(late / 1000)} s has not been begun`
  }

  /** Resolves when no unit is in work. What waits for a retry does not count. */
  async idle(): Promise<void> {
    while (this.#jobs.size > 0) await Promise.all(this.#jobs.values())
  }

  /** Takes nothing new; resolves when what is in work has ended. */
  async stop(): Promise<void> {
    this.retire()
    await this.idle()
  }

  /** Takes nothing new. */
  retire(): Retired {
    this.#stopped = true
    clearTimeout(this.#timer)
    return { jobs: new Map(this.#jobs), views: this.#concerns.views }
  }

  /** Resources become dirty, and their units with them. */
  #mark(resources: Iterable<string>): void {
    this.#agenda.changed(this.#unitsOf(resources), performance.now())
    this.#pump()
  }

  #unitsOf(resources: Iterable<string>): Set<string> {
    return new Set([...resources].flatMap((name) => this.#unitOf.get(name)?.name ?? []))
  }

  /** Starts what is due, and sets the alarm for what is due next. */
  #pump(): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    const now = performance.now()
    if (this.#concerns.views.next <= now) {
      const { keys, causes } = this.#concerns.ofExpired(now)
      for (const key of keys) this.#tellChanged(this.options.feeds.nameOf(key), [key], causes)
      this.#agenda.changed(this.#unitsOf(causes.keys()), now)
    }
    const batch = this.#agenda
      .take(now, (name) => this.#isReady(name))
      .map((name) => this.#units.get(name) as Unit)
      .map((unit) => ({ unit, reloads: reloadsOfUnit(unit) }))
    // All of a batch are held before the first one starts, so that a reload they share runs once.
    for (const { reloads } of batch) this.options.desk.hold(reloads)
    for (const { unit, reloads } of batch) {
      const job = this.#gate(() => this.#inTurn(unit, () => this.#work(unit)))
        .catch(this.options.crashed)
        .finally(() => {
          this.options.desk.release(reloads)
          if (this.#jobs.get(unit.name) === job) this.#jobs.delete(unit.name)
          this.#pump()
        })
      this.#jobs.set(unit.name, job)
    }
    const wait = this.#next - performance.now()
    if (wait < Infinity) this.#timer = setTimeout(() => this.#pump(), Math.max(0, wait))
  }

  /** When something will next be due. */
  get #next(): number {
    return Math.min(this.#agenda.next, this.#concerns.views.next)
  }

  /** All that it reads has been read, if only once: before that nothing is known to be missing. */
  #isReady(unit: string): boolean {
    return this.#keysOf.get(unit)?.every((key) => this.options.feeds.isRead(key)) ?? true
  }

  /** One thing at a time with a unit's files. */
  #inTurn<T>({ name }: Unit, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(work)
    this.#turns.set(
      name,
      turn.catch(() => undefined),
    )
    return turn
  }

  async #work(unit: Unit): Promise<void> {
    const { emit, dependsOn, former, feeds, underway } = this.options
    await former?.jobs.get(unit.name)
    for (const { name } of unit.resources) this.#concerns.rendering(name)
    const cycling = cycle(unit, {
      ...this.options,
      contents: this.#contents,
      claims: this.#claims,
      forEachOf: (spec) => this.#concerns.itemsOf(spec),
      treeOf: (resource) => this.#concerns.views.treeOf(resource, feeds.tree),
      storeOf: (key) => feeds.nameOf(key),
      rendered: ({ name }, reads, whole, duration) => {
        const isStale = this.#concerns.rendered(name, reads)
        this.#demand(name, reads, whole)
        emit({ kind: 'rendered', resource: name, reads, duration })
        dependsOn(reads.flatMap(({ files }) => [...files]))
        if (isStale) this.#agenda.changed([unit.name], performance.now())
      },
    })
    const resources = unit.resources.map(({ name }) => name)
    const work = { what: `the work on ${unit.name}`, resources, allowed: longestCheck(unit) }
    this.#ended(unit, await underway.during(work, cycling))
  }

  #demand(resource: string, reads: readonly Reads[], whole: boolean): void {
    // The next generation has its own demands on the same stores.
    if (this.#demands === undefined || this.#stopped) return
    const isNews = this.#demands.rendered(resource, needsOf(reads), whole)
    if (isNews) this.options.feeds.want(this.#demands.all)
  }

  #ended(unit: Unit, worked: Worked): void {
    const { emit, retry, noop } = this.options
    if (worked.kind !== 'waiting') this.#waits.end(unit.name)
    switch (worked.kind) {
      case 'waiting':
        return this.#wait(unit, worked)
      case 'done':
        this.#agenda.succeeded(unit.name)
        for (const { name } of unit.resources) {
          const changed = worked.changed.includes(name)
          this.failed.delete(name)
          if (changed) this.changed.add(name)
          if (!changed || !noop) emit({ kind: 'applied', resource: name, changed })
        }
        return
      // Time does not mend these: a change of the keys does, or an operator.
      case 'held':
        this.#agenda.succeeded(unit.name)
        this.failed.add(worked.resource)
        this.#tellOthers(unit, worked.resource, 'held')
        return
      case 'rejected':
        this.#agenda.succeeded(unit.name)
        this.failed.add(worked.resource)
        emit({ ...worked, kind: 'failed', at: 'reload', retryIn: null })
        this.#tellOthers(unit, worked.resource, 'failed')
        return
      case 'failed': {
        this.failed.add(worked.resource)
        const delay = this.#agenda.failed(unit.name, performance.now())
        emit({ ...worked, retryIn: retry ? delay : null })
        this.#tellOthers(unit, worked.resource, 'failed')
      }
    }
  }

  /** Nothing was touched; another render follows once what is missing is known. */
  #wait(unit: Unit, { resource, missing }: Extract<Worked, { kind: 'waiting' }>): void {
    const { feeds, emit } = this.options
    const keys = [...missing.trees, ...missing.names]
    this.#waits.begin(unit.name, missing)
    if (this.#waits.isEndless(unit.name)) {
      return this.#ended(unit, { kind: 'failed', resource, at: 'render', fault: endless(keys[0]) })
    }
    this.#agenda.succeeded(unit.name)
    const store = feeds.nameOf(keys[0] ?? '/')
    const more = Math.max(0, keys.length - KEYS_TOLD)
    emit({ kind: 'awaits', resource, store, keys: keys.slice(0, KEYS_TOLD), more })
    this.#tellOthers(unit, resource, 'waiting')
    // It may have become known while the rest of the unit was being rendered.
    this.#wake()
  }

  /** The others of a group wait for the one that has failed, is held or waits itself. */
  #tellOthers({ resources }: Unit, culprit: string, because: 'failed' | 'held' | 'waiting'): void {
    for (const { name } of resources) {
      if (name === culprit) continue
      this.options.emit({ kind: 'waits', resource: name, for: culprit, because })
    }
  }

  async #restore({ resources }: Unit): Promise<boolean> {
    const restored = await rollBack(resources, { ...this.options, contents: this.#contents })
    for (const { name } of restored) this.failed.add(name)
    return restored.length > 0
  }
}

const endless = (key: Key = '/'): Fault => ({
  kind: 'template',
  message: `each render looks up something else that is not known yet; ${key} was the last`,
  hint: 'Let names that are looked up come from keys, and not from the time or from chance.',
})

const plainDests = ({ templates }: Resource): ReadonlySet<string> =>
  new Set(templates.flatMap(({ forEach, dest }) => (forEach === undefined ? [dest] : [])))

function paceOf({ resources }: Unit, pace: Pace): Pace {
  return {
    quiet: Math.max(...resources.map(({ quiet }) => quiet ?? pace.quiet)),
    max: Math.max(...resources.map(({ quietMax }) => quietMax ?? pace.max)),
  }
}

/** The longest that a cycle of it is silent, in milliseconds: each check is told of when it has ended. */
const longestCheck = ({ resources }: Unit): number =>
  Math.max(
    0,
    ...resources.flatMap(({ groupCheck, templates }) => [
      ...(groupCheck === undefined ? [] : [longestRun(groupCheck.timeout)]),
      ...templates.flatMap(({ checkCmd, checkTimeout }) =>
        checkCmd === undefined ? [] : [longestRun(checkTimeout)],
      ),
    ]),
  )

const reloadsOfUnit = ({ resources }: Unit): Reloads =>
  new Map(resources.flatMap((resource) => [...reloadsOf(resource, resource.templates)]))
