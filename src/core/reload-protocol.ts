// The reload protocol: when a placement and when a run of a reload command may begin, and which debts a run
// settles. Pure: times come in (milliseconds of a monotonic clock), decisions go out. The rules R1 to R4
// and a diagram are in docs/architecture.md; test/engine/interleavings.test.ts tries to break them.
import { backoffDelay, type Backoff } from './backoff.ts'
import {
  isJudged,
  mergeTerms,
  type ConfiguredReloads,
  type Reloads,
  type ReloadTerms,
  type RunTerms,
} from './reload.ts'
import { Timetable } from './timetable.ts'

/**
 * New contents on their way to the destinations of a unit. A placement begins before its debts are
 * recorded and ends after the last rename, or when it was undone.
 */
export interface Placement {
  /** All resources of the unit. */
  readonly resources: readonly string[]
  /** By resource whose content changes, the reloads it will owe once its files are in place. */
  readonly owing: ReadonlyMap<string, Reloads>
  /** A failed reload of the unit may lead to a rollback, or a verification judges it. */
  readonly isJudged: boolean
}

/** One run of a reload command for everyone who owes it. */
export interface Run {
  readonly command: string
  readonly terms: RunTerms
  /** By resource, the number of its newest placement when the run started: what the run can have read. */
  readonly read: ReadonlyMap<string, number>
}

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

interface Debt {
  terms: ReloadTerms
  /** Runs that read the newest placement and failed. */
  failures: number
}

/** A placement that may not begin yet. */
interface Queued {
  readonly placement: Placement
  readonly since: number
}

/** One distinct command and those who owe a run of it. */
interface Account {
  readonly command: string
  readonly debts: Map<string, Debt>
  /** Units of a batch that may yet owe this command: one run serves them all. */
  holds: number
  /** When a run was asked for since the last one started: first and last. */
  asked: { readonly first: number; last: number } | undefined
  /** When a failed run is retried. */
  retryAt: number
  /** Splay: not before this time. */
  notBefore: number
  minInterval: number
  lastStart: number
  /** Failed runs in a row. */
  failures: number
  running: Run | undefined
  /** Placements under way that concern one of its owers. */
  underway: number
  /** A run is due and waits for placements under way: no further placement of its owers begins. */
  isClosed: boolean
}

const RETRY: Backoff = { first: 1000, most: 60_000 }
/**
 * How long a run waits for the rest of its batch after the last placement, in milliseconds. A unit whose
 * check hangs must not keep the others from being reloaded; it gets a run of its own later.
 */
const HOLD_GRACE = 1000
/** The longest that a run waits for its batch in all, in milliseconds. */
const HOLD_MOST = 10_000
/** A placement that was kept waiting for longer than this precedes every further run, in milliseconds. */
const QUEUE_MOST = 10_000

/** What a new configuration means for the debts. */
export interface Reconfigured {
  /** Resources that are not configured any more: their debts stay in the journal and are not retried. */
  readonly gone: readonly string[]
  /** Resources that have no reload command any more: there is nothing left to run. */
  readonly settled: readonly string[]
}

export class ReloadProtocol {
  readonly #accounts = new Map<string, Account>()
  readonly #owedBy = new Map<string, Set<Account>>()
  /** By resource, the number of its newest finished placement. */
  readonly #placed = new Map<string, number>()
  /** By resource, the runs that read its files now. */
  readonly #readers = new Map<string, Set<Run>>()
  readonly #timetable = new Timetable<Account>()
  /** Accounts whose run is due and could not start yet. */
  readonly #due = new Set<Account>()
  /** Placements that may not begin yet, in the order in which they asked. */
  #queue: Queued[] = []
  /** The accounts that a placement under way concerns. */
  readonly #underway = new Map<Placement, Set<Account>>()
  #running = 0
  #isClosing = false

  /**
   * @param retries false in a onetime run: a failed reload stays owed for the next run, unless it may
   *   yet lead to a rollback, and nothing waits for its pace
   */
  constructor(
    private readonly retries: boolean,
    private readonly random: () => number = Math.random,
  ) {}

