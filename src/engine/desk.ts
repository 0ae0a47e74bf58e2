// The reload desk: the reload protocol with its journal. Every debt is recorded before the files are
// placed and struck out after a run has read them; what the protocol decides is logged. The desk starts
// nothing by itself: the worker asks what is due, runs it, and brings back the result.
import type { Clock } from '../core/clock.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { ConfiguredReloads, Reloads, ReloadTerms } from '../core/reload.ts'
import { ReloadProtocol, type RunVerdict } from '../core/reload-protocol.ts'
import type { Placement, PlacementEnd, Run } from '../core/reload-run.ts'
import { ok, type Result } from '../core/result.ts'
import type { Journal } from '../state/journal.ts'
import type { ReloadRun } from './machine.ts'

export class Desk {
  readonly #protocol: ReloadProtocol
  /** Who waits for a placement to be admitted. */
  readonly #doors = new Map<Placement, () => void>()
  /** Resources of the journal that are not configured: what they owe is kept and not retried. */
  readonly #shelved = new Set<string>()
  /** Resources whose reload has failed and not succeeded since. */
  readonly #failed = new Set<string>()
  #configured: ReadonlyMap<string, ConfiguredReloads> | undefined

  /** @param retries false in a onetime run; see ReloadProtocol */
  constructor(
    private readonly journal: Journal,
    private readonly clock: Clock,
    private readonly emit: Emit,
    retries: boolean,
  ) {
    this.#protocol = new ReloadProtocol(retries)
  }

  get failed(): ReadonlySet<string> {
    return this.#failed
  }

  /** When due() will next return something. */
  get next(): number {
    return this.#protocol.next
  }

  /** Nothing runs or is about to; what waits for a retry does not count. */
  get isIdle(): boolean {
    return this.#protocol.isIdle(this.clock.now())
  }

  /** From here on nothing is retried: what is owed stays in the journal. */
  close(): void {
    this.#protocol.close()
  }

  /** Work begins that may end in runs of these commands; each call is paired with one release(). */
  hold(commands: Iterable<string>): void {
    this.#protocol.hold(commands)
  }

  release(commands: Iterable<string>): void {
    this.#protocol.release(commands)
  }

  /** No run of this command begins before one is demanded. */
  suspend(command: string): void {
    this.#protocol.suspend(command)
  }

  /** A run of this command is due now, whether or not it is owed. */
  demand(command: string): void {
    this.#protocol.demand(command, this.clock.now())
  }

