// The loop: what changed makes units dirty, what is due goes through a cycle, reloads that are due run, what
// failed comes back. The same for a onetime run and for a daemon, over all its configurations.
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import type { Pace } from '../core/pace.ts'
import type { Run } from '../core/reload-run.ts'
import type { Resource } from '../core/resource.ts'
import type { Tree } from '../core/tree.ts'
import { duration } from '../core/words.ts'
import { awaitsConsent } from '../state/records.ts'
import { Agenda } from './agenda.ts'
import { Concerns } from './concerns.ts'
import { createGate } from './gate.ts'
import { failed, type Causes, type Failed, type Outcome } from './outcome.ts'
import type { Parts } from './parts.ts'
import { rollBack } from './rollback.ts'
import { forgetLoaded } from './settle.ts'
import type { Underway } from './underway.ts'
import { unitsOf, type Unit } from './unit.ts'
import { Verdicts } from './verdicts.ts'
import type { Views } from './views.ts'
import { Waits } from './waits.ts'
import { work, type Sources } from './work.ts'

/** What was read from conf.d at one time. */
export interface Configuration extends Sources {
  readonly resources: readonly Resource[]
  /** Coalescing, where a resource has none of its own. */
  readonly pace: Pace
}

/** A configuration at work. */
interface Current extends Configuration {
  readonly units: readonly Unit[]
  readonly unitOf: ReadonlyMap<string, Unit>
  readonly concerns: Concerns
}

/** Units in work at once; each may run a check command of its own. */
const AT_ONCE = 32
/** How many keys an event names; the rest is counted. */
const KEYS_TOLD = 10

/** Calls #pump when something is due. */
interface Alarm {
  readonly at: number
  readonly cancel: () => void
}
const noAlarm: Alarm = { at: Infinity, cancel: () => undefined }

export class Worker {
  /** The resources whose files are not what they should be. */
  readonly failed = new Set<string>()
  readonly changed = new Set<string>()
  readonly #agenda = new Agenda()
  readonly #gate = createGate(AT_ONCE)
  readonly #jobs = new Set<Promise<void>>()
  /** Units of former configurations whose work has not ended. */
  readonly #retired = new Set<Unit>()
  readonly #waits = new Waits()
  readonly #verdicts: Verdicts
  #acceptedBeforehand: ReadonlyMap<string, string> = new Map()
  #current: Current | undefined
  #alarm = noAlarm
  #isStopped = false
  #idlers: (() => void)[] = []

  /**
   * @param retry false in a onetime run
   * @param crashed takes a bug: a cycle has thrown instead of returning a fault
   */
  constructor(
    private readonly parts: Parts,
    private readonly underway: Underway,
    private readonly retry: boolean,
    private readonly crashed: (error: unknown) => void,
  ) {
    this.#verdicts = new Verdicts(parts, underway, (resources) => this.#unitsOf(resources))
  }

  /**
   * Works by this configuration from here on; work that is under way by the former one ends first where it
   * touches the same files. Synchronous, so that no change of the keys falls between the two.
   */
  adopt(configuration: Configuration): void {
    const { resources, renderer, feeds, pace } = configuration
    const former = this.#current
    for (const unit of former?.units ?? []) this.#retire(unit)
    const units = unitsOf(resources, pace, this.#retired)
    const unitOf = new Map(units.flatMap((unit) => unit.names.map((name) => [name, unit] as const)))
    const storeOf = (key: Key): string => feeds.nameOf(key)
    const concerns = new Concerns(resources, renderer, storeOf, former?.concerns.views)
    this.#carryOver(concerns.views, feeds.tree, former)
    this.#current = { ...configuration, units, unitOf, concerns }
    this.#waits.clear()
    for (const set of [this.failed, this.changed]) {
      for (const name of set) if (!unitOf.has(name)) set.delete(name)
    }
    this.#claim(resources, former)
    for (const [name, hash] of this.#acceptedBeforehand) {
      const unit = unitOf.get(name)
      if (unit !== undefined) unit.consentOf(name).accepted = hash
    }
    this.#acceptedBeforehand = new Map()
    this.#configureDesk(units, former === undefined)
    this.all()
  }

  /**
   * What was there when it was seen last is expected: a key that vanished during a restart, or while its
   * store is opened anew for another configuration, has its hold-down like any other.
   */
  #carryOver(views: Views, tree: Tree, former: Current | undefined): void {
    const { clock, kept } = this.parts
    const now = clock.now()
    if (former === undefined) kept.begin(views)
    else if (views.mayHold) views.expect(views.all(former.feeds.tree, now), now)
    views.found(tree)
  }

