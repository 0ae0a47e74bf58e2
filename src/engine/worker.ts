// The loop: changes make units dirty, due units go through a cycle, due reloads run, and failed units are retried. One
// worker serves a whole run, onetime or daemon, across all its generations.
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import type { Run } from '../core/reload-run.ts'
import type { Tree } from '../core/tree.ts'
import { duration } from '../core/words.ts'
import { awaitsConsent } from '../state/records.ts'
import { Agenda } from './agenda.ts'
import { Alarm } from './alarm.ts'
import { Conclusions } from './conclusions.ts'
import { currentOf, type Configuration, type Current } from './current.ts'
import { createGate } from './gate.ts'
import { Intake } from './intake.ts'
import type { Parts } from './parts.ts'
import { rollBack } from './rollback.ts'
import { forgetLoaded } from './settle.ts'
import type { Underway } from './underway.ts'
import type { Unit } from './unit.ts'
import { Verdicts } from './verdicts.ts'
import { Waits } from './waits.ts'
import { work } from './work.ts'

/** Maximum number of concurrent cycles; each may run a check command of its own. */
const AT_ONCE = 32

export class Worker {
  readonly #agenda = new Agenda()
  readonly #gate = createGate(AT_ONCE)
  readonly #jobs = new Set<Promise<void>>()
  /** Units of previous configurations whose work has not ended. */
  readonly #retired = new Set<Unit>()
  readonly #waits = new Waits()
  readonly #alarm: Alarm
  readonly #intake: Intake
  readonly #conclusions: Conclusions
  readonly #verdicts: Verdicts
  #acceptedBeforehand: ReadonlyMap<string, string> = new Map()
  #current: Current | undefined
  #isStopped = false
  #idlers: (() => void)[] = []

  /**
   * @param retry false in a onetime run
   * @param crashed called with an error that work has thrown instead of returning a fault, which is a bug
   */
  constructor(
    private readonly parts: Parts,
    private readonly underway: Underway,
    retry: boolean,
    private readonly crashed: (error: unknown) => void,
  ) {
    this.#alarm = new Alarm(parts.clock, () => this.#pump())
    this.#intake = new Intake(this.#agenda, parts)
    this.#conclusions = new Conclusions(this.#agenda, this.#waits, retry, parts)
    this.#verdicts = new Verdicts(parts, underway, (resources) => this.#unitsOf(resources))
  }

  /** Resources whose newest content is not in place. */
  get failed(): ReadonlySet<string> {
    return this.#conclusions.failed
  }

  get changed(): ReadonlySet<string> {
    return this.#conclusions.changed
  }

  /**
   * Switches to this configuration. Work on a file waits for running work of the previous configuration on the same
   * file. Synchronous, so that no key change is missed during the switch.
   */
  adopt(configuration: Configuration): void {
    const previous = this.#current
    for (const unit of previous?.units ?? []) this.#retire(unit)
    const current = currentOf(configuration, previous, this.#retired, this.parts)
    this.#current = current
    this.#waits.clear()
    this.#conclusions.keep((resource) => current.unitOf.has(resource))
    for (const [name, hash] of this.#acceptedBeforehand) {
      const unit = current.unitOf.get(name)
      if (unit !== undefined) unit.consentOf(name).accepted = hash
    }
    this.#acceptedBeforehand = new Map()
    this.#configureDesk(current.units, previous === undefined)
    this.all()
  }

  /** Starts no further work on a unit; running work on its files continues to its end. */
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
    // The first cycle of a unit may replace the content that was not reloaded, so inherited reloads wait for that
    // cycle.
    for (const unit of units) {
      unit.holdsInherited = unit.names.some((name) => desk.owes(name))
      if (unit.holdsInherited) desk.reserve(unit.commands)
    }
  }

