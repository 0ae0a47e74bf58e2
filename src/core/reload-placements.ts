// Tracks the current placements, and those that must wait for a run. Part of the reload protocol; pure.
import type { Account, Accounts } from './reload-accounts.ts'
import type { Proofs } from './reload-proofs.ts'
import type { Placement } from './reload-run.ts'
import { isJudged } from './reload.ts'

/** A current placement. */
interface CurrentPlacement {
  /** The accounts that the placement affects. */
  readonly accounts: Set<Account>
  /** Whether a run of one of these accounts was in progress when the placement began. */
  readonly overlapsRun: boolean
}

/** A placement that must wait. */
interface Queued {
  readonly placement: Placement
  readonly since: number
}

/** Milliseconds after which a queued placement goes before all further runs. */
const QUEUE_MOST = 10_000

export class Placements {
  /** In order of request. */
  #queue: Queued[] = []
  readonly #underway = new Map<Placement, CurrentPlacement>()

  constructor(
    private readonly accounts: Accounts,
    private readonly proofs: Proofs,
  ) {}

  /** Requests a placement. Returns true if it begins now; otherwise it is queued, and admit() begins it. */
  request(placement: Placement, now: number): boolean {
    const queued = { placement, since: now }
    if (this.#mayBegin(queued, now)) {
      this.#begin(placement)
      return true
    }
    this.#queue.push(queued)
    return false
  }

  /** Begins and returns the queued placements that no longer have to wait. */
  admit(now: number): readonly Placement[] {
    const admitted: Placement[] = []
    this.#queue = this.#queue.filter((queued) => {
      if (!this.#mayBegin(queued, now)) return true
      this.#begin(queued.placement)
      admitted.push(queued.placement)
      return false
    })
    return admitted
  }

  /** Ends a placement. Returns true if a run that was in progress when the placement began may have read its files. */
  end(placement: Placement): boolean {
    const underway = this.#underway.get(placement)
    this.#underway.delete(placement)
    for (const account of underway?.accounts ?? []) account.underway--
    return underway?.overlapsRun === true
  }

  /** Call when a resource begins to owe a run of this account. Its current placements then affect the account too. */
  join(account: Account, resource: string): void {
    for (const [{ resources }, { accounts }] of this.#underway) {
      if (!resources.includes(resource) || accounts.has(account)) continue
      accounts.add(account)
      account.underway++
    }
  }

  get isAnyUnderway(): boolean {
    return this.#underway.size > 0
  }

  /** Whether a current placement has recorded debts of this resource. */
  isPlacing(resource: string): boolean {
    return [...this.#underway.keys()].some(({ owing }) => owing.has(resource))
  }

  /** Whether a placement has waited so long that it goes before further runs of this account. */
  isPreceding(account: Account, now: number): boolean {
    return this.#queue.some(
      (queued) => isAged(queued, now) && this.#concerned(queued.placement).has(account),
    )
  }

  /**
   * Returns the time after `now` at which the next queued placement will have waited so long that it goes before
   * further runs; Infinity if no placement will.
   */
  nextPreceding(now: number): number {
    return this.#queue.map(({ since }) => since + QUEUE_MOST).find((at) => at > now) ?? Infinity
  }

  #mayBegin(queued: Queued, now: number): boolean {
    const { placement } = queued
    for (const { isClosed, running } of this.#concerned(placement)) {
      if (isClosed && !isAged(queued, now)) return false
      if (running === undefined) continue
      // R4: the verdict of a run that may lead to a rollback must be about the files that the run has read.
      if (placement.isChecked || isJudged(running.terms)) return false
    }
    return !(
      placement.isJudged && placement.resources.some((resource) => this.proofs.isRead(resource))
    )
  }

  #begin(placement: Placement): void {
    const accounts = this.#concerned(placement)
    for (const account of accounts) account.underway++
    const overlapsRun = [...accounts].some(({ running }) => running !== undefined)
    this.#underway.set(placement, { accounts, overlapsRun })
  }

  /** Returns the accounts that a placement affects: those of commands that its resources will owe or already owe. */
  #concerned({ resources, owing }: Placement): Set<Account> {
    const accounts = new Set<Account>()
    for (const reloads of owing.values()) {
      for (const command of reloads.keys()) accounts.add(this.accounts.get(command))
    }
    for (const resource of resources) {
      for (const account of this.accounts.owedBy(resource)) accounts.add(account)
    }
    return accounts
  }
}

const isAged = ({ since }: Queued, now: number): boolean => now - since >= QUEUE_MOST