  /** Begins no further work on a unit; what is under way on its files ends. */
  #retire(unit: Unit): void {
    this.#agenda.drop(unit)
    this.#releaseInherited(unit)
    this.#retired.add(unit)
    void unit.turn.then(() => this.#retired.delete(unit))
  }

  #configureDesk(units: readonly Unit[], isFirst: boolean): void {
    const { desk } = this.parts
    const free = desk.configure(new Map(units.flatMap(({ reloads }) => [...reloads])))
    if (free.length > 0) this.#start(desk.strike(free))
    if (!isFirst) return
    // A newer content may be about to take the place of the one that was not reloaded.
    for (const unit of units) {
      unit.holdsInherited = unit.names.some((name) => desk.owes(name))
      if (unit.holdsInherited) desk.hold(unit.commands)
    }
  }

  /** Its first cycle has ended, or is not waited for: inherited reloads run on what is in place. */
  #releaseInherited(unit: Unit): void {
    if (!unit.holdsInherited) return
    unit.holdsInherited = false
    this.parts.desk.release(unit.commands)
  }

  /**
   * Lets changes pass that were held or rolled back in an earlier run. Call it before adopt().
   * @param hashes of the contents, by resource
   */
  acceptBeforehand(hashes: ReadonlyMap<string, string>): void {
    this.#acceptedBeforehand = hashes
  }

  /** Looks at every resource, whatever has changed. */
  all(): void {
    const now = this.parts.clock.now()
    this.#current?.concerns.all()
    for (const unit of this.#current?.units ?? []) this.#agenda.at(unit, now)
    this.#pump()
  }

  /**
   * A store was read for the first time. Who can do without it may have been rendered so, having looked up its
   * keys in vain, or of a store that is read on demand nothing at all: they are rendered again.
   */
  storeRead(store: string, changes: Changes, before: Tree): void {
    const { concerns, feeds, units } = this.#current ?? {}
    if (concerns === undefined || feeds === undefined || units === undefined) return
    const isOf = (unit: Unit, key: Key): boolean =>
      feeds.nameOf(key) === store && unit.isOptional(key)
    const late = units.filter((unit) => unit.keys.some((key) => isOf(unit, key)))
    if (late.length > 0) this.keysChanged(store, changes, before)
    for (const unit of late) this.#agenda.at(unit, this.parts.clock.now())
    concerns.views.found(feeds.tree)
    this.#lookAgain()
  }

  /** A store cannot be read: who can do without it is rendered so. */
  storeMissed(): void {
    this.#lookAgain()
  }

  /**
   * @param store the store's name
   * @param changes none when only more of it, or less, is known
   * @param before the tree that the changes were made to
   */
  keysChanged(store: string, changes: Changes, before: Tree): void {
    const current = this.#current
    if (current === undefined) return
    this.#wake()
    if (changes.size > 0) {
      const now = this.parts.clock.now()
      const causes = current.concerns.ofKeys(changes, before, current.feeds.tree, now)
      this.parts.kept.changed(current.concerns.views)
      this.#tellChanged(store, [...changes.keys()], causes)
      this.#mark(causes)
    }
    this.#pump()
  }

  filesChanged(paths: ReadonlySet<string>): void {
    const current = this.#current
    if (current === undefined) return
    for (const path of paths) current.renderer.forget(path)
    const causes = current.concerns.ofFiles(paths)
    if (causes.size === 0) return
    const files = new Set([...causes.values()].flatMap((cause) => cause.files))
    this.parts.emit({ kind: 'files-changed', files: [...files], causes })
    this.#mark(causes)
    this.#pump()
  }

  /**
   * Lets the change of a resource pass that a guard holds, or that was rolled back; false: none is. A
   * group changes together, so those that were held or rolled back with it pass as well.
   */
  async accept(resource: string): Promise<boolean> {
    const unit = this.#current?.unitOf.get(resource)
    if (unit === undefined || !(await this.#consent(unit, resource))) return false
    for (const name of unit.names) await this.#consent(unit, name)
    this.#agenda.at(unit, this.parts.clock.now())
    this.#pump()
    return true
  }

  /** Runs the reloads of a resource, whatever is in place. Returns why not, as a sentence. */
  async reload(resource: string): Promise<string | undefined> {
    const unit = this.#current?.unitOf.get(resource)
    const reloads = unit?.reloads.get(resource)?.all
    if (reloads === undefined) return `${resource} is not configured`
    if (reloads.size === 0) return `${resource} has no reload_cmd`
    // Whoever asks for a reload gets one.
    for (const { name, templates } of unit?.resources ?? []) {
      if (name === resource) await forgetLoaded(templates, this.parts)
    }
    const asked = await this.parts.desk.ask(resource, reloads)
    this.#pump()
    return asked.ok ? undefined : asked.error.message
  }

  /** No run of this reload begins before one is demanded. */
  suspend(command: string): void {
    this.parts.desk.suspend(command)
  }

  /** Has a run of this reload begin, whether or not it is owed; from here on they begin as usual. */
  demand(command: string): void {
    this.parts.desk.demand(command)
    this.#pump()
  }

  /** What has been due for longer than `patience` and was not begun; undefined when all is well. */
  stuck(patience: number): string | undefined {
    const late = this.parts.clock.now() - this.#next
    if (this.#isStopped || late <= patience) return undefined
    return `what is due for ${duration(late)} has not been begun`
  }

  /** Whether a unit waits for the first reading of something. */
  get isWaiting(): boolean {
    return !this.#waits.isEmpty
  }

  /** Resolves when no unit is in work and no reload runs or is about to. Retries do not count. */
  async idle(): Promise<void> {
    while (this.#jobs.size > 0 || !this.parts.desk.isIdle) {
      await new Promise<void>((resolve) => this.#idlers.push(resolve))
    }
  }

  /** Stores that could not be read are not waited for: inherited reloads run on what is in place. */
  waitForNothing(): void {
    for (const unit of this.#current?.units ?? []) this.#releaseInherited(unit)
    this.#pump()
  }

  /** Begins no further cycle; resolves when those under way, and the reloads they led to, have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.parts.desk.close()
    this.#pump()
    await this.idle()
    this.#alarm.cancel()
    const { concerns, feeds } = this.#current ?? {}
    if (concerns !== undefined && feeds !== undefined) {
      await this.parts.kept.end(concerns.views, feeds.tree)
    }
  }

  /** What waits for something that is known now is due, at once. */
  #lookAgain(): void {
    this.#wake()
    this.#agenda.recheck()
    this.#pump()
  }

  #wake(): void {
    const tree = this.#current?.feeds.tree
    if (tree === undefined) return
    for (const unit of this.#waits.over(tree)) this.#agenda.at(unit, this.parts.clock.now())
  }

  #tellChanged(store: string, keys: readonly Key[], causes: Causes): void {
    this.parts.emit({
      kind: 'changed',
      store,
      keys: keys.slice(0, KEYS_TOLD),
      more: Math.max(0, keys.length - KEYS_TOLD),
      resources: [...causes.keys()],
      causes,
    })
  }

  /** Resources become dirty, and their units with them. */
  #mark(causes: Causes): void {
    const now = this.parts.clock.now()
    const units = new Set<Unit>()
    for (const [resource, cause] of causes) {
      const unit = this.#current?.unitOf.get(resource)
      if (unit === undefined) continue
      unit.addCause(resource, cause)
      units.add(unit)
    }
    for (const unit of units) this.#agenda.changed(unit, now)
  }

  /** Plain destinations are claimed when they are configured, those of for_each when they are known. */
  #claim(resources: readonly Resource[], former: Current | undefined): void {
    const { claims } = this.parts
    for (const name of former?.unitOf.keys() ?? []) claims.claim(name, new Set())
    for (const { name, templates } of resources) {
      const plain = templates.filter(({ forEach }) => forEach === undefined)
      claims.claim(name, new Set(plain.map(({ dest }) => dest)))
    }
  }

  /** Starts what is due, and sets the alarm for what is due next. */
  #pump(): void {
    const { clock, desk } = this.parts
    const now = clock.now()
    if (!this.#isStopped) {
      this.#expire(now)
      const batch = this.#agenda.take(now, (unit) => this.#isReady(unit))
      // All of a batch are held before the first one starts, so that a reload they share runs once.
      for (const { commands } of batch) desk.hold(commands)
      for (const unit of batch)
        this.#start(
          this.#gate(() => unit.inTurn(() => this.#work(unit))),
          unit,
        )
    }
    for (const run of desk.due()) this.#start(this.#reload(run))
    this.#setAlarm()
    if (this.#jobs.size === 0) for (const idler of this.#idlers.splice(0)) idler()
  }

  #setAlarm(): void {
    const next = this.#next
    if (next === this.#alarm.at) return
    this.#alarm.cancel()
    this.#alarm = noAlarm
    if (next === Infinity) return
    const { clock } = this.parts
    const cancel = clock.after(Math.max(0, next - clock.now()), () => {
      this.#alarm = noAlarm
      this.#pump()
    })
    this.#alarm = { at: next, cancel }
  }

  /** When something will next be due. */
  get #next(): number {
    const units = this.#isStopped
      ? Infinity
      : Math.min(this.#agenda.next, this.#current?.concerns.views.next ?? Infinity)
    return Math.min(units, this.parts.desk.next)
  }

  /** @param unit the work holds the reloads of it */
  #start(work: Promise<void>, unit?: Unit): void {
    const job = work.catch(this.crashed).finally(() => {
      this.#jobs.delete(job)
      if (unit !== undefined) this.parts.desk.release(unit.commands)
      this.#pump()
    })
    this.#jobs.add(job)
  }

  #expire(now: number): void {
    const { concerns, feeds } = this.#current ?? {}
    if (concerns === undefined || concerns.views.next > now) return
    const { keys, causes } = concerns.ofExpired(now)
    this.parts.kept.changed(concerns.views)
    for (const key of keys) this.#tellChanged(feeds?.nameOf(key) ?? '', [key], causes)
    this.#mark(causes)
  }

  /**
   * All that it reads has been read, if only once: before that nothing is known to be missing. And no reload
   * is under way whose verdict would be about a newer content.
   */
  #isReady(unit: Unit): boolean {
    const { feeds } = this.#current ?? {}
    if (unit.isJudged && this.parts.desk.isReading(unit.names)) return false
    return unit.keys.every(
      (key) => feeds?.isRead(key) === true || (unit.isOptional(key) && feeds?.isMissed(key)),
    )
  }

  async #work(unit: Unit): Promise<void> {
    const current = this.#current
    // The configuration has changed since: the unit is not at work any more.
    if (current?.unitOf.get(unit.names[0] ?? '') !== unit) return
    const causes = unit.takeCauses()
    const working = work(unit, current, current.concerns, causes, this.parts)
    const what = `the work on ${unit.name}`
    const limits = { what, resources: unit.names, allowed: unit.longestCheck }
    const { outcome, missed } = await this.underway.during(limits, working)
    this.#mark(missed)
    if (outcome.kind !== 'done') for (const [name, cause] of causes) unit.addCause(name, cause)
    this.#conclude(unit, outcome)
    this.#releaseInherited(unit)
  }

  #conclude(unit: Unit, outcome: Outcome): void {
    const { emit, clock } = this.parts
    if (outcome.kind !== 'waiting') this.#waits.end(unit)
    switch (outcome.kind) {
      case 'waiting':
        return this.#wait(unit, outcome)
      case 'done':
        this.#agenda.succeeded(unit)
        for (const name of unit.names) this.#done(unit, name, outcome.changed.includes(name))
        return
      // Time does not mend these, but for keys that are coming back: a change of the keys does, or an operator.
      case 'held': {
        const { resource, hold } = outcome
        const { passesIn } = hold
        this.#agenda.succeeded(unit)
        this.failed.add(resource)
        if (passesIn !== undefined) this.#agenda.later(unit, clock.now() + passesIn)
        emit({ kind: 'held', resource, ...hold })
        return this.#tellOthers(unit, resource, 'held')
      }
      case 'rejected': {
        const { resource, fault } = outcome
        this.#agenda.succeeded(unit)
        this.failed.add(resource)
        emit({ kind: 'failed', resource, at: 'reload', fault, retryIn: null })
        return this.#tellOthers(unit, resource, 'failed')
      }
      case 'failed': {
        const { resource, at, fault } = outcome
        this.failed.add(resource)
        const delay = this.#agenda.failed(unit, clock.now())
        const retryIn = this.retry ? delay : null
        emit({ kind: 'failed', resource, at, fault, retryIn })
        return this.#tellOthers(unit, resource, 'failed')
      }
    }
  }

  #done(unit: Unit, name: string, isChanged: boolean): void {
    const { emit, mode } = this.parts
    this.failed.delete(name)
    if (isChanged) this.changed.add(name)
    if (isChanged && mode.noop) return
    emit({ kind: 'applied', resource: name, changed: isChanged })
  }

  /** Nothing was touched; another render follows once what is missing is known. */
  #wait(unit: Unit, outcome: Extract<Outcome, { kind: 'waiting' }>): void {
    const { resource, missing } = outcome
    if (!this.#waits.begin(unit, missing)) return this.#conclude(unit, endless(outcome))
    this.#agenda.succeeded(unit)
    const { keys, more } = missing
    const store = this.#current?.feeds.nameOf(keys[0] ?? '/') ?? ''
    this.parts.emit({ kind: 'awaits', resource, store, keys, more })
    this.#tellOthers(unit, resource, 'waiting')
    // It may have become known while the rest of the unit was being rendered.
    this.#wake()
  }

  /** The others of a group wait for the one that has failed, is held or waits itself. */
  #tellOthers(unit: Unit, culprit: string, because: 'failed' | 'held' | 'waiting'): void {
    for (const name of unit.names) {
      if (name === culprit) continue
      this.parts.emit({ kind: 'waits', resource: name, for: culprit, because })
    }
  }

  async #reload(run: Run): Promise<void> {
    const exhausted = await this.#verdicts.of(run)
    // Units that waited for the verdict.
    this.#agenda.recheck()
    for (const unit of exhausted?.units ?? []) {
      const work = (): Promise<void> => this.#goBack(unit, exhausted?.fault as Fault)
      this.#start(unit.inTurn(work))
    }
  }

  async #goBack(unit: Unit, fault: Fault): Promise<void> {
    for (const name of await rollBack(unit, fault, this.parts)) this.failed.add(name)
  }

  #unitsOf(resources: Iterable<string>): ReadonlySet<Unit> {
    return new Set([...resources].flatMap((name) => this.#current?.unitOf.get(name) ?? []))
  }

  async #consent(unit: Unit, resource: string): Promise<boolean> {
    const hash = awaitsConsent(await this.parts.memory.get(resource))
    if (hash === undefined) return false
    unit.consentOf(resource).accepted = hash
    return true
  }
}

function endless({ resource, missing }: Extract<Outcome, { kind: 'waiting' }>): Failed {
  return failed('render', resource, {
    kind: 'template',
    message: `each render looks up something else that is not known yet; ${missing.keys[0] ?? '/'} was the last`,
    hint: 'Let names that are looked up come from keys, and not from the time or from chance.',
  })
}