  /**
   * Lets inherited reloads run on the files in place. Call when the first cycle of the unit has ended, or will not be
   * awaited.
   */
  #releaseInherited(unit: Unit): void {
    if (!unit.holdsInherited) return
    unit.holdsInherited = false
    this.parts.desk.release(unit.commands)
  }

  /**
   * Accepts changes that were held or rolled back in an earlier run. Call before adopt().
   * @param hashes content hashes, by resource
   */
  acceptBeforehand(hashes: ReadonlyMap<string, string>): void {
    this.#acceptedBeforehand = hashes
  }

  /** Makes every unit due, even if nothing has changed. */
  all(): void {
    const now = this.parts.clock.now()
    this.#current?.concerns.all()
    for (const unit of this.#current?.units ?? []) this.#agenda.at(unit, now)
    this.#pump()
  }

  /**
   * Call when a store was read for the first time. Re-renders the units for which the store is optional, even if no
   * key has changed: these units may have been rendered without the store, and an on-demand store contains no key
   * that has not been looked up.
   */
  storeRead(store: string, changes: Changes, before: Tree): void {
    const current = this.#current
    if (current === undefined) return
    const { concerns, feeds, units } = current
    const isOf = (unit: Unit, key: Key): boolean =>
      feeds.nameOf(key) === store && unit.isOptional(key)
    const late = units.filter((unit) => unit.keys.some((key) => isOf(unit, key)))
    if (late.length > 0) this.keysChanged(store, changes, before)
    for (const unit of late) this.#agenda.at(unit, this.parts.clock.now())
    concerns.views.found(feeds.tree)
    this.#lookAgain()
  }

  /** Call when a store cannot be read. Units for which the store is optional are rendered without it. */
  storeMissed(): void {
    this.#lookAgain()
  }

  /**
   * Call when the keys of a store, or the known part of an on-demand store, have changed.
   * @param store name of the store, for events
   * @param changes empty if only the known part of an on-demand store has changed
   * @param before the tree before the changes
   */
  keysChanged(store: string, changes: Changes, before: Tree): void {
    const current = this.#current
    if (current === undefined) return
    this.#wake()
    if (changes.size > 0) this.#intake.keys(current, store, changes, before)
    this.#pump()
  }

  filesChanged(paths: ReadonlySet<string>): void {
    if (this.#current !== undefined && this.#intake.files(this.#current, paths)) this.#pump()
  }

  /**
   * Accepts a resource's held or rolled-back change. Returns false if there is none. A group changes together, so held
   * or rolled-back changes to its other resources are accepted too.
   */
  async accept(resource: string): Promise<boolean> {
    const unit = this.#current?.unitOf.get(resource)
    if (unit === undefined || !(await this.#consent(unit, resource))) return false
    for (const name of unit.names) await this.#consent(unit, name)
    this.#agenda.at(unit, this.parts.clock.now())
    this.#pump()
    return true
  }

  async #consent(unit: Unit, resource: string): Promise<boolean> {
    const hash = awaitsConsent(await this.parts.memory.get(resource))
    if (hash === undefined) return false
    unit.consentOf(resource).accepted = hash
    return true
  }

  /** Requests the reloads of a resource, even if none is owed. Returns the reason if that is impossible. */
  async reload(resource: string): Promise<string | undefined> {
    const unit = this.#current?.unitOf.get(resource)
    const reloads = unit?.reloads.get(resource)?.all
    if (reloads === undefined) return `${resource} is not configured`
    if (reloads.size === 0) return `${resource} has no reload_cmd`
    // A requested reload runs its command, even where HAProxy could be changed at run time.
    for (const { name, templates } of unit?.resources ?? []) {
      if (name === resource) await forgetLoaded(templates, this.parts)
    }
    const asked = await this.parts.desk.ask(resource, reloads)
    this.#pump()
    return asked.ok ? undefined : asked.error.message
  }

  /** Prevents runs of this reload until demand() is called. */
  suspend(command: string): void {
    this.parts.desk.suspend(command)
  }

  /** Makes a run of this reload due now, even if none is owed. Ends the effect of suspend(). */
  demand(command: string): void {
    this.parts.desk.demand(command)
    this.#pump()
  }

  /**
   * Describes work that has been due for longer than `patience` but was not started. Returns undefined if there is no
   * such work.
   */
  stuck(patience: number): string | undefined {
    const late = this.parts.clock.now() - this.#next
    if (this.#isStopped || late <= patience) return undefined
    return `work that has been due for ${duration(late)} has not been started`
  }

  /** Whether a unit waits for the first read of keys that it looked up. */
  get isWaiting(): boolean {
    return !this.#waits.isEmpty
  }

  /** Resolves when no cycle or reload is running and no reload is about to run. Pending retries do not count. */
  async idle(): Promise<void> {
    while (this.#jobs.size > 0 || !this.parts.desk.isIdle) {
      await new Promise<void>((resolve) => this.#idlers.push(resolve))
    }
  }

  /** Stops waiting for stores that could not be read: inherited reloads run on the files in place. */
  waitForNothing(): void {
    for (const unit of this.#current?.units ?? []) this.#releaseInherited(unit)
    this.#pump()
  }

  /** Starts no further cycle; resolves when running cycles, and the reloads that they lead to, have ended. */
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

  /** Reschedules the units that were not ready, and those whose awaited keys are now known. */
  #lookAgain(): void {
    this.#wake()
    this.#agenda.recheck()
    this.#pump()
  }

  /** Reschedules the units whose awaited keys are now known. */
  #wake(): void {
    const tree = this.#current?.feeds.tree
    if (tree === undefined) return
    for (const unit of this.#waits.over(tree)) this.#agenda.at(unit, this.parts.clock.now())
  }

  /** Starts all due work and sets the alarm for the next due time. */
  #pump(): void {
    const { clock, desk } = this.parts
    const now = clock.now()
    if (!this.#isStopped) {
      if (this.#current !== undefined) this.#intake.expired(this.#current, now)
      const batch = this.#agenda.take(now, (unit) => this.#isReady(unit))
      // Reserve the commands of the whole batch first, so that a shared reload runs once.
      for (const { commands } of batch) desk.reserve(commands)
      for (const unit of batch)
        this.#start(
          this.#gate(() => unit.inTurn(() => this.#work(unit))),
          unit,
        )
    }
    for (const run of desk.due()) this.#start(this.#reload(run))
    this.#alarm.set(this.#next)
    if (this.#jobs.size === 0) for (const idler of this.#idlers.splice(0)) idler()
  }

  /** Time at which work will next be due; Infinity if none is scheduled. */
  get #next(): number {
    const units = this.#isStopped
      ? Infinity
      : Math.min(this.#agenda.next, this.#current?.concerns.views.next ?? Infinity)
    return Math.min(units, this.parts.desk.next)
  }

  /** @param unit the unit whose commands are reserved until the work ends */
  #start(work: Promise<void>, unit?: Unit): void {
    const job = work.catch(this.crashed).finally(() => {
      this.#jobs.delete(job)
      if (unit !== undefined) this.parts.desk.release(unit.commands)
      this.#pump()
    })
    this.#jobs.add(job)
  }

  /**
   * Whether the unit may be rendered. Each of its stores must have been read at least once, because before that, a
   * missing key and an unread key look alike. An optional store may be unreachable instead. If the unit has a
   * rollback or a verification (`isJudged`), no running reload may be reading its files.
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
    // Skip a unit that a new configuration has retired.
    if (current?.unitOf.get(unit.names[0] ?? '') !== unit) return
    const causes = unit.takeCauses()
    const working = work(unit, current, current.concerns, causes, this.parts)
    const what = `the work on ${unit.name}`
    const limits = { what, resources: unit.names, allowed: unit.longestCheck }
    const { outcome, missed } = await this.underway.during(limits, working)
    // The configuration may have changed during the cycle.
    const { feeds } = this.#current ?? current
    this.#intake.mark(this.#current ?? current, missed)
    if (outcome.kind !== 'done') for (const [name, cause] of causes) unit.addCause(name, cause)
    this.#conclusions.conclude(unit, outcome, (key) => feeds.nameOf(key))
    // The missing keys may have become known while the rest of the unit was being rendered.
    if (outcome.kind === 'waiting') this.#wake()
    this.#releaseInherited(unit)
  }

  async #reload(run: Run): Promise<void> {
    const exhausted = await this.#verdicts.of(run)
    // Some units may have been waiting for the end of this run.
    this.#agenda.recheck()
    for (const unit of exhausted?.units ?? []) {
      const work = (): Promise<void> => this.#goBack(unit, exhausted?.fault as Fault)
      this.#start(unit.inTurn(work))
    }
  }

  async #goBack(unit: Unit, fault: Fault): Promise<void> {
    for (const name of await rollBack(unit, fault, this.parts)) this.#conclusions.failed.add(name)
  }

  #unitsOf(resources: Iterable<string>): ReadonlySet<Unit> {
    return new Set([...resources].flatMap((name) => this.#current?.unitOf.get(name) ?? []))
  }
}
