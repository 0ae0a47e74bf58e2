// The reload protocol: when a placement and when a run of a reload command may begin, and which debts a run
// settles. Pure: times come in (milliseconds of a monotonic clock), decisions go out. The rules R1 to R4
// and a diagram are in docs/architecture.md; test/engine/interleavings.test.ts tries to break them.
import { backoffDelay, type Backoff } from './backoff.ts'
import { Accounts, type Account, type Debt } from './reload-accounts.ts'
import type { Placement, PlacementEnd, Run } from './reload-run.ts'
import { isJudged, mergeTerms, type ConfiguredReloads, type Reloads } from './reload.ts'

export interface Verdict {
  /** The resources that owe nothing any more. */
  readonly settled: readonly string[]
  /** Resources whose content failed as often as `reload_attempts` allows: they go back. */
  readonly exhausted: readonly string[]
  /** How often the command has failed in a row. */
  readonly attempts: number
  /** Milliseconds; null when no further run is scheduled. */
  readonly retryIn: number | null
}

/** A placement under way. */
interface Underway {
  /** The accounts that it concerns. */
  readonly accounts: Set<Account>
  /** A run was under way when it began. */
  readonly overlapsRun: boolean
}

/** A placement that may not begin yet. */
interface Queued {
  readonly placement: Placement
  readonly since: number
}

const RETRY: Backoff = { first: 1000, most: 60_000 }
/** A placement that was kept waiting for longer than this precedes every further run, in milliseconds. */
const QUEUE_MOST = 10_000
/** Runs at once; the others stay due. */
const RUNS_MOST = 32

/** What a new configuration means for the debts. */
export interface Reconfigured {
  /** Resources that are not configured any more: their debts stay in the journal and are not retried. */
  readonly gone: readonly string[]
  /** Resources that have no reload command any more: there is nothing left to run. */
  readonly settled: readonly string[]
}

export class ReloadProtocol {
  readonly #accounts: Accounts
  /** By resource, the number of its newest finished placement. */
  readonly #placed = new Map<string, number>()
  /** By resource, the commands that have yet to read the content in place. None: it is proved. */
  readonly #unread = new Map<string, Set<string>>()
  /** By resource, the runs that read its files now. */
  readonly #readers = new Map<string, Set<Run>>()
  /** Placements that may not begin yet, in the order in which they asked. */
  #queue: Queued[] = []
  readonly #underway = new Map<Placement, Underway>()
  #running = 0
  #debts = 0
  /** When step() was called last. */
  #now = -Infinity
  #isClosing = false

  /**
   * @param retries false in a onetime run: a failed reload stays owed for the next run, unless it may
   *   yet lead to a rollback, and nothing waits for its pace
   */
  constructor(
    private readonly retries: boolean,
    private readonly random: () => number = Math.random,
  ) {
    this.#accounts = new Accounts(retries)
  }

  /** Work begins that may end in runs of these commands. Each call is paired with one release(). */
  hold(commands: Iterable<string>): void {
    for (const command of commands) this.#accounts.get(command).holds++
  }

  release(commands: Iterable<string>): void {
    for (const command of commands) {
      const account = this.#accounts.get(command)
      account.holds--
      this.#accounts.schedule(account)
    }
  }

  /** No run of this command begins before one is demanded, whatever is owed. */
  suspend(command: string): void {
    const account = this.#accounts.get(command)
    account.isSuspended = true
    this.#accounts.schedule(account)
  }

  /**
   * A run of this command begins as soon as no placement of its owers is under way, even when nothing is
   * owed, and without regard to its pace. Further runs are due as usual.
   */
  demand(command: string, now: number): void {
    const account = this.#accounts.get(command)
    account.isSuspended = false
    account.demandedAt ??= now
    this.#accounts.schedule(account)
  }

  /** True when the placement begins now; otherwise it is queued, and step() admits it. */
  request(placement: Placement, now: number): boolean {
    const queued = { placement, since: now }
    if (this.#mayBegin(queued, now)) {
      this.#begin(placement)
      return true
    }
    this.#queue.push(queued)
    return false
  }

  end(placement: Placement, how: PlacementEnd, now: number): void {
    const underway = this.#underway.get(placement)
    this.#underway.delete(placement)
    for (const account of underway?.accounts ?? []) account.underway--
    if (how.kind === 'untouched' || (how.kind === 'undone' && underway?.overlapsRun !== true))
      return
    for (const [resource, reloads] of how.owing) this.#place(resource, reloads, now)
  }

  /** Takes up what an earlier life owes: nothing is known of the content in place. */
  inherit(resource: string, reloads: Reloads, now: number): void {
    this.#place(resource, reloads, now)
  }

