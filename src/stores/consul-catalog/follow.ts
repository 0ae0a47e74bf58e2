// Follows the catalog over few connections.
//
// Up to SLOTS services have a blocking query each: one change, one answer. Where there are more, and
// where Consul says that it is asked too much, three blocking queries tell that anything at all has
// changed in the datacenter; then every service is read again, few at a time. Either way what is read
// is compared, so that an answer without a change for us is no event.
import { once, setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Key } from '../../core/key.ts'
import type { StoreEvent } from '../../core/store.ts'
import { Crowded } from '../consul-http.ts'
import { isEmpty, type Changes } from '../difference.ts'
import { Inbox } from '../inbox.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { CatalogApi, Reading } from './api.ts'
import { serviceDir } from '../../core/catalog.ts'
import type { Scope } from './scope.ts'
import { Topic } from './topic.ts'

/** Queries that may block at the same time. An agent allows 200 connections for all on its machine. */
const SLOTS = 64
/** Queries of one reading of everything that are under way at the same time. */
const READERS = 16
/** With fewer than these, three that wait and one that reads, there is nothing to be had. */
const LEAST_SLOTS = 4

/** Readings of everything: this many in a row at once, then one in two seconds. */
const BURST = 5
const PER_SECOND = 0.5

/** Refusals in a row that are waited out. */
const PATIENCE = 6
/** Milliseconds, doubled each time, when Consul does not say how long; and at most, when it does. */
const PAUSE = 200
const LONGEST_PAUSE = 60_000

