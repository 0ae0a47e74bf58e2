// The reload protocol: decides when placements and runs of reload commands may begin, and which debts a run settles.
// Pure: times are passed in (monotonic milliseconds), decisions are returned. The rules R1 to R4 and a diagram are in
// docs/architecture.md; test/engine/interleavings.test.ts tries to break them.
import { backoffDelay, type Backoff } from './backoff.ts'
import { Accounts, type Account, type Debt } from './reload-accounts.ts'
import { Placements } from './reload-placements.ts'
import { Proofs } from './reload-proofs.ts'
import type { Placement, PlacementEnd, Run } from './reload-run.ts'
import { mergeTerms, type ConfiguredReloads, type Reloads } from './reload.ts'

export interface RunVerdict {
  /** Resources that no longer owe anything. */
  readonly settled: readonly string[]
  /** Resources whose content has failed `reload_attempts` times. The content is rolled back if possible. */
  readonly exhausted: readonly string[]
  /** Consecutive failures of the command. */
  readonly attempts: number
  /** Milliseconds until the next run; null if no further run is scheduled. */
  readonly retryIn: number | null
}

const RETRY: Backoff = { first: 1000, most: 60_000 }
/** Maximum number of concurrent runs; others stay due. */
const RUNS_MOST = 32

/** The effect of a new configuration on the debts. */
export interface Reconfigured {
  /** Resources that are no longer configured; their debts stay in the journal but are not retried. */
  readonly gone: readonly string[]
  /** Resources that no longer have a reload command, so that nothing is left to run. */
  readonly settled: readonly string[]
}

export class ReloadProtocol {
  readonly #accounts: Accounts
  readonly #proofs = new Proofs()
  readonly #placements: Placements
  #running = 0
  #debts = 0
  /** Time of the last call of step(). */
  #now = -Infinity
  #isClosing = false

  /**
   * @param retries false in a onetime run: ignores intervals and splay, and leaves a failed reload owed for the next
   *   run of reconfd, unless it may still lead to a rollback
   */
  constructor(
    private readonly retries: boolean,
    private readonly random: () => number = Math.random,
  ) {
    this.#accounts = new Accounts(retries)
    this.#placements = new Placements(this.#accounts, this.#proofs)
  }

  /**
   * Announces work that may lead to runs of these commands. A requested run waits for this work, up to a limit, so that
   * one run serves all of it. Each call needs one release().
   */
  reserve(commands: Iterable<string>): void {
    for (const command of commands) this.#accounts.get(command).holds++
  }

  release(commands: Iterable<string>): void {
    for (const command of commands) {
      const account = this.#accounts.get(command)
      account.holds--
      this.#accounts.schedule(account)
    }
  }

  /** Prevents runs of this command until demand() is called, even if one is owed. */
  suspend(command: string): void {
    const account = this.#accounts.get(command)
    account.isSuspended = true
    this.#accounts.schedule(account)
  }

  /**
   * Starts a run of this command as soon as no placement of its resources is under way, even if nothing is owed, and
   * regardless of interval and splay. Later runs are scheduled as usual.
   */
  demand(command: string, now: number): void {
    const account = this.#accounts.get(command)
    account.isSuspended = false
    account.demandedAt ??= now
    this.#accounts.schedule(account)
  }

  /** Requests a placement. Returns true if it begins now; otherwise it is queued, and step() admits it. */
  request(placement: Placement, now: number): boolean {
    return this.#placements.request(placement, now)
  }

  end(placement: Placement, how: PlacementEnd, now: number): void {
    const overlapsRun = this.#placements.end(placement)
    if (how.kind === 'untouched' || (how.kind === 'undone' && !overlapsRun)) return
    for (const [resource, reloads] of how.owing) this.#place(resource, reloads, now)
  }

  /** Adopts the debts of an earlier reconfd process. It is unknown whether a run has read the content in place. */
  inherit(resource: string, reloads: Reloads, now: number): void {
    this.#place(resource, reloads, now)
  }

