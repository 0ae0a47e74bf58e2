// The reload desk: knows every reload that is owed, runs each distinct command once for all that wait
// for it, and does not let go of one before it has succeeded. See invariant 5 in docs/architecture.md.
import { warnIfFailed, type CommandResult, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { mergeTerms, type Reloads, type ReloadTerms } from '../core/reload.ts'
import { ok, type Result } from '../core/result.ts'
import { backoffDelay, type Backoff } from '../core/backoff.ts'
import type { OwedJournal } from '../state/journal.ts'

export interface ReloadDeskOptions {
  readonly journal: OwedJournal
  readonly emit: Emit
  /** Runs a command and what verifies it; never rejects. */
  readonly run: (command: string, terms: ReloadTerms) => Promise<ReloadRun>
  /**
   * Brings back the files that these resources had before and asks for their reloads. False when
   * there is nothing to bring back.
   */
  readonly giveUp: (resources: readonly string[]) => Promise<boolean>
  /** A reload begins for what these have in place now. */
  readonly began: (resources: readonly string[]) => void
  /** With what they had in place then, all reloads of these have succeeded. */
  readonly proved: (resources: readonly string[]) => Promise<void>
  /**
   * False in a onetime run: a reload that fails stays in the journal for the next run, and none
   * waits for its pace.
   */
  readonly retry: boolean
}

export interface ReloadRun {
  readonly result: CommandResult
  /** Absent when it succeeded. */
  readonly fault?: Fault
}

/** One distinct command, and the resources that owe its run. */
interface Account {
  readonly owers: Map<string, ReloadTerms>
  /** Work under way that may yet ask for this command; it is run once for all of them. */
  holds: number
  /** Asked for: to be run as soon as nothing is held any more, or the grace is over. */
  wanted: boolean
  /** It waits for its pace (minInterval, splay), as written down in the journal. */
  delayed: boolean
  /** Not before this time of a monotonic clock. */
  notBefore: number
  lastStart: number
  running: boolean
  attempts: number
  timer: NodeJS.Timeout | undefined
}

/** What was in place when a run began: the number of each ower's newest swap. */
type Swaps = ReadonlyMap<string, number | undefined>

const RETRY: Backoff = { first: 1000, most: 60_000 }

/**
 * How long a reload waits for the other resources of its batch, in milliseconds. A resource whose
 * check hangs must not keep the others from being reloaded: it gets a reload of its own later.
 */
const HOLD_GRACE = 1000

export class ReloadDesk {
  readonly #accounts = new Map<string, Account>()
  /** Counts a resource's swaps, so that a reload that began before the newest one does not settle it. */
  readonly #swaps = new Map<string, number>()
  readonly #waiters: (() => void)[] = []
  /** What an earlier life of the program owed and this one has not taken up yet. */
  readonly #inherited: Set<string>
  #closing = false
  #failed = new Set<string>()

  constructor(private readonly options: ReloadDeskOptions) {
    this.#inherited = new Set(options.journal.all().keys())
  }

  /** Work begins that may end in these reloads. Each call is paired with one release(). */
  hold(reloads: Reloads): void {
    for (const command of reloads.keys()) this.#account(command).holds++
  }

  release(reloads: Reloads): void {
    for (const command of reloads.keys()) {
      const account = this.#account(command)
      account.holds--
      this.#proceed(command, account)
    }
  }

  /** To be called before a swap: writes down, synced, that these reloads will be due. */
  async owe(resource: string, reloads: Reloads): Promise<Result<void, Fault>> {
    this.#swaps.set(resource, (this.#swaps.get(resource) ?? 0) + 1)
    if (reloads.size === 0) return ok(undefined)
    const known = this.options.journal.all().get(resource)
    const entry = {
      resource,
      since: known?.since ?? Date.now(),
      attempts: known?.attempts ?? 0,
      commands: [...reloads.keys()],
    }
    return this.options.journal.owe([entry])
  }

  /** The swap that owe() announced did not happen. */
  async withdraw(resource: string): Promise<void> {
    if (this.owes(resource)) return
    await this.options.journal.settle([resource])
  }

  /** Whether a resource owes a reload, one from an earlier life included. */
  owes(resource: string): boolean {
    return this.#inherited.has(resource) || this.#owesAnything(resource)
  }

  /** The number of a resource's newest swap. */
  swapOf(resource: string): number {
    return this.#swaps.get(resource) ?? 0
  }

  /** The swap is done: the reloads are due now. */
  request(resource: string, reloads: Reloads): void {
    for (const [command, terms] of reloads) {
      const account = this.#account(command)
      account.owers.set(resource, terms)
      if (!account.wanted) account.notBefore = performance.now() + Math.random() * terms.splay
      account.wanted = true
      account.attempts = 0
      clearTimeout(account.timer)
      account.timer = setTimeout(() => this.#start(command, account), HOLD_GRACE)
      this.#proceed(command, account)
    }
  }

  /**
   * Takes up what is owed from before: from an earlier life, or by a command that has become another
   * one since. Of `reloads`, all that the resource has now, it is not known which would be enough.
   */
  recover(resource: string, reloads: Reloads): void {
    const replaced = this.#dropOthers(resource, reloads)
    if (!this.#inherited.delete(resource) && !replaced) return
    if (reloads.size > 0) this.request(resource, reloads)
    // Its reload command is gone from the configuration: there is nothing left to run.
    else void this.options.journal.settle([resource])
  }

  /**
   * Of the resources, only these are left in conf.d. What the others owe is not tried any more, but
   * stays in the journal, should they come back.
   */
  retain(resources: ReadonlySet<string>): void {
    for (const account of this.#accounts.values()) {
      for (const name of account.owers.keys()) {
        if (resources.has(name)) continue
        account.owers.delete(name)
        this.#inherited.add(name)
        this.#failed.delete(name)
        const message = `${name} is gone from conf.d: the reload that it owes is not tried any more`
        this.options.emit({ kind: 'notice', level: 'warn', message })
      }
      if (account.owers.size === 0) this.#forget(account)
    }
  }

  /** Resolves when nothing runs or is about to; what waits for a retry does not count. */
  async idle(): Promise<void> {
    const active = ({ running, wanted, delayed }: Account): boolean =>
      running || (wanted && !delayed)
    while ([...this.#accounts.values()].some(active)) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  /** The resources whose reload has failed and not yet succeeded. */
  get failed(): ReadonlySet<string> {
    return this.#failed
  }

  /** No more retries; what is owed stays in the journal. Ends when the running reloads have ended. */
  async close(): Promise<void> {
    this.#closing = true
    await this.idle()
    for (const account of this.#accounts.values()) clearTimeout(account.timer)
  }

  #account(command: string): Account {
    let account = this.#accounts.get(command)
    if (account === undefined) {
      account = {
        owers: new Map(),
        holds: 0,
        wanted: false,
        delayed: false,
        notBefore: -Infinity,
        lastStart: -Infinity,
        running: false,
        attempts: 0,
        timer: undefined,
      }
      this.#accounts.set(command, account)
    }
    return account
  }

  #proceed(command: string, account: Account): void {
    if (account.wanted && account.holds === 0) this.#start(command, account)
  }

  #start(command: string, account: Account): void {
    // One run at a time; what was asked for meanwhile follows as soon as this one has ended.
    if (account.running) return
    clearTimeout(account.timer)
    const wait = this.#paceOf(account)
    account.delayed = wait > 0
    if (account.delayed) {
      if (!this.#closing) account.timer = setTimeout(() => this.#start(command, account), wait)
      this.#wake()
      return
    }
    account.wanted = false
    if (account.owers.size === 0) return
    account.running = true
    account.lastStart = performance.now()
    void this.#run(command, account)
  }

  /** How long it has to wait yet, in milliseconds. */
  #paceOf({ owers, lastStart, notBefore }: Account): number {
    if (!this.options.retry || owers.size === 0) return 0
    const { minInterval } = mergeTerms(owers.values())
    return Math.max(notBefore, lastStart + minInterval) - performance.now()
  }

  async #run(command: string, account: Account): Promise<void> {
    const { emit, run } = this.options
    const swaps = new Map([...account.owers.keys()].map((name) => [name, this.#swaps.get(name)]))
    const resources = [...swaps.keys()]
    emit({ kind: 'reload-started', resources, command })
    this.options.began(resources)
    const { result, fault } = await run(command, mergeTerms(account.owers.values()))
    account.attempts++
    if (fault === undefined) {
      account.attempts = 0
      emit({ kind: 'reloaded', resources, command, result })
      await this.#settle(account, swaps)
    }
    const waits =
      fault !== undefined && (await this.#fail(command, account, { result, fault }, swaps))
    account.running = false
    if (account.wanted && !waits) this.#start(command, account)
    this.#wake()
  }

  /** True when the next try is set for later. */
  async #fail(
    command: string,
    account: Account,
    run: Required<ReloadRun>,
    swaps: Swaps,
  ): Promise<boolean> {
    const { attempts, owers } = account
    for (const name of owers.keys()) this.#failed.add(name)
    // Those that were swapped meanwhile have another content, which is tried first.
    const tired = [...owers].filter(
      ([name, terms]) =>
        attempts >= (terms.attempts ?? Infinity) && this.#swaps.get(name) === swaps.get(name),
    )
    const again = !this.#closing && owers.size > 0
    const willRetry = again && (this.options.retry || this.#willGiveUp(account))
    let retryIn = willRetry && tired.length === 0 ? backoffDelay(attempts, RETRY) : null
    const resources = [...swaps.keys()]
    this.options.emit({ kind: 'reload-owed', resources, command, ...run, attempts, retryIn })
    if (again && tired.length > 0) {
      const restored = await this.options.giveUp(tired.map(([name]) => name))
      if (!restored) {
        for (const [name, terms] of tired) owers.set(name, { ...terms, attempts: undefined })
        if (this.options.retry) retryIn = backoffDelay(attempts, RETRY)
      }
    }
    if (retryIn === null || account.wanted) return false
    // A onetime run stays for this: it does not end before the files that work are back.
    account.wanted = !this.options.retry
    account.timer = setTimeout(() => this.#start(command, account), retryIn)
    return true
  }

  #willGiveUp({ owers }: Account): boolean {
    return [...owers.values()].some(({ attempts }) => attempts !== undefined)
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }

  async #settle(account: Account, swaps: Swaps): Promise<void> {
    const others = (name: string): boolean =>
      [...this.#accounts.values()].some((other) => other !== account && other.owers.has(name))
    await this.options.proved([...swaps.keys()].filter((name) => !others(name)))
    for (const [name, swap] of swaps) if (this.#swaps.get(name) === swap) account.owers.delete(name)
    const settled = [...swaps.keys()].filter((name) => !this.#owesAnything(name))
    for (const name of settled) this.#failed.delete(name)
    // Not fatal: the next start runs a reload too many rather than one too few.
    warnIfFailed(this.options.emit, await this.options.journal.settle(settled))
  }

  /** Forgets what a resource owes by commands that it no longer has; true when there was something. */
  #dropOthers(resource: string, reloads: Reloads): boolean {
    let dropped = false
    for (const [command, account] of this.#accounts) {
      if (reloads.has(command) || !account.owers.delete(resource)) continue
      dropped = true
      if (account.owers.size === 0) this.#forget(account)
    }
    return dropped
  }

  /** Nobody owes it any more. */
  #forget(account: Account): void {
    clearTimeout(account.timer)
    account.wanted = false
  }

  #owesAnything(resource: string): boolean {
    return [...this.#accounts.values()].some((account) => account.owers.has(resource))
  }
}