  /**
   * These reloads are due, whatever is in place. A run that is under way does not settle them; the others
   * that the resource owes are due as well.
   */
  owe(resource: string, reloads: Reloads, now: number): void {
    const number = ++this.#debts
    for (const [command, terms] of reloads) {
      const account = this.#accounts.get(command)
      this.#accounts.add(account, resource, { terms, number, failures: 0 })
      this.#joinPlacements(account, resource)
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

  /** The placements that begin and the runs that start now. */
  step(now: number): { readonly admitted: readonly Placement[]; readonly started: readonly Run[] } {
    const admitted: Placement[] = []
    const started: Run[] = []
    this.#now = now
    for (let before = -1; before < admitted.length + started.length;) {
      before = admitted.length + started.length
      // Placements first: those that waited for the run that has just ended precede the next one.
      this.#admit(now, admitted)
      this.#start(now, started)
    }
    return { admitted, started }
  }

  /** The resources whose content in place is proved if this run succeeds. */
  provedBy(run: Run): readonly string[] {
    return [...run.read].flatMap(([resource, { placement }]) => {
      const unread = [...(this.#unread.get(resource) ?? [])]
      const isNewest = this.#placed.get(resource) === placement
      return isNewest && unread.every((command) => command === run.command) ? [resource] : []
    })
  }

  finish(run: Run, succeeded: boolean, now: number): Verdict {
    const account = this.#accounts.get(run.command)
    account.running = undefined
    this.#running--
    for (const resource of run.read.keys()) this.#readers.get(resource)?.delete(run)
    return succeeded ? this.#succeeded(account, run) : this.#failed(account, run, now)
  }

  /**
   * There is nothing to go back to: the reloads of this resource are retried until they succeed.
   * @returns milliseconds until the next try; null when none is scheduled
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

  /** Whether the newest content of a resource is still the one that has failed too often. */
  isExhausted(resource: string): boolean {
    return [...this.#accounts.owedBy(resource)].some((account) => {
      const debt = account.debts.get(resource)
      return debt !== undefined && debt.failures >= (debt.terms.attempts ?? Infinity)
    })
  }

  /**
   * The configuration is now this one, by resource its reloads. A debt whose command has changed becomes a
   * debt of all present commands, since it is not known which would be enough.
   */
  configure(configured: ReadonlyMap<string, ConfiguredReloads>, now: number): Reconfigured {
    const gone: string[] = []
    const settled: string[] = []
    for (const resource of this.#accounts.owers()) {
      const reloads = configured.get(resource)
      if (reloads === undefined) gone.push(resource)
      else if (this.#reassign(resource, reloads, now)) settled.push(resource)
    }
    for (const resource of gone) {
      for (const account of [...this.#accounts.owedBy(resource)])
        this.#accounts.strike(account, resource)
    }
    return { gone, settled }
  }

  owes(resource: string): boolean {
    return this.#accounts.owedBy(resource).size > 0
  }

  /** Whether the content in place has yet to be read by a run that succeeds. */
  isUnproved(resource: string): boolean {
    return (this.#unread.get(resource)?.size ?? 0) > 0
  }

  /** Whether a placement is under way that has recorded what this resource will owe. */
  isPlacing(resource: string): boolean {
    return [...this.#underway.keys()].some(({ owing }) => owing.has(resource))
  }

  /** The commands that a resource owes. */
  owedBy(resource: string): readonly string[] {
    return [...this.#accounts.owedBy(resource)].map(({ command }) => command)
  }

  /** Whether a run reads the files of this resource now. */
  isRead(resource: string): boolean {
    return (this.#readers.get(resource)?.size ?? 0) > 0
  }

  /** When step() will next have something to start or to admit; Infinity when nothing is scheduled. */
  get next(): number {
    // One whose time came with the last step() waits for the end of a run, not for a time.
    const aged = this.#queue.map(({ since }) => since + QUEUE_MOST).find((at) => at > this.#now)
    return Math.min(this.#accounts.next, aged ?? Infinity)
  }

  /** Nothing runs or is about to. What waits for a retry or for its pace does not count. */
  isIdle(now: number): boolean {
    if (this.#running > 0 || this.#accounts.isAnyDue || this.#underway.size > 0) return false
    // A onetime run schedules only what it stays for.
    const { next } = this.#accounts
    return this.retries || this.#isClosing ? next > now : next === Infinity
  }

  /** From here on nothing is retried: what is owed stays in the journal. */
  close(): void {
    this.#isClosing = true
    for (const account of this.#accounts.all()) {
      account.retryAt = Infinity
      account.demandedAt = undefined
      this.#accounts.schedule(account)
    }
  }

  /** A content is in place that no run has read. */
  #place(resource: string, reloads: Reloads, now: number): void {
    this.#placed.set(resource, (this.#placed.get(resource) ?? 0) + 1)
    this.owe(resource, reloads, now)
    this.#unread.set(resource, new Set(this.owedBy(resource)))
  }

  /** A placement of the resource that is under way concerns the account as well. */
  #joinPlacements(account: Account, resource: string): void {
    for (const [{ resources }, { accounts }] of this.#underway) {
      if (!resources.includes(resource) || accounts.has(account)) continue
      accounts.add(account)
      account.underway++
    }
  }

  /** The accounts that a placement concerns: of the commands it will owe, and of those it owes already. */
  #concerned({ resources, owing }: Placement): Set<Account> {
    const accounts = new Set<Account>()
    for (const reloads of owing.values()) {
      for (const command of reloads.keys()) accounts.add(this.#accounts.get(command))
    }
    for (const resource of resources) {
      for (const account of this.#accounts.owedBy(resource)) accounts.add(account)
    }
    return accounts
  }

  #mayBegin(queued: Queued, now: number): boolean {
    const { placement } = queued
    for (const { isClosed, running } of this.#concerned(placement)) {
      if (isClosed && !isAged(queued, now)) return false
      if (running === undefined) continue
      // R4: the verdict of a run that may lead to a rollback must be about the files it has read.
      if (placement.isChecked || isJudged(running.terms)) return false
    }
    return !(placement.isJudged && placement.resources.some((resource) => this.isRead(resource)))
  }

  #begin(placement: Placement): void {
    const accounts = this.#concerned(placement)
    for (const account of accounts) account.underway++
    const overlapsRun = [...accounts].some(({ running }) => running !== undefined)
    this.#underway.set(placement, { accounts, overlapsRun })
  }

  #admit(now: number, admitted: Placement[]): void {
    this.#queue = this.#queue.filter((queued) => {
      if (!this.#mayBegin(queued, now)) return true
      this.#begin(queued.placement)
      admitted.push(queued.placement)
      return false
    })
  }

  #start(now: number, started: Run[]): void {
    for (const account of this.#accounts.due(now)) {
      if (this.#running >= RUNS_MOST) return
      if (account.underway > 0) account.isClosed = true
      else if (!this.#isPreceded(account, now)) started.push(this.#run(account, now))
    }
  }

  /** Whether a placement was kept waiting for so long that it comes before a further run. */
  #isPreceded(account: Account, now: number): boolean {
    return this.#queue.some(
      (queued) => isAged(queued, now) && this.#concerned(queued.placement).has(account),
    )
  }

  #run(account: Account, now: number): Run {
    const run: Run = {
      command: account.command,
      terms: mergeTerms([...account.debts.values()].map(({ terms }) => terms)),
      read: new Map(
        [...account.debts].map(([resource, { number }]) => [
          resource,
          { placement: this.#placed.get(resource) ?? 0, debt: number },
        ]),
      ),
    }
    for (const resource of run.read.keys()) {
      const readers = this.#readers.get(resource)
      if (readers === undefined) this.#readers.set(resource, new Set([run]))
      else readers.add(run)
    }
    this.#accounts.started(account, run, now)
    this.#running++
    return run
  }

  #succeeded(account: Account, run: Run): Verdict {
    account.failures = 0
    const settled: string[] = []
    for (const [resource, { placement, debt }] of run.read) {
      if (this.#placed.get(resource) === placement) this.#unread.get(resource)?.delete(run.command)
      // R2: a placement that ended after the start is not settled; it has asked for a run of its own.
      if (account.debts.get(resource)?.number !== debt) continue
      this.#accounts.strike(account, resource)
      // What a placement under way has recorded is not settled with it.
      if (!this.owes(resource) && !this.isPlacing(resource)) settled.push(resource)
    }
    account.minInterval = 0
    for (const { terms } of account.debts.values()) {
      account.minInterval = Math.max(account.minInterval, terms.minInterval)
    }
    this.#accounts.schedule(account)
    return { settled, exhausted: [], attempts: 0, retryIn: null }
  }

  #failed(account: Account, run: Run, now: number): Verdict {
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

  /** True when nothing is left to run for a resource that owed something. */
  #reassign(resource: string, { all, find }: ConfiguredReloads, now: number): boolean {
    let isReplaced = false
    for (const account of [...this.#accounts.owedBy(resource)]) {
      const terms = find(account.command)
      const debt = account.debts.get(resource) as Debt
      if (terms !== undefined) debt.terms = terms
      else {
        isReplaced = true
        this.#accounts.strike(account, resource)
      }
    }
    if (isReplaced) this.owe(resource, all, now)
    if (this.isUnproved(resource)) this.#unread.set(resource, new Set(this.owedBy(resource)))
    return isReplaced && !this.owes(resource)
  }
}

const isAged = ({ since }: Queued, now: number): boolean => now - since >= QUEUE_MOST