  /** Whether a run is under way whose verdict is about the files of these resources. */
  isReading(resources: readonly string[]): boolean {
    return resources.some((resource) => this.#protocol.isRead(resource))
  }

  owes(resource: string): boolean {
    return this.#protocol.owes(resource) || this.#shelved.has(resource)
  }

  /** Whether the content in place has yet to be read by a reload that succeeds. */
  isUnproved(resource: string): boolean {
    return this.#protocol.isUnproved(resource)
  }

  isExhausted(resource: string): boolean {
    return this.#protocol.isExhausted(resource)
  }

  /** Resolves when the placement may begin. Each call is followed by one leave(). */
  async enter(placement: Placement): Promise<void> {
    if (this.#protocol.request(placement, this.clock.now())) return
    await new Promise<void>((admitted) => this.#doors.set(placement, admitted))
  }

  /**
   * Records what will be owed once the placement is done; resolves when that is safe on disk.
   * @param isAtomic resources without reloads are recorded too: an interrupted change is put back
   */
  async record({ owing }: Placement, isAtomic: boolean): Promise<Result<void, Fault>> {
    const entries = [...owing]
      .filter(([, reloads]) => isAtomic || reloads.size > 0)
      .map(([resource, reloads]) => this.#entry(resource, reloads.keys()))
    return entries.length === 0 ? ok(undefined) : this.journal.owe(entries)
  }

  /**
   * - `placed`: the new files are in place
   * - `undone`: they were, and the former ones are back
   * - `untouched`: the files are as they were before
   * - `stuck`: they were refused and could not all be put back: what is recorded stays recorded
   */
  async leave(
    placement: Placement,
    how: 'placed' | 'undone' | 'untouched' | 'stuck',
  ): Promise<void> {
    const end: PlacementEnd =
      how === 'placed' || how === 'undone'
        ? { kind: how, owing: this.#asConfigured(placement.owing) }
        : { kind: 'untouched' }
    this.#protocol.end(placement, end, this.clock.now())
    if (how === 'stuck') return
    await this.strike([...placement.owing.keys()].filter((resource) => !this.owes(resource)))
  }

  /** Asks for reloads of what is in place. */
  async ask(resource: string, reloads: Reloads): Promise<Result<void, Fault>> {
    const written = await this.journal.owe([this.#entry(resource, reloads.keys())])
    if (!written.ok) return written
    for (const [name, owed] of this.#asConfigured(new Map([[resource, reloads]]))) {
      this.#protocol.owe(name, owed, this.clock.now())
    }
    return ok(undefined)
  }

  /** The runs that start now. Placements that may begin are admitted. */
  due(): readonly Run[] {
    const { admitted, started } = this.#protocol.step(this.clock.now())
    for (const placement of admitted) {
      this.#doors.get(placement)?.()
      this.#doors.delete(placement)
    }
    for (const { command, read } of started) {
      // One that was demanded and serves nobody is nothing to report.
      if (read.size === 0) continue
      this.emit({ kind: 'reload-started', resources: [...read.keys()], command })
    }
    return started
  }

  /** The resources whose content is proved if this run has succeeded. */
  provedBy(run: Run): readonly string[] {
    return this.#protocol.provedBy(run)
  }

  /** The run has ended. Returns the resources whose content has failed too often: they are to go back. */
  async finish(run: Run, ended: ReloadRun): Promise<readonly string[]> {
    const { command } = run
    const { fault, ...how } = ended
    const resources = [...run.read.keys()]
    const verdict = this.#protocol.finish(run, fault === undefined, this.clock.now())
    if (fault === undefined) {
      for (const name of verdict.settled) this.#failed.delete(name)
      if (resources.length === 0) return []
      this.emit({ kind: 'reloaded', resources, command, ...how })
      await this.strike(verdict.settled)
      return []
    }
    if (resources.length === 0) return []
    const { attempts, retryIn, exhausted }: RunVerdict = verdict
    for (const name of resources) this.#failed.add(name)
    this.emit({
      kind: 'reload-owed',
      resources,
      command,
      result: how.result,
      ...(how.fallback === undefined ? {} : { fallback: how.fallback }),
      fault,
      attempts,
      retryIn,
      exhausted,
    })
    warnIfFailed(this.emit, await this.journal.verify())
    return exhausted
  }

  /** There is nothing to go back to: the reloads are retried. Returns milliseconds until the next try, or null. */
  persist(resource: string): number | null {
    return this.#protocol.persist(resource, this.clock.now())
  }

  /**
   * The configuration is now this one, by resource. What an earlier life of the program owes is taken up at
   * the first call; what the journal holds of resources that are not configured stays there.
   * @returns resources for which nothing is left to run: strike them out
   */
  configure(configured: ReadonlyMap<string, ConfiguredReloads>): readonly string[] {
    const now = this.clock.now()
    const { gone, settled } = this.#protocol.configure(configured, now)
    for (const name of gone) {
      this.#shelved.add(name)
      this.#failed.delete(name)
      const message = `${name} is gone from conf.d: the reload that it owes is not tried any more`
      this.emit({ kind: 'notice', level: 'warn', message })
    }
    const isFirst = this.#configured === undefined
    this.#configured = configured
    const found = isFirst ? [...this.journal.owed.keys()] : [...this.#shelved]
    const free = new Set(settled)
    for (const name of found) {
      const reloads = configured.get(name)
      if (reloads === undefined) {
        this.#shelved.add(name)
        continue
      }
      this.#shelved.delete(name)
      const commands = this.journal.owed.get(name)?.commands ?? []
      this.#protocol.inherit(name, inherited(commands, reloads), now)
      if (!this.#protocol.owes(name)) free.add(name)
    }
    // What a placement under way has recorded is struck out when that has ended.
    return [...free].filter((name) => !this.#protocol.isPlacing(name))
  }

  /** Nothing is left to run for these. Not fatal when it fails: the next start runs a reload too many. */
  async strike(resources: readonly string[]): Promise<void> {
    if (resources.length > 0) warnIfFailed(this.emit, await this.journal.settle(resources))
  }

  /** What is owed by now: the configuration may have changed since it was recorded. */
  #asConfigured(owing: ReadonlyMap<string, Reloads>): ReadonlyMap<string, Reloads> {
    const current = new Map<string, Reloads>()
    for (const [resource, reloads] of owing) {
      const configured = this.#configured?.get(resource)
      if (configured === undefined) this.#shelved.add(resource)
      else current.set(resource, matched(reloads, configured))
    }
    return current
  }

  #entry(resource: string, commands: Iterable<string>) {
    const since = this.journal.owed.get(resource)?.since ?? this.clock.time()
    const all = new Set([...this.#protocol.owedBy(resource), ...commands])
    return { resource, since, commands: [...all] }
  }
}

/** Of commands that were recorded, those to run: any that is not configured any more stands for all present ones. */
function inherited(commands: readonly string[], { all, find }: ConfiguredReloads): Reloads {
  const reloads = new Map<string, ReloadTerms>()
  for (const command of commands) {
    const terms = find(command)
    if (terms === undefined) for (const [other, own] of all) reloads.set(other, own)
    else reloads.set(command, terms)
  }
  return reloads
}

/** The same, with the terms that the placement has of those that are still configured. */
function matched(reloads: Reloads, configured: ConfiguredReloads): Reloads {
  const current = inherited([...reloads.keys()], configured)
  return new Map([...current].map(([command, terms]) => [command, reloads.get(command) ?? terms]))
}
