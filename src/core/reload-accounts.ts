// The accounts of the reload protocol: for each distinct command, the resources that owe a run of it, and the time at
// which the run is due. Pure; the rules are in reload-protocol.ts.
import type { Run } from './reload-run.ts'
import type { ReloadTerms } from './reload.ts'
import { Timetable } from './timetable.ts'

export interface Debt {
  terms: ReloadTerms
  number: number
  /** Number of failed runs that read the content of the newest placement. */
  failures: number
}

/** One distinct command with the resources that owe a run of it. */
export interface Account {
  readonly command: string
  readonly debts: Map<string, Debt>
  /** Number of units in the current batch that may soon owe a run of this command; the run waits for them. */
  holds: number
  /** Times of the first and last request for a run since the last run started. */
  asked: { readonly first: number; last: number } | undefined
  /** Time at which a failed run is retried. */
  retryAt: number
  /** Earliest time of the next run, including its random delay (splay). */
  notBefore: number
  minInterval: number
  lastStart: number
  /** Consecutive failed runs. */
  failures: number
  running: Run | undefined
  /** Number of current placements of resources that owe a run of this command. */
  underway: number
  /** While true, no run starts, even if one is owed. */
  isSuspended: boolean
  /** Time of a request for a run that starts even if nothing is owed. */
  demandedAt: number | undefined
  /**
   * Whether a due run waits for current placements. Until the run starts, other placements that affect this account
   * must wait, but at most for QUEUE_MOST (reload-placements.ts).
   */
  isClosed: boolean
}

/**
 * Milliseconds for which a run waits for the rest of its batch after the last placement. A unit with a hanging check
 * must not delay the reload for the other units; a later run follows for that unit.
 */
const HOLD_GRACE = 1000
/** Maximum time for which a run waits for its batch, in milliseconds. */
const HOLD_MOST = 10_000
export class Accounts {
  readonly #accounts = new Map<string, Account>()
  readonly #owedBy = new Map<string, Set<Account>>()
  readonly #timetable = new Timetable<Account>()
  /** Accounts whose due run could not start yet. */
  readonly #due = new Set<Account>()

  /** @param isPaced false: ignore intervals and splay */
  constructor(private readonly isPaced: boolean) {}

  /** Returns the account of a command, which is created if it does not exist. */
  get(command: string): Account {
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
        isSuspended: false,
        demandedAt: undefined,
        isClosed: false,
      }
      this.#accounts.set(command, account)
    }
    return account
  }

  all(): Iterable<Account> {
    return this.#accounts.values()
  }

  /** Returns the accounts in which a resource has a debt. */
  owedBy(resource: string): ReadonlySet<Account> {
    return this.#owedBy.get(resource) ?? new Set()
  }

  /** Returns all resources that owe a run. */
  owingResources(): readonly string[] {
    return [...this.#owedBy.keys()]
  }

  add(account: Account, resource: string, debt: Debt): void {
    account.debts.set(resource, debt)
    const accounts = this.#owedBy.get(resource)
    if (accounts === undefined) this.#owedBy.set(resource, new Set([account]))
    else accounts.add(account)
  }

  /** Removes the debt of a resource. */
  removeDebt(account: Account, resource: string): void {
    account.debts.delete(resource)
    const accounts = this.#owedBy.get(resource)
    if (accounts?.delete(account) === true && accounts.size === 0) this.#owedBy.delete(resource)
    if (account.debts.size > 0) return
    account.asked = undefined
    account.retryAt = Infinity
    account.minInterval = 0
    if (account.demandedAt !== undefined) return
    account.isClosed = false
    this.#due.delete(account)
    this.schedule(account)
  }

  /** Call whenever an input of dueAt() has changed. */
  schedule(account: Account): void {
    if (!this.#due.has(account)) this.#timetable.set(account, this.dueAt(account))
  }

  /** Returns the time at which the run of an account may start; Infinity if no run is wanted. */
  dueAt({ debts, running, asked, retryAt, holds, notBefore, ...account }: Account): number {
    if (running !== undefined || account.isSuspended) return Infinity
    if (account.demandedAt !== undefined) return account.demandedAt
    if (debts.size === 0) return Infinity
    const wanted = asked?.first ?? retryAt
    if (wanted === Infinity) return Infinity
    const paced = Math.max(notBefore, account.lastStart + account.minInterval)
    const grace =
      holds > 0 && asked !== undefined
        ? Math.min(asked.last + HOLD_GRACE, asked.first + HOLD_MOST)
        : -Infinity
    return Math.max(wanted, this.isPaced ? paced : -Infinity, grace)
  }

  /** Returns the accounts with a due run. Each stays due until started() is called, or its last debt is removed. */
  due(now: number): readonly Account[] {
    for (const account of this.#timetable.take(now)) this.#due.add(account)
    for (const account of this.#due) {
      if (this.dueAt(account) <= now) continue
      // A reservation or newer content has postponed the run.
      this.#due.delete(account)
      account.isClosed = false
      this.schedule(account)
    }
    return [...this.#due]
  }

  started(account: Account, run: Run, now: number): void {
    this.#due.delete(account)
    account.running = run
    account.isClosed = false
    account.asked = undefined
    account.demandedAt = undefined
    account.retryAt = Infinity
    account.lastStart = now
  }

  /** Time at which due() will next return another account. */
  get next(): number {
    return this.#timetable.next
  }

  get isAnyDue(): boolean {
    return this.#due.size > 0
  }
}
