// Keeps a store in the wanted state. One level-triggered loop compares the wanted entries with those in the store
// (reconcile.ts) and writes the difference. When a connection breaks, the loop connects to the next node, with backoff,
// and compares everything again.
import { backoffDelay, type Backoff } from '../core/backoff.ts'
import { FaultError, type Fault } from '../core/fault.ts'
import { Wakeup } from './wakeup.ts'
import type { EmitRegister } from './event.ts'
import { forRegister } from './hints.ts'
import { stepsFor, type RefusedText, type Steps } from './reconcile.ts'
import {
  Lost,
  type RegistryEntry,
  type Registry,
  type RegistrySession,
} from './registries/registry.ts'

export interface KeeperOptions {
  readonly emit: EmitRegister
  /** Milliseconds between renewals. */
  readonly refresh: number
  /** Milliseconds between full reads of the store; 0 means never. */
  readonly resync: number
  /** Maximum number of retries of the first connection; absent if there is no limit. */
  readonly attempts?: number
  /** Milliseconds between these retries. */
  readonly pause?: number
}

/** Short delays, so that a recovered store is noticed within a second. */
const BACKOFF: Backoff = { first: 100, most: 700 }
/** Delays for faults that need an operator, such as wrong credentials. */
const BACKOFF_PERMANENT: Backoff = { first: 500, most: 5_000 }
/** Minimum milliseconds between full reads. */
const READ_INTERVAL = 250
/** Maximum number of entries written or removed in one step, so that a renewal is not delayed for long. */
const BATCH = 100
/** Milliseconds until an entry with another owner is retried. */
const RETRY_TAKEN = 1_000
/** Delays between attempts to write an entry that was refused for another reason. */
const RETRY_REFUSED: Backoff = { first: 5_000, most: 60_000 }

interface RefusedEntry extends RefusedText {
  readonly fault: Fault
  readonly tries: number
}

/** The wanted state of the store. */
export interface WantedState {
  readonly entries: ReadonlyMap<string, RegistryEntry>
  /** Keys of services whose health is unknown: existing entries stay, and missing ones are not written. */
  readonly undecided: ReadonlySet<string>
  /** False until every source has reported; until then nothing is removed. */
  readonly complete: boolean
}

/** The state of our entries in the store. */
export interface RegistryState {
  readonly live: boolean
  readonly present: ReadonlyMap<string, string>
  readonly refused: ReadonlyMap<string, RefusedEntry>
}

export class RegistryKeeper {
  #wants: WantedState | undefined
  #texts: ReadonlyMap<string, string> = new Map()
  #present = new Map<string, string>()
  readonly #refused = new Map<string, RefusedEntry>()
  readonly #wakeup = new Wakeup()
  /** The current connection, once the store has answered. */
  #session: RegistrySession | undefined
  /** When the store first answered on the newest connection, in milliseconds of `performance.now()`. */
  #liveSince: number | undefined
  readonly #abort = new AbortController()
  /**
   * Closes the current connection. Each connection has its own controller, so that no request outlives its connection.
   */
  #leaving = new AbortController()
  #settled: (() => void)[] = []
  #readAt = -Infinity
  #resyncAt = Infinity

  constructor(
    private readonly registry: Registry,
    private readonly options: KeeperOptions,
  ) {}

  /** Replaces the wanted state. Nothing is written or renewed before the first call. */
  want(wants: WantedState): void {
    this.#wants = wants
    this.#texts = new Map([...wants.entries].map(([key, { text }]) => [key, text]))
    this.#wakeup.ring()
  }

  get kept(): RegistryState {
    return { live: this.#session !== undefined, present: this.#present, refused: this.#refused }
  }

  /** Schedules a full read, because another client may have changed our entries. */
  #resync(): void {
    this.#resyncAt = Math.min(this.#resyncAt, this.#readAt + READ_INTERVAL)
    this.#wakeup.ring()
  }

