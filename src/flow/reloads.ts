// The reload desk: knows every reload that is owed, runs each distinct command once for all that wait
// for it, and does not let go of one before it has succeeded. See invariant 5 in docs/architecture.md.
import type { CommandResult, Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { ok, type Result } from '../core/result.ts'
import { backoffDelay, type Backoff } from './backoff.ts'
import type { OwedJournal } from './owed.ts'

export interface ReloadDeskOptions {
  readonly journal: OwedJournal
  readonly emit: Emit
  /** Runs a command, for as many milliseconds at most; never rejects. */
  readonly run: (command: string, timeout: number) => Promise<CommandResult>
  /** The fault of a command that did not succeed; undefined for one that did. */
  readonly judge: (command: string, result: CommandResult) => Fault | undefined
  /** False in a onetime run: a reload that fails stays in the journal for the next run. */
  readonly retry: boolean
}

/** Distinct reload commands, and how long each may run, in milliseconds. */
export type Reloads = ReadonlyMap<string, number>

/** One distinct command, and the resources that owe its run. */
interface Account {
  readonly owers: Set<string>
  /** The longest that any of its owers gives it, in milliseconds. */
  timeout: number
  /** Work under way that may yet ask for this command; it is run once for all of them. */
  holds: number
  /** Asked for: to be run as soon as nothing is held any more, or the grace is over. */
  wanted: boolean
  running: boolean
  attempts: number
  timer: NodeJS.Timeout | undefined
}

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
    if (this.#owesAnything(resource) || this.#inherited.has(resource)) return
    await this.options.journal.settle([resource])
  }

  /** The swap is done: the reloads are due now. */
  request(resource: string, reloads: Reloads): void {
    for (const [command, timeout] of reloads) {
      const account = this.#account(command)
      account.timeout = account.owers.size === 0 ? timeout : Math.max(account.timeout, timeout)
      account.owers.add(resource)
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
      for (const name of account.owers) {
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
    const active = (account: Account): boolean => account.running || account.wanted
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
        owers: new Set(),
        timeout: 0,
        holds: 0,
        wanted: false,
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
    account.wanted = false
    if (account.owers.size === 0) return
    account.running = true
    void this.#run(command, account)
  }

  async #run(command: string, account: Account): Promise<void> {
    const { emit, run, judge, retry } = this.options
    const swaps = new Map([...account.owers].map((name) => [name, this.#swaps.get(name)]))
    const resources = [...swaps.keys()]
    emit({ kind: 'reload-started', resources, command })
    const result = await run(command, account.timeout)
    const fault = judge(command, result)
    account.attempts++
    if (fault === undefined) {
      account.attempts = 0
      emit({ kind: 'reloaded', resources, command, result })
      await this.#settle(account, swaps)
    } else {
      for (const name of account.owers) this.#failed.add(name)
      const again = retry && !this.#closing && account.owers.size > 0
      const retryIn = again ? backoffDelay(account.attempts, RETRY) : null
      const { attempts } = account
      emit({ kind: 'reload-owed', resources, command, result, fault, attempts, retryIn })
      if (retryIn !== null && !account.wanted) {
        account.timer = setTimeout(() => this.#start(command, account), retryIn)
      }
    }
    account.running = false
    if (account.wanted) this.#start(command, account)
    for (const wake of this.#waiters.splice(0)) wake()
  }

  async #settle(account: Account, swaps: ReadonlyMap<string, number | undefined>): Promise<void> {
    for (const [name, swap] of swaps) if (this.#swaps.get(name) === swap) account.owers.delete(name)
    const settled = [...swaps.keys()].filter((name) => !this.#owesAnything(name))
    for (const name of settled) this.#failed.delete(name)
    const written = await this.options.journal.settle(settled)
    if (!written.ok) {
      // Not fatal: the next start runs a reload too many rather than one too few.
      this.options.emit({ kind: 'notice', level: 'warn', message: written.error.message })
    }
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