  /** Work begins that may end in runs of these commands. Each call is paired with one release(). */
  hold(commands: Iterable<string>): void {
    for (const command of commands) this.#account(command).holds++
  }

  release(commands: Iterable<string>): void {
    for (const command of commands) {
      const account = this.#account(command)
      account.holds--
      this.#schedule(account)
    }
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

  /** @param placed false: the destinations are as they were before */
  end(placement: Placement, placed: boolean, now: number): void {
    const accounts = this.#underway.get(placement)
    this.#underway.delete(placement)
    for (const account of accounts ?? []) account.underway--
    if (placed) for (const [resource, reloads] of placement.owing) this.owe(resource, reloads, now)
  }

  /**
   * These reloads are due for what is in place now, which no run has read yet. Nor have the runs that the
   * resource owes already: they are due as well.
   */
  owe(resource: string, reloads: Reloads, now: number): void {
    this.#placed.set(resource, (this.#placed.get(resource) ?? 0) + 1)
    for (const [command, terms] of reloads) {
      this.#setDebt(this.#account(command), resource, { terms, failures: 0 })
    }
    for (const account of this.#owedBy.get(resource) ?? []) {
      const debt = account.debts.get(resource) as Debt
      debt.failures = 0
      account.failures = 0
      account.minInterval = Math.max(account.minInterval, debt.terms.minInterval)
      if (account.asked === undefined) {
        account.asked = { first: now, last: now }
        account.notBefore = now + this.random() * debt.terms.splay
      }
      account.asked.last = now
      this.#schedule(account)
    }
  }

  /** The placements that begin and the runs that start now. */
  step(now: number): { readonly admitted: readonly Placement[]; readonly started: readonly Run[] } {
    const admitted: Placement[] = []
    const started: Run[] = []
    for (let before = -1; before < admitted.length + started.length; ) {
      before = admitted.length + started.length
      // Placements first: those that waited for the run that has just ended precede the next one.
      this.#admit(now, admitted)
      this.#start(now, started)
    }
    return { admitted, started }
  }

  /** The resources that would owe nothing any more if this run succeeded. */
  provedBy(run: Run): readonly string[] {
    const account = this.#account(run.command)
    return [...run.read].flatMap(([resource, number]) => {
      const isNewest = this.#placed.get(resource) === number
      const others = [...(this.#owedBy.get(resource) ?? [])].some((one) => one !== account)
      return isNewest && !others ? [resource] : []
    })
  }

  finish(run: Run, succeeded: boolean, now: number): Verdict {
    const account = this.#account(run.command)
    account.running = undefined
    this.#running--
    for (const resource of run.read.keys()) this.#readers.get(resource)?.delete(run)
    return succeeded ? this.#succeeded(account, run) : this.#failed(account, run, now)
  }

  /** There is nothing to go back to: the reloads of this resource are retried until they succeed. */
  persist(resource: string, now: number): void {
    for (const account of this.#owedBy.get(resource) ?? []) {
      const debt = account.debts.get(resource)
      if (debt === undefined) continue
      debt.terms = { ...debt.terms, attempts: undefined }
      if (this.retries && !this.#isClosing && account.retryAt === Infinity) {
        account.retryAt = now + backoffDelay(account.failures, RETRY, this.random)
      }
      this.#schedule(account)
    }
  }

  /** Whether the newest content of a resource is still the one that has failed too often. */
  isExhausted(resource: string): boolean {
    return [...(this.#owedBy.get(resource) ?? [])].some((account) => {
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
    for (const [resource, accounts] of [...this.#owedBy]) {
      const reloads = configured.get(resource)
      if (reloads === undefined) gone.push(resource)
      else if (this.#reassign(resource, reloads, [...accounts], now)) settled.push(resource)
    }
    for (const resource of gone) this.#strikeAll(resource)
    return { gone, settled }
  }

  owes(resource: string): boolean {
    return this.#owedBy.has(resource)
  }

  /** The commands that a resource owes. */
  owedBy(resource: string): readonly string[] {
    return [...(this.#owedBy.get(resource) ?? [])].map(({ command }) => command)
  }

  /** Whether a run reads the files of this resource now. */
  isRead(resource: string): boolean {
    return (this.#readers.get(resource)?.size ?? 0) > 0
  }

  /** When step() will next have something to start; Infinity when nothing is scheduled. */
  get next(): number {
    return this.#timetable.next
  }

  /** Nothing runs or is about to. What waits for a retry or for its pace does not count. */
  isIdle(now: number): boolean {
    if (this.#running > 0 || this.#due.size > 0 || this.#underway.size > 0) return false
    // A onetime run schedules only what it stays for.
    return this.retries || this.#isClosing ? this.next > now : this.next === Infinity
  }

  /** From here on nothing is retried: what is owed stays in the journal. */
  close(): void {
    this.#isClosing = true
  }

  #account(command: string): Account {
    let account = this.#accounts.get(command)
    if (account === undefined) {
      account = {
        command,
        debts: new Map(),
        holds: 0,
        asked: undefined,
        retryAt: Infinity,
        notBefore: -Infinity,
        minInterval: 0,
        lastStart: -Infinity,
        failures: 0,
        running: undefined,
        underway: 0,
        isClosed: false,
      }
      this.#accounts.set(command, account)
    }
    return account
  }

  #setDebt(account: Account, resource: string, debt: Debt): void {
    account.debts.set(resource, debt)
    const accounts = this.#owedBy.get(resource)
    if (accounts === undefined) this.#owedBy.set(resource, new Set([account]))
    else accounts.add(account)
    for (const [{ resources }, concerned] of this.#underway) {
      if (!resources.includes(resource) || concerned.has(account)) continue
      concerned.add(account)
      account.underway++
    }
  }

  #strike(account: Account, resource: string): void {
    account.debts.delete(resource)
    const accounts = this.#owedBy.get(resource)
    if (accounts?.delete(account) === true && accounts.size === 0) this.#owedBy.delete(resource)
    if (account.debts.size > 0) return
    account.asked = undefined
    account.retryAt = Infinity
    account.minInterval = 0
    account.isClosed = false
    this.#due.delete(account)
    this.#schedule(account)
  }

  /** The accounts that a placement concerns: of the commands it will owe, and of those it owes already. */
  #concerned({ resources, owing }: Placement): Set<Account> {
    const accounts = new Set<Account>()
    for (const reloads of owing.values()) {
      for (const command of reloads.keys()) accounts.add(this.#account(command))
    }
    for (const resource of resources) {
      for (const account of this.#owedBy.get(resource) ?? []) accounts.add(account)
    }
    return accounts
  }

  #mayBegin(queued: Queued, now: number): boolean {
    const { placement } = queued
    for (const { isClosed, running } of this.#concerned(placement)) {
      if (isClosed && !isAged(queued, now)) return false
      // R4: the verdict of a run that may lead to a rollback must be about the files it has read.
      if (running !== undefined && isJudged(running.terms)) return false
    }
    return !(placement.isJudged && placement.resources.some((resource) => this.isRead(resource)))
  }

  #begin(placement: Placement): void {
    const accounts = this.#concerned(placement)
    for (const account of accounts) account.underway++
    this.#underway.set(placement, accounts)
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
    for (const account of this.#timetable.take(now)) this.#due.add(account)
    for (const account of this.#due) {
      const at = this.#dueAt(account)
      if (at > now) {
        this.#due.delete(account)
        account.isClosed = false
        this.#timetable.set(account, at)
      } else if (account.underway > 0) {
        account.isClosed = true
      } else if (!this.#isPreceded(account, now)) {
        this.#due.delete(account)
        started.push(this.#run(account, now))
      }
    }
  }

  /** Whether a placement was kept waiting for so long that it comes before a further run. */
  #isPreceded(account: Account, now: number): boolean {
    return this.#queue.some(
      (queued) => isAged(queued, now) && this.#concerned(queued.placement).has(account),
    )
  }

  #run(account: Account, now: number): Run {
    const resources = [...account.debts.keys()]
    const run: Run = {
      command: account.command,
      terms: mergeTerms([...account.debts.values()].map(({ terms }) => terms)),
      read: new Map(resources.map((resource) => [resource, this.#placed.get(resource) ?? 0])),
    }
    for (const resource of resources) {
      const readers = this.#readers.get(resource)
      if (readers === undefined) this.#readers.set(resource, new Set([run]))
      else readers.add(run)
    }
    account.running = run
    account.isClosed = false
    account.asked = undefined
    account.retryAt = Infinity
    account.lastStart = now
    this.#running++
    return run
  }

  #succeeded(account: Account, run: Run): Verdict {
    account.failures = 0
    const settled: string[] = []
    for (const [resource, number] of run.read) {
      // R2: a placement that ended after the start is not settled; it has asked for a run of its own.
      if (this.#placed.get(resource) !== number || !account.debts.has(resource)) continue
      this.#strike(account, resource)
      if (!this.owes(resource)) settled.push(resource)
    }
    account.minInterval = 0
    for (const { terms } of account.debts.values()) {
      account.minInterval = Math.max(account.minInterval, terms.minInterval)
    }
    this.#schedule(account)
    return { settled, exhausted: [], attempts: 0, retryIn: null }
  }

  #failed(account: Account, run: Run, now: number): Verdict {
    account.failures++
    const exhausted: string[] = []
    for (const [resource, number] of run.read) {
      const debt = account.debts.get(resource)
      if (debt === undefined || this.#placed.get(resource) !== number) continue
      debt.failures++
      if (debt.failures >= (debt.terms.attempts ?? Infinity)) exhausted.push(resource)
    }
    const mayRetry = [...account.debts].some(
      ([resource, { terms }]) =>
        !exhausted.includes(resource) && (this.retries || terms.attempts !== undefined),
    )
    if (mayRetry && !this.#isClosing) {
      account.retryAt = now + backoffDelay(account.failures, RETRY, this.random)
    }
    this.#schedule(account)
    const at = this.#dueAt(account)
    return {
      settled: [],
      exhausted,
      attempts: account.failures,
      retryIn: at === Infinity ? null : Math.max(0, Math.round(at - now)),
    }
  }

  /** When a run may start; Infinity when none is wanted. */
  #dueAt({ debts, running, asked, retryAt, holds, notBefore, ...account }: Account): number {
    if (running !== undefined || debts.size === 0) return Infinity
    const wanted = asked?.first ?? retryAt
    if (wanted === Infinity) return Infinity
    const paced = Math.max(notBefore, account.lastStart + account.minInterval)
    const grace =
      holds > 0 && asked !== undefined
        ? Math.min(asked.last + HOLD_GRACE, asked.first + HOLD_MOST)
        : -Infinity
    return Math.max(wanted, this.retries ? paced : -Infinity, grace)
  }

  #schedule(account: Account): void {
    if (!this.#due.has(account)) this.#timetable.set(account, this.#dueAt(account))
  }

  /** True when nothing is left to run for a resource that owed something. */
  #reassign(
    resource: string,
    { all, find }: ConfiguredReloads,
    accounts: readonly Account[],
    now: number,
  ): boolean {
    let isReplaced = false
    for (const account of accounts) {
      const terms = find(account.command)
      const debt = account.debts.get(resource) as Debt
      if (terms !== undefined) debt.terms = terms
      else {
        isReplaced = true
        this.#strike(account, resource)
      }
    }
    if (isReplaced) this.owe(resource, all, now)
    return isReplaced && !this.owes(resource)
  }

  #strikeAll(resource: string): void {
    for (const account of [...(this.#owedBy.get(resource) ?? [])]) this.#strike(account, resource)
  }
}

const isAged = ({ since }: Queued, now: number): boolean => now - since > QUEUE_MOST
