// What is wanted of the catalog, followed over few connections.
//
// As long as there are no more services than slots each has a blocking query: one change, one answer.
// Where there are more, three blocking queries tell that anything at all has changed in the datacenter;
// then every service is read again, few at a time. Either way what is read is compared, so that an
// answer without a change for us is no event. When something else comes to be wanted, nothing is told
// before all of that has been read.
import { serviceDir, nameOfPart } from '../../core/catalog.ts'
import { nothing, type Extent } from '../../core/extent.ts'
import type { Key } from '../../core/key.ts'
import type { Demand } from '../../core/store.ts'
import { isEmpty, type Changes } from '../difference.ts'
import { Inbox } from '../inbox.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { Ask, CatalogApi, Reading } from './api.ts'
import { partsOf } from './scope.ts'
import { Topic } from './topic.ts'

/** Queries of one reading of everything that are under way at the same time. */
const READERS = 16

/** Readings of everything: this many in a row at once, then one in two seconds. */
const BURST = 5
const PER_SECOND = 0.5

/** The topic of the list of services. */
const LIST: Key = '/services'

export interface News extends Changes {
  /** Of the keys, from now on. */
  readonly known: Extent
}

export class Catalog {
  /** How many queries have been under way at the same time since changes() began. */
  busiest = 0
  #wanted: Extent = nothing
  /** As it was told last. */
  #known: Extent | undefined
  /** By the directory that each is about. */
  readonly #topics = new Map<Key, Topic>()
  /** What has been read and not been told. */
  #pending: { put: Map<Key, string>; del: Set<Key> } = { put: new Map(), del: new Set() }
  readonly #pace = new TokenBucket(BURST, PER_SECOND)

  /** @param isSeen which keys are of interest to anybody */
  constructor(
    private readonly api: CatalogApi,
    private readonly demand: Demand,
    private readonly isSeen: (key: Key) => boolean,
  ) {}