  /**
   * Waits until the store contains the wanted entries, except refused ones. Does not wait if the store is unreachable.
   * @param ms maximum wait in milliseconds
   * @returns whether the store contains the wanted entries
   */
  async settled(ms: number): Promise<boolean> {
    if (this.#session === undefined) return false
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, ms, false)))
    const done = new Promise<true>((resolve) => this.#settled.push(() => resolve(true)))
    this.#wakeup.ring()
    const result = await Promise.race([done, late])
    clearTimeout(timer)
    return result
  }

  /**
   * Ends the loop once the store contains the wanted entries, or immediately if the store is unreachable. The remaining
   * entries stay for their TTL. If no entry remains, the lease or session ends too.
   * @param ms maximum wait in milliseconds
   */
  async stop(ms: number): Promise<void> {
    const settled = await this.settled(ms)
    const session = this.#session
    if (settled && session !== undefined && this.#present.size === 0) {
      await within(
        ms,
        session.end().catch(() => undefined),
      )
    }
    this.#abort.abort()
    this.#leaving.abort()
    this.#wakeup.ring()
  }

  /**
   * Resolves after stop(), or with a fault when all attempts to connect for the first time have failed.
   * @throws only if there is a bug
   */
  async run(): Promise<Fault | undefined> {
    const { signal } = this.#abort
    while (this.#wants === undefined && !signal.aborted) await this.#wakeup.wait(Infinity)
    const { registry, options } = this
    let failures = 0
    let turn = 0
    let hasLived = false
    while (!signal.aborted) {
      const node = registry.nodes[turn % registry.nodes.length] as string
      this.#liveSince = undefined
      let fault: Fault
      try {
        await this.#visit(node)
        return undefined
      } catch (error) {
        if (signal.aborted) return undefined
        hasLived ||= this.#liveSince !== undefined
        // If the connection was stable, the backoff starts again.
        if (performance.now() - (this.#liveSince ?? Infinity) > BACKOFF.most) failures = 0
        failures++
        if (error instanceof Lost && failures === 1) {
          options.emit({ kind: 'lost', store: registry.product, what: error.what })
          continue
        }
        fault = faultOf(error, registry.product, node)
      }
      turn++
      const { attempts = Infinity, pause } = options
      if (!hasLived && attempts >= 0 && failures > attempts) return fault
      const retryIn =
        !hasLived && pause !== undefined
          ? pause
          : delayAfter(failures, registry.nodes.length, fault.permanent === true)
      options.emit({ kind: 'store-away', store: registry.product, node, fault, retryIn })
      await this.#pause(retryIn)
    }
    return undefined
  }

  async #pause(ms: number): Promise<void> {
    const until = performance.now() + ms
    // A change to the wanted state must not shorten the pause.
    for (let left = ms; left > 0 && !this.#abort.signal.aborted;) {
      await this.#wakeup.wait(left)
      left = until - performance.now()
    }
  }

  /** The lifetime of one connection. Returns after stop(). */
  async #visit(node: string): Promise<void> {
    const leaving = (this.#leaving = new AbortController())
    try {
      const session = await this.registry.open(node, leaving.signal, () => this.#resync())
      await this.#keep(session, node).finally(() => session.close().catch(() => undefined))
    } finally {
      this.#session = undefined
      leaving.abort()
    }
  }

  async #keep(session: RegistrySession, node: string): Promise<void> {
    const { registry, options } = this
    const { signal } = this.#abort
    let broke: Error | undefined
    session.broken?.catch((error: Error) => {
      broke = error
      this.#wakeup.ring()
    })
    const first = await this.#read(session)
    this.#session = session
    this.#liveSince = performance.now()
    options.emit({ kind: 'store-live', store: registry.product, node, ours: first })
    // Renews the entries immediately, because their TTLs kept running while the store was unreachable.
    let renewAt = 0
    while (!signal.aborted) {
      const now = performance.now()
      if (now >= renewAt) {
        for (const key of await session.renew([...this.#present.keys()])) this.#present.delete(key)
        options.emit({ kind: 'renewed', entries: this.#present.size })
        renewAt = now + options.refresh
      }
      if (now >= this.#resyncAt) await this.#read(session)
      const { put, remove } = this.#due()
      if (put.length > 0) {
        await this.#put(session, put.slice(0, BATCH))
        continue
      }
      if (remove.length > 0) {
        await this.#remove(session, remove.slice(0, BATCH))
        continue
      }
      for (const settled of this.#settled.splice(0)) settled()
      const retryAt = Math.min(...[...this.#refused.values()].map(({ until }) => until))
      const next = Math.min(renewAt, this.#resyncAt, retryAt) - performance.now()
      await this.#wakeup.wait(next)
      if (broke !== undefined) throw broke
    }
  }

  async #read(session: RegistrySession): Promise<number> {
    const { resync } = this.options
    this.#present = new Map(await session.present([...this.#texts.keys()]))
    this.#readAt = performance.now()
    this.#resyncAt = resync === 0 ? Infinity : performance.now() + resync
    return this.#present.size
  }

  #due(): Steps {
    for (const [key, { text }] of this.#refused) {
      if (this.#texts.get(key) !== text) this.#refused.delete(key)
    }
    const { undecided = new Set<string>(), complete = false } = this.#wants ?? {}
    const situation = {
      wanted: this.#texts,
      undecided,
      complete,
      present: this.#present,
      refused: this.#refused,
    }
    return stepsFor(situation, performance.now())
  }

  async #remove(session: RegistrySession, keys: readonly string[]): Promise<void> {
    await session.remove(keys)
    for (const key of keys) {
      this.#present.delete(key)
      this.options.emit({ kind: 'deregistered', key })
    }
  }

  async #put(session: RegistrySession, keys: readonly string[]): Promise<void> {
    const { emit } = this.options
    const entries = keys.map((key) => this.#wants?.entries.get(key) as RegistryEntry)
    const refused = await session.put(entries)
    for (const { key, text, service } of entries) {
      const refusal = refused.get(key)
      const before = this.#refused.get(key)
      if (refusal === undefined) {
        emit({ kind: 'registered', service, key, changed: this.#present.has(key) })
        this.#present.set(key, text)
        this.#refused.delete(key)
        continue
      }
      const { fault, taken } = refusal
      const tries = (before?.tries ?? 0) + 1
      const backoff = fault.permanent === true ? BACKOFF_PERMANENT : RETRY_REFUSED
      const delay = taken === true ? RETRY_TAKEN : backoffDelay(tries, backoff)
      this.#refused.set(key, { text, fault, tries, until: performance.now() + delay })
      if (before?.fault.message !== fault.message) emit({ kind: 'refused', service, key, fault })
    }
  }
}

/** Returns the milliseconds until the next attempt: 0 until all nodes have been tried once. */
function delayAfter(failures: number, nodes: number, permanent: boolean): number {
  const rounds = Math.floor(failures / nodes)
  return rounds === 0 ? 0 : backoffDelay(rounds, permanent ? BACKOFF_PERMANENT : BACKOFF)
}

function faultOf(error: unknown, product: string, node: string): Fault {
  if (error instanceof FaultError) return forRegister(error.fault, '-to')
  if (!(error instanceof Lost)) throw error
  return { kind: 'store', message: `${product} at ${node}: ${error.message} repeatedly` }
}

async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([promise, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
