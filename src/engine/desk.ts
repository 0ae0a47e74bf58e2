// The reload desk combines the reload protocol with the journal. A debt is recorded before files are placed, and
// settled after a successful run has read them. The desk reports the decisions of the protocol but starts nothing by
// itself: the worker takes the due runs, executes them, and returns their results.
import type { Clock } from '../core/clock.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import {
  currentReloads,
  recordedReloads,
  type ConfiguredReloads,
  type Reloads,
} from '../core/reload.ts'
import { ReloadProtocol, type RunVerdict } from '../core/reload-protocol.ts'
import type { Placement, PlacementEnd, Run } from '../core/reload-run.ts'
import { ok, type Result } from '../core/result.ts'
import type { Journal } from '../state/journal.ts'
import type { ReloadRun } from './machine.ts'

export class Desk {
  readonly #protocol: ReloadProtocol
  /** For each waiting placement, a function that resolves the pending enter() call. */
  readonly #doors = new Map<Placement, () => void>()
  /** Resources in the journal that are no longer configured. Their debts are kept, but their reloads do not run. */
  readonly #shelved = new Set<string>()
  /** Resources whose last reload has failed. */
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

  /** Time at which due() must be called next; Infinity if nothing is scheduled. */
  get next(): number {
    return this.#protocol.next
  }

  /** True if no run is under way or about to begin. Pending retries do not count. */
  get isIdle(): boolean {
    return this.#protocol.isIdle(this.clock.now())
  }

  /** Stops all retries; debts stay in the journal. */
  close(): void {
    this.#protocol.close()
  }

  /**
   * Announces work that may lead to runs of these commands. Due runs wait for this work, up to a limit. Pair each call
   * with one release().
   */
  reserve(commands: Iterable<string>): void {
    this.#protocol.reserve(commands)
  }

  release(commands: Iterable<string>): void {
    this.#protocol.release(commands)
  }

  /** Prevents runs of this command until demand() is called. */
  suspend(command: string): void {
    this.#protocol.suspend(command)
  }

  /** Makes a run of this command due now, even if none is owed. Ends the effect of suspend(). */
  demand(command: string): void {
    this.#protocol.demand(command, this.clock.now())
  }

  /** Whether a run in progress reads the files of any of these resources. */
  isReading(resources: readonly string[]): boolean {
    return resources.some((resource) => this.#protocol.isRead(resource))
  }

  owes(resource: string): boolean {
    return this.#protocol.owes(resource) || this.#shelved.has(resource)
  }

  /** Whether no successful run has read the content in place. */
  isUnproved(resource: string): boolean {
    return this.#protocol.isUnproved(resource)
  }

  isExhausted(resource: string): boolean {
    return this.#protocol.isExhausted(resource)
  }

  /** Resolves when the placement may begin. Pair each call with one leave(). */
  async enter(placement: Placement): Promise<void> {
    if (this.#protocol.request(placement, this.clock.now())) return
    await new Promise<void>((admitted) => this.#doors.set(placement, admitted))
  }

  /**
   * Records the debts of a placement durably. Call before the swap.
   * @param isAtomic whether resources without reloads are recorded, too, so that an interrupted change is undone
   */
  async record({ owing }: Placement, isAtomic: boolean): Promise<Result<void, Fault>> {
    const entries = [...owing]
      .filter(([, reloads]) => isAtomic || reloads.size > 0)
      .map(([resource, reloads]) => this.#entry(resource, reloads.keys()))
    return entries.length === 0 ? ok(undefined) : this.journal.owe(entries)
  }

  /**
   * Ends a placement:
   * - `placed`: the new files are in place
   * - `undone`: the new files were in place, and the previous ones are restored
   * - `untouched`: nothing was changed
   * - `stuck`: the new files were refused, and not all previous ones could be restored; the debts stay recorded
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

  /** Records these reloads as owed for the files in place and makes them due. */
  async ask(resource: string, reloads: Reloads): Promise<Result<void, Fault>> {
    const written = await this.journal.owe([this.#entry(resource, reloads.keys())])
    if (!written.ok) return written
    for (const [name, owed] of this.#asConfigured(new Map([[resource, reloads]]))) {
      this.#protocol.owe(name, owed, this.clock.now())
    }
    return ok(undefined)
  }

  /** Admits placements and returns the runs that start now. */
  due(): readonly Run[] {
    const { admitted, started } = this.#protocol.step(this.clock.now())
    for (const placement of admitted) {
      this.#doors.get(placement)?.()
      this.#doors.delete(placement)
    }
    for (const { command, read } of started) {
      // Only demand() has requested a run that no resource owes. Such a run is not reported.
      if (read.size === 0) continue
      this.emit({ kind: 'reload-started', resources: [...read.keys()], command })
    }
    return started
  }

  /** Returns the resources whose content in place this run proves if it succeeds. */
  provedBy(run: Run): readonly string[] {
    return this.#protocol.provedBy(run)
  }

  /** Records the end of a run. Returns the resources whose content has failed `reload_attempts` times. */
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

  /**
   * Retries the reloads of a resource until they succeed. Call if no rollback is possible.
   * @returns milliseconds until the next try; null if no try is scheduled
   */
  persist(resource: string): number | null {
    return this.#protocol.persist(resource, this.clock.now())
  }

  /**
   * Applies a new configuration. The first call adopts the debts of an earlier run. Debts of resources that are not
   * configured stay in the journal.
   * @param configured the reloads of each resource
   * @returns resources without owed reloads; call strike() for them
   */
  configure(configured: ReadonlyMap<string, ConfiguredReloads>): readonly string[] {
    const now = this.clock.now()
    const { gone, settled } = this.#protocol.configure(configured, now)
    for (const name of gone) {
      this.#shelved.add(name)
      this.#failed.delete(name)
      const message = `${name} was removed from conf.d: its owed reload is not retried`
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
      this.#protocol.inherit(name, recordedReloads(commands, reloads), now)
      if (!this.#protocol.owes(name)) free.add(name)
    }
    // leave() deletes the settled debts of a resource with a placement under way.
    return [...free].filter((name) => !this.#protocol.isPlacing(name))
  }

  /** Deletes settled debts from the journal. A failure only causes an unnecessary reload at the next start. */
  async strike(resources: readonly string[]): Promise<void> {
    if (resources.length > 0) warnIfFailed(this.emit, await this.journal.settle(resources))
  }

  /** Maps owed reloads to the current configuration, which may have changed since they were recorded. */
  #asConfigured(owing: ReadonlyMap<string, Reloads>): ReadonlyMap<string, Reloads> {
    const current = new Map<string, Reloads>()
    for (const [resource, reloads] of owing) {
      const configured = this.#configured?.get(resource)
      if (configured === undefined) this.#shelved.add(resource)
      else current.set(resource, currentReloads(reloads, configured))
    }
    return current
  }

  #entry(resource: string, commands: Iterable<string>) {
    const since = this.journal.owed.get(resource)?.since ?? this.clock.time()
    const all = new Set([...this.#protocol.owedBy(resource), ...commands])
    return { resource, since, commands: [...all] }
  }
}