  /**
   * Everything that differs from what was told before, at once and even if nothing does; then changes
   * as they come. Returns when there have come to be more services than slots, or far fewer.
   */
  async *changes(slots: number, signal: AbortSignal): AsyncGenerator<News> {
    this.busiest = 0
    this.#fit()
    if (this.#topics.size === 0) await this.api.reach(signal)
    await this.#readList(signal)
    if (this.#topics.size <= slots) {
      await this.#readAll(Math.min(READERS, slots), signal)
      yield this.#news()
      yield* this.#each(slots, signal)
    } else {
      const bells = this.api.bells.map((question) => new Topic(question))
      const readers = Math.min(READERS, slots - bells.length)
      for (const bell of bells) bell.take(await bell.now(signal))
      await this.#readAll(readers, signal)
      yield this.#news()
      yield* this.#whenItRings(bells, readers, slots, signal)
    }
  }

  /** A blocking query for each. */
  async *#each(slots: number, signal: AbortSignal): AsyncGenerator<News> {
    const inbox = new Inbox<readonly [Topic, Reading] | undefined>()
    /** Let go by itself when nobody wants it any more, so that it does not keep its connection. */
    const asked = new Map<Topic, AbortController>()
    const ask = (topic: Topic): void => {
      const own = new AbortController()
      asked.set(topic, own)
      const reading = topic.next(own.signal).then((answer) => [topic, answer] as const)
      inbox.collect(
        reading.catch((error: unknown) => {
          if (!own.signal.aborted) throw error
          return undefined
        }),
      )
    }
    const fitQueries = (): void => {
      const present = new Set(this.#topics.values())
      for (const [topic, own] of asked) {
        if (present.has(topic)) continue
        asked.delete(topic)
        own.abort()
      }
      for (const topic of present) if (!asked.has(topic)) ask(topic)
      this.busiest = Math.max(this.busiest, asked.size)
    }
    const hear = (): void =>
      inbox.collect(this.demand.other(this.#wanted, signal).then(() => undefined))
    try {
      hear()
      fitQueries()
      for (;;) {
        const answer = await inbox.take()
        if (answer !== undefined) {
          const [topic, reading] = answer
          if (!asked.delete(topic)) continue
          this.#take(topic, reading)
        } else if (this.demand.now !== this.#wanted) {
          this.#fit()
          hear()
        }
        if (this.#topics.size > slots) return
        fitQueries()
        if (this.#hasNews) yield this.#news()
      }
    } finally {
      for (const own of asked.values()) own.abort()
    }
  }

  /** All of them again, whenever there is news of any. */
  async *#whenItRings(
    bells: readonly Topic[],
    readers: number,
    slots: number,
    signal: AbortSignal,
  ): AsyncGenerator<News> {
    this.busiest = bells.length + readers
    const inbox = new Inbox<readonly [Topic, Reading, at: number] | undefined>()
    const listen = (bell: Topic): void =>
      inbox.collect(
        bell.next(signal).then((reading) => [bell, reading, performance.now()] as const),
      )
    const hear = (): void =>
      inbox.collect(this.demand.other(this.#wanted, signal).then(() => undefined))
    hear()
    bells.forEach(listen)
    let read = 0
    for (;;) {
      const rung = await inbox.take()
      if (rung === undefined) {
        this.#fit()
        hear()
        // Not as soon as they would fit: that would be to and fro where there are just about so many.
        if (this.#topics.size <= slots / 2) return
        await this.#readList(signal, true)
        await this.#readAll(readers, signal, true, (topic) => !topic.isRead)
      } else {
        const [bell, reading, at] = rung
        const isNews = bell.isNews(reading)
        bell.take(reading)
        // Armed before anything is read, so that what changes meanwhile rings again.
        listen(bell)
        // One change may ring several bells.
        if (!isNews || at < read) continue
        await this.#pace.take(signal)
        read = performance.now()
        // As the leader has it: another server may not yet know of what has rung, and would not ring again.
        await this.#readList(signal, true)
        await this.#readAll(readers, signal, true)
      }
      if (this.#hasNews) yield this.#news()
    }
  }

  async #readList(signal: AbortSignal, fresh = false): Promise<void> {
    const list = this.#topics.get(LIST)
    if (list !== undefined) this.#take(list, await list.now(signal, fresh))
  }

  /** Reads every topic but the list, a few at a time. */
  async #readAll(
    readers: number,
    signal: AbortSignal,
    fresh = false,
    isDue: (topic: Topic) => boolean = () => true,
  ): Promise<void> {
    const list = this.#topics.get(LIST)
    const due = [...this.#topics.values()].filter((topic) => topic !== list && isDue(topic))
    this.busiest = Math.max(this.busiest, Math.min(readers, due.length))
    const queue = due.values()
    const reader = async (): Promise<void> => {
      for (const topic of queue) this.#take(topic, await topic.now(signal, fresh))
    }
    await Promise.all(Array.from({ length: readers }, reader))
  }

  #take(topic: Topic, reading: Reading): void {
    this.#note(topic.take(reading))
    if (topic === this.#topics.get(LIST)) this.#fitTopics()
  }

  #fit(): void {
    this.#wanted = this.demand.now
    this.#fitTopics()
  }

  /** A topic for each thing that is wanted; what the others held is gone. */
  #fitTopics(): void {
    const questions = this.#questions()
    for (const [dir, topic] of this.#topics) {
      if (questions.has(dir)) continue
      this.#topics.delete(dir)
      this.#note({ put: new Map(), del: new Set(topic.held.keys()) })
    }
    for (const [dir, question] of questions) {
      if (!this.#topics.has(dir)) this.#topics.set(dir, new Topic(question, this.isSeen))
    }
  }

  #questions(): ReadonlyMap<Key, Ask> {
    const { services, allServices, list, nodes } = partsOf(this.#wanted)
    const questions = new Map<Key, Ask>()
    if (list) questions.set(LIST, this.api.names)
    if (nodes) questions.set('/nodes', this.api.nodes)
    const listed = allServices ? [...(this.#topics.get(LIST)?.held.keys() ?? [])] : []
    const named = listed.map((entry) => nameOfPart(entry.split('/')[2] ?? ''))
    for (const name of [...services, ...named]) {
      questions.set(serviceDir(name), this.api.instances(name))
    }
    return questions
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

  /** Something to tell, and nothing of it still under way. */
  get #hasNews(): boolean {
    if (isEmpty(this.#pending) && this.#known === this.#wanted) return false
    return [...this.#topics.values()].every(({ isRead }) => isRead)
  }

  #news(): News {
    const changes = this.#pending
    this.#pending = { put: new Map(), del: new Set() }
    this.#known = this.#wanted
    return { ...changes, known: this.#wanted }
  }
}