  /**
   * Records that the resource owes these reloads, even if the files in place are unchanged. A current run does not
   * settle them. Also requests a new run of every other reload that the resource owes.
   */
  owe(resource: string, reloads: Reloads, now: number): void {
    const number = ++this.#debts
    for (const [command, terms] of reloads) {
      const account = this.#accounts.get(command)
      this.#accounts.add(account, resource, { terms, number, failures: 0 })
      this.#placements.join(account, resource)
    }
    for (const account of this.#accounts.owedBy(resource)) {
      const debt = account.debts.get(resource) as Debt
      debt.number = number
      debt.failures = 0
      account.failures = 0
      account.minInterval = Math.max(account.minInterval, debt.terms.minInterval)
      if (account.asked === undefined) {
        account.asked = { first: now, last: now }
        account.notBefore = now + this.random() * debt.terms.splay
      }
      account.asked.last = now
      this.#accounts.schedule(account)
    }
  }

  /** Admits placements and starts runs, as of `now`. */
  step(now: number): { readonly admitted: readonly Placement[]; readonly started: readonly Run[] } {
    const admitted: Placement[] = []
    const started: Run[] = []
    this.#now = now
    for (let before = -1; before < admitted.length + started.length;) {
      before = admitted.length + started.length
      // Placements come first: a placement that waited for the end of a run begins before the next run.
      admitted.push(...this.#placements.admit(now))
      this.#start(now, started)
    }
    return { admitted, started }
  }

  /** Returns the resources whose content in place this run proves if it succeeds. */
  provedBy(run: Run): readonly string[] {
    return this.#proofs.provedBy(run)
  }

  finish(run: Run, succeeded: boolean, now: number): RunVerdict {
    const account = this.#accounts.get(run.command)
    account.running = undefined
    this.#running--
    this.#proofs.finished(run)
    return succeeded ? this.#succeeded(account, run) : this.#failed(account, run, now)
  }

  /**
   * Retries the reloads of this resource until they succeed. Call if no rollback is possible.
   * @returns milliseconds until the next attempt; null if none is scheduled
   */
  persist(resource: string, now: number): number | null {
    let next = Infinity
    for (const account of this.#accounts.owedBy(resource)) {
      const debt = account.debts.get(resource)
      if (debt === undefined) continue
      debt.terms = { ...debt.terms, attempts: undefined }
      if (this.retries && !this.#isClosing && account.retryAt === Infinity) {
        account.retryAt = now + backoffDelay(account.failures, RETRY, this.random)
      }
      this.#accounts.schedule(account)
      next = Math.min(next, this.#accounts.dueAt(account))
    }
    return next === Infinity ? null : Math.max(0, Math.round(next - now))
  }

  /** Whether the newest content of a resource is still the content that failed `reload_attempts` times. */
  isExhausted(resource: string): boolean {
    return [...this.#accounts.owedBy(resource)].some((account) => {
      const debt = account.debts.get(resource)
      return debt !== undefined && debt.failures >= (debt.terms.attempts ?? Infinity)
    })
  }

  /**
   * Applies a new configuration, given as reloads by resource. A debt whose command has changed becomes a debt of all
   * current commands, because it is unknown which of them would suffice.
   */
  configure(configured: ReadonlyMap<string, ConfiguredReloads>, now: number): Reconfigured {
    const gone: string[] = []
    const settled: string[] = []
    for (const resource of this.#accounts.owingResources()) {
      const reloads = configured.get(resource)
      if (reloads === undefined) gone.push(resource)
      else if (this.#reassign(resource, reloads, now)) settled.push(resource)
    }
    for (const resource of gone) {
      for (const account of [...this.#accounts.owedBy(resource)])
        this.#accounts.removeDebt(account, resource)
    }
    return { gone, settled }
  }

  owes(resource: string): boolean {
    return this.#accounts.owedBy(resource).size > 0
  }

  /** Whether no successful run has read the content in place. */
  isUnproved(resource: string): boolean {
    return this.#proofs.isUnproved(resource)
  }

  /** Whether a current placement has recorded debts of this resource. */
  isPlacing(resource: string): boolean {
    return this.#placements.isPlacing(resource)
  }

  /** Returns the commands whose run a resource owes. */
  owedBy(resource: string): readonly string[] {
    return [...this.#accounts.owedBy(resource)].map(({ command }) => command)
  }

  /** Whether a current run reads the files of this resource. */
  isRead(resource: string): boolean {
    return this.#proofs.isRead(resource)
  }

  /** Time at which step() will next start or admit something; Infinity if nothing is scheduled. */
  get next(): number {
    // A placement that had waited for the maximum time at the last step() begins when a run ends, not at a known time.
    return Math.min(this.#accounts.next, this.#placements.nextPreceding(this.#now))
  }

  /** Whether nothing runs or is about to run. Pending retries, intervals and splay do not count. */
  isIdle(now: number): boolean {
    if (this.#running > 0 || this.#accounts.isAnyDue || this.#placements.isAnyUnderway) return false
    // A onetime run ends only when nothing is scheduled.
    const { next } = this.#accounts
    return this.retries || this.#isClosing ? next > now : next === Infinity
  }

  /** Stops all retries; debts stay in the journal. */
  close(): void {
    this.#isClosing = true
    for (const account of this.#accounts.all()) {
      account.retryAt = Infinity
      account.demandedAt = undefined
      this.#accounts.schedule(account)
    }
  }

  /** Records new content in place that no run has read. */
  #place(resource: string, reloads: Reloads, now: number): void {
    this.owe(resource, reloads, now)
    this.#proofs.placed(resource, this.owedBy(resource))
  }

  #start(now: number, started: Run[]): void {
    for (const account of this.#accounts.due(now)) {
      if (this.#running >= RUNS_MOST) return
      if (account.underway > 0) account.isClosed = true
      else if (!this.#placements.isPreceding(account, now)) started.push(this.#run(account, now))
    }
  }

  #run(account: Account, now: number): Run {
    const run: Run = {
      command: account.command,
      terms: mergeTerms([...account.debts.values()].map(({ terms }) => terms)),
      read: new Map(
        [...account.debts].map(([resource, { number }]) => [
          resource,
          { placement: this.#proofs.placementOf(resource), debt: number },
        ]),
      ),
    }
    this.#proofs.started(run)
    this.#accounts.started(account, run, now)
    this.#running++
    return run
  }

  #succeeded(account: Account, run: Run): RunVerdict {
    account.failures = 0
    this.#proofs.succeeded(run)
    const settled: string[] = []
    for (const [resource, { debt }] of run.read) {
      // R2: a run does not settle a placement that ended after the run began; that placement has requested another run.
      if (account.debts.get(resource)?.number !== debt) continue
      this.#accounts.removeDebt(account, resource)
      // Debts recorded by a current placement are not settled.
      if (!this.owes(resource) && !this.isPlacing(resource)) settled.push(resource)
    }
    account.minInterval = 0
    for (const { terms } of account.debts.values()) {
      account.minInterval = Math.max(account.minInterval, terms.minInterval)
    }
    this.#accounts.schedule(account)
    return { settled, exhausted: [], attempts: 0, retryIn: null }
  }

  #failed(account: Account, run: Run, now: number): RunVerdict {
    account.failures++
    const exhausted = new Set<string>()
    for (const [resource, reading] of run.read) {
      const debt = account.debts.get(resource)
      if (debt?.number !== reading.debt) continue
      debt.failures++
      if (debt.failures >= (debt.terms.attempts ?? Infinity)) exhausted.add(resource)
    }
    const mayRetry = [...account.debts].some(
      ([resource, { terms }]) =>
        !exhausted.has(resource) && (this.retries || terms.attempts !== undefined),
    )
    if (mayRetry && !this.#isClosing) {
      account.retryAt = now + backoffDelay(account.failures, RETRY, this.random)
    }
    this.#accounts.schedule(account)
    const at = this.#accounts.dueAt(account)
    return {
      settled: [],
      exhausted: [...exhausted],
      attempts: account.failures,
      retryIn: at === Infinity ? null : Math.max(0, Math.round(at - now)),
    }
  }

  /** Moves the debts of a resource to its current commands. Returns true if nothing is left to run. */
  #reassign(resource: string, { all, find }: ConfiguredReloads, now: number): boolean {
    let isReplaced = false
    for (const account of [...this.#accounts.owedBy(resource)]) {
      const terms = find(account.command)
      const debt = account.debts.get(resource) as Debt
      if (terms !== undefined) debt.terms = terms
      else {
        isReplaced = true
        this.#accounts.removeDebt(account, resource)
      }
    }
    if (isReplaced) this.owe(resource, all, now)
    this.#proofs.reassigned(resource, this.owedBy(resource))
    return isReplaced && !this.owes(resource)
  }
}
