// The reload desk: the reload protocol with its journal. Every debt is recorded before the files are
// placed and struck out after a run has read them; what the protocol decides is logged. The desk starts
// nothing by itself: the worker asks what is due, runs it, and brings back the result.
import type { Clock } from '../core/clock.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { ConfiguredReloads, Reloads, ReloadTerms } from '../core/reload.ts'
import { ReloadProtocol, type Placement, type Run, type Verdict } from '../core/reload-protocol.ts'
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
  #isInherited = false

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

  /** Whether a run is under way whose verdict is about the files of these resources. */
  isReading(resources: readonly string[]): boolean {
    return resources.some((resource) => this.#protocol.isRead(resource))
  }

  owes(resource: string): boolean {
    return this.#protocol.owes(resource) || this.#shelved.has(resource)
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

  /** @param placed false: the files are as they were before */
  async leave(placement: Placement, placed: boolean): Promise<void> {
    this.#protocol.end(placement, placed, this.clock.now())
    const free = [...placement.owing.keys()].filter((resource) => !this.owes(resource))
    await this.strike(free)
  }

  /** Asks for reloads of what is in place. */
  async ask(resource: string, reloads: Reloads): Promise<Result<void, Fault>> {
    const written = await this.journal.owe([this.#entry(resource, reloads.keys())])
    if (written.ok) this.#protocol.owe(resource, reloads, this.clock.now())
    return written
  }

  /** The runs that start now. Placements that may begin are admitted. */
  due(): readonly Run[] {
    const { admitted, started } = this.#protocol.step(this.clock.now())
    for (const placement of admitted) {
      this.#doors.get(placement)?.()
      this.#doors.delete(placement)
    }
    for (const { command, read } of started) {
      this.emit({ kind: 'reload-started', resources: [...read.keys()], command })
    }
    return started
  }

  /** The resources whose content is proved if this run has succeeded. */
  provedBy(run: Run): readonly string[] {
    return this.#protocol.provedBy(run)
  }

  /** The run has ended. Returns the resources whose content has failed too often: they are to go back. */
  async finish(run: Run, { result, fault }: ReloadRun): Promise<readonly string[]> {
    const { command } = run
    const resources = [...run.read.keys()]
    const verdict = this.#protocol.finish(run, fault === undefined, this.clock.now())
    if (fault === undefined) {
      for (const name of verdict.settled) this.#failed.delete(name)
      this.emit({ kind: 'reloaded', resources, command, result })
      await this.strike(verdict.settled)
      return []
    }
    const { attempts, retryIn, exhausted }: Verdict = verdict
    for (const name of resources) this.#failed.add(name)
    this.emit({ kind: 'reload-owed', resources, command, result, fault, attempts, retryIn, exhausted })
    warnIfFailed(this.emit, await this.journal.verify())
    return exhausted
  }

  /** There is nothing to go back to: the reloads are retried until they succeed. */
  persist(resource: string): void {
    this.#protocol.persist(resource, this.clock.now())
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
    const found = this.#isInherited ? [...this.#shelved] : [...this.journal.owed.keys()]
    this.#isInherited = true
    const free = new Set(settled)
    for (const name of found) {
      const reloads = configured.get(name)
      if (reloads === undefined) {
        this.#shelved.add(name)
        continue
      }
      this.#shelved.delete(name)
      const commands = this.journal.owed.get(name)?.commands ?? []
      this.#protocol.owe(name, inherited(commands, reloads), now)
      if (!this.#protocol.owes(name)) free.add(name)
    }
    return [...free]
  }

  /** Nothing is left to run for these. Not fatal when it fails: the next start runs a reload too many. */
  async strike(resources: readonly string[]): Promise<void> {
    if (resources.length > 0) warnIfFailed(this.emit, await this.journal.settle(resources))
  }

  #entry(resource: string, commands: Iterable<string>) {
    const since = this.journal.owed.get(resource)?.since ?? this.clock.time()
    const all = new Set([...this.#protocol.owedBy(resource), ...commands])
    return { resource, since, commands: [...all] }
  }
}

/** Of a command that is not configured any more it is not known which of the present ones would be enough. */
function inherited(commands: readonly string[], { all, find }: ConfiguredReloads): Reloads {
  const reloads = new Map<string, ReloadTerms>()
  for (const command of commands) {
    const terms = find(command)
    if (terms === undefined) for (const [other, own] of all) reloads.set(other, own)
    else reloads.set(command, terms)
  }
  return reloads
}