/** Yields one snapshot, then deltas. Ends by throwing only. */
export async function* follow(
  api: CatalogApi,
  scope: Scope,
  signal: AbortSignal,
): AsyncGenerator<StoreEvent, never> {
  const catalog = new Catalog(api, scope)
  let slots = SLOTS
  let refusals = 0
  let first = true
  for (;;) {
    signal.throwIfAborted()
    const phase = new AbortController()
    // One for each query that is under way.
    setMaxListeners(0, phase.signal)
    const abort = (): void => phase.abort(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    let pause = 0
    try {
      for await (const { put, del } of catalog.changes(slots, phase.signal)) {
        refusals = 0
        if (first) yield { kind: 'snapshot', entries: put, notices: scope.notices }
        else yield { kind: 'delta', put, del }
        first = false
      }
    } catch (error) {
      if (!(error instanceof Crowded) || ++refusals > PATIENCE) throw error
      slots = Math.max(LEAST_SLOTS, Math.floor(Math.min(slots, catalog.busiest) / 2))
      pause = Math.min(error.retryAfter ?? PAUSE * 2 ** refusals, LONGEST_PAUSE)
    } finally {
      signal.removeEventListener('abort', abort)
      phase.abort()
    }
    await delay(pause, undefined, { signal })
  }
}

class Catalog {
  /** How many queries have been under way at the same time since changes() began. */
  busiest = 0
  readonly #topics = new Map<string, Topic>()
  /** The list of services, where all are wanted. */
  readonly #names: Topic | undefined
  /** What has been read and not been told. */
  #pending: { put: Map<Key, string>; del: Set<Key> } = { put: new Map(), del: new Set() }
  readonly #pace = new TokenBucket(BURST, PER_SECOND)

  constructor(
    private readonly api: CatalogApi,
    private readonly scope: Scope,
  ) {
    this.#names = scope.allServices ? new Topic(api.names) : undefined
    if (scope.nodes) this.#topics.set('/nodes', new Topic(api.nodes, scope.wanted))
    for (const name of scope.services) this.#add(name)
  }

  /**
   * Everything that differs from what was told before, at once and even if nothing does; then changes
   * as they come. Returns when there have come to be more services than slots.
   */
  async *changes(slots: number, signal: AbortSignal): AsyncGenerator<Changes> {
    this.busiest = 0
    if (this.#names !== undefined) this.#takeNames(await this.#names.now(signal))
    if (this.#demand <= slots) {
      yield await this.#readAll(Math.min(READERS, slots), signal)
      yield* this.#each(slots, signal)
    } else {
      const bells = this.api.bells.map((question) => new Topic(question))
      const readers = Math.min(READERS, slots - bells.length)
      for (const bell of bells) bell.take(await bell.now(signal))
      yield await this.#readAll(readers, signal)
      yield* this.#whenItRings(bells, readers, signal)
    }
  }

  /** A blocking query for each. */
  async *#each(slots: number, signal: AbortSignal): AsyncGenerator<Changes> {
    this.busiest = this.#demand
    const inbox = new Inbox<readonly [Topic, Reading]>()
    const ask = (topic: Topic): void =>
      inbox.collect(topic.next(signal).then((reading) => [topic, reading] as const))
    const asked = new Set(this.#topics.values())
    if (this.#names !== undefined) asked.add(this.#names)
    asked.forEach(ask)
    // Without a single question nothing else would end the wait.
    if (asked.size === 0 && !signal.aborted) await once(signal, 'abort')
    while (!signal.aborted) {
      const [topic, reading] = await inbox.take()
      if (topic === this.#names) {
        this.#takeNames(reading)
        if (this.#demand > slots) return
        const present = new Set([topic, ...this.#topics.values()])
        for (const gone of asked) if (!present.has(gone)) asked.delete(gone)
        for (const one of present) {
          if (asked.has(one)) continue
          asked.add(one)
          ask(one)
        }
        this.busiest = Math.max(this.busiest, this.#demand)
      } else if (asked.has(topic)) {
        this.#note(topic.take(reading))
      }
      if (asked.has(topic)) ask(topic)
      if (!isEmpty(this.#pending)) yield this.#told()
    }
  }

  /** All of them again, whenever there is news of any. */
  async *#whenItRings(
    bells: readonly Topic[],
    readers: number,
    signal: AbortSignal,
  ): AsyncGenerator<Changes> {
    this.busiest = bells.length + readers
    const inbox = new Inbox<readonly [Topic, Reading, at: number]>()
    const listen = (bell: Topic): void =>
      inbox.collect(
        bell.next(signal).then((reading) => [bell, reading, performance.now()] as const),
      )
    bells.forEach(listen)
    let read = 0
    for (;;) {
      const [bell, reading, at] = await inbox.take()
      const isNews = bell.isNews(reading)
      bell.take(reading)
      // Armed before anything is read, so that what changes meanwhile rings again.
      listen(bell)
      // One change may ring several bells.
      if (!isNews || at < read) continue
      await this.#pace.take(signal)
      read = performance.now()
      // As the leader has it: another server may not yet know of what has rung, and would not ring again.
      if (this.#names !== undefined) this.#takeNames(await this.#names.now(signal, true))
      const changes = await this.#readAll(readers, signal, true)
      if (!isEmpty(changes)) yield changes
    }
  }

  /** Reads every topic, a few at a time. */
  async #readAll(readers: number, signal: AbortSignal, fresh = false): Promise<Changes> {
    this.busiest = Math.max(this.busiest, Math.min(readers, this.#topics.size))
    const queue = this.#topics.values()
    const reader = async (): Promise<void> => {
      for (const topic of queue) this.#note(topic.take(await topic.now(signal, fresh)))
    }
    await Promise.all(Array.from({ length: readers }, reader))
    return this.#told()
  }

  get #demand(): number {
    return this.#topics.size + (this.#names === undefined ? 0 : 1)
  }

  #takeNames(reading: Reading): void {
    const { put, del } = (this.#names as Topic).take(reading)
    for (const name of put.values()) this.#add(name)
    for (const dir of del) {
      const topic = this.#topics.get(dir)
      this.#topics.delete(dir)
      this.#note({ put: new Map(), del: new Set(topic?.held.keys()) })
    }
  }

  #add(name: string): void {
    const dir = serviceDir(name)
    if (!this.#topics.has(dir)) {
      this.#topics.set(dir, new Topic(this.api.instances(name), this.scope.wanted))
    }
  }

  #note({ put, del }: Changes): void {
    for (const key of del) {
      this.#pending.put.delete(key)
      this.#pending.del.add(key)
    }
    for (const [key, value] of put) {
      this.#pending.del.delete(key)
      this.#pending.put.set(key, value)
    }
  }

  #told(): Changes {
    const changes = this.#pending
    this.#pending = { put: new Map(), del: new Set() }
    return changes
  }
}
