// The accounts of the reload protocol: one for each distinct command, with those who owe a run of it, and when
// that run is due. Pure; the rules are in reload-protocol.ts.
import type { Run } from './reload-run.ts'
import type { ReloadTerms } from './reload.ts'
import { Timetable } from './timetable.ts'

export interface Debt {
  terms: ReloadTerms
  number: number
  /** Runs that read the newest placement and failed. */
  failures: number
}

/** One distinct command and those who owe a run of it. */
export interface Account {
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
  /** No run begins, whatever is owed. */
  isSuspended: boolean
  /** When somebody asked for a run that begins whether or not anything is owed. */
  demandedAt: number | undefined
  /** A run is due and waits for placements under way: no further placement of its owers begins. */
  isClosed: boolean
}

/**
 * How long a run waits for the rest of its batch after the last placement, in milliseconds. A unit whose
 * check hangs must not keep the others from being reloaded; it gets a run of its own later.
 */
const HOLD_GRACE = 1000
/** The longest that a run waits for its batch in all, in milliseconds. */
const HOLD_MOST = 10_000
export class Accounts {
  readonly #accounts = new Map<string, Account>()
  readonly #owedBy = new Map<string, Set<Account>>()
  readonly #timetable = new Timetable<Account>()
  /** Those whose run is due and could not start yet. */
  readonly #due = new Set<Account>()

  /** @param isPaced false: nothing waits for its interval or its splay */
  constructor(private readonly isPaced: boolean) {}

  /** The account of a command. */
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

  /** Those that a resource owes something. */
  owedBy(resource: string): ReadonlySet<Account> {
    return this.#owedBy.get(resource) ?? new Set()
  }

  /** The resources that owe something. */
  owers(): readonly string[] {
    return [...this.#owedBy.keys()]
  }

  add(account: Account, resource: string, debt: Debt): void {
    account.debts.set(resource, debt)
    const accounts = this.#owedBy.get(resource)
    if (accounts === undefined) this.#owedBy.set(resource, new Set([account]))
    else accounts.add(account)
  }

  /** A resource owes this command no more. */
  strike(account: Account, resource: string): void {
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

  /** To be called whenever something has changed that dueAt() depends on. */
  schedule(account: Account): void {
    if (!this.#due.has(account)) this.#timetable.set(account, this.dueAt(account))
  }

  /** When the run of an account may start; Infinity when none is wanted. */
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

  /** The accounts whose run is due by now; each stays due until started() or strike() is called for it. */
  due(now: number): readonly Account[] {
    for (const account of this.#timetable.take(now)) this.#due.add(account)
    for (const account of this.#due) {
      if (this.dueAt(account) <= now) continue
      // A hold or a newer content has put it off.
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

  /** When due() will next return something that it does not return now. */
  get next(): number {
    return this.#timetable.next
  }

  get isAnyDue(): boolean {
    return this.#due.size > 0
  }
}
