// What is wanted of the catalog, followed over few connections.
//
// As long as there are no more topics than slots each has a blocking query: one change, one answer.
// Where there are more, three blocking queries tell that anything at all has changed in the datacenter;
// then every service is read again, few at a time. Either way what is read is compared, so that an
// answer without a change for us is no event.
import { setTimeout as delay } from 'node:timers/promises'
import { FaultError, type Fault } from '../../core/fault.ts'
import { Inbox } from '../inbox.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { CatalogApi, Reading } from './api.ts'
import { Topic } from './topic.ts'
import type { News, Topics } from './topics.ts'

/** Queries of one reading of everything that are under way at the same time. */
const READERS = 16

/** Readings of everything: this many in a row at once, then one in two seconds. */
const BURST = 5
const PER_SECOND = 0.5

/** Milliseconds until what the token may not know is asked for again: nothing tells of another policy. */
const REFUSED_FOR = 5_000

export class Catalog {
  /** How many queries have been under way at the same time since changes() began. */
  busiest = 0
  /** Whether a query has been answered since then. */
  answered = false
  readonly #pace = new TokenBucket(BURST, PER_SECOND)

  /** @param isWhole all of it has to be readable, else what is refused is told with the rest */
  constructor(
    private readonly api: Pick<CatalogApi, 'bells' | 'reach'>,
    private readonly topics: Topics,
    private readonly isWhole: boolean,
  ) {}

  /**
   * Everything that differs from what was told before, at once and even if nothing does; then changes
   * as they come. Returns when there have come to be more topics than slots, or far fewer.
   */
  async *changes(slots: number, signal: AbortSignal): AsyncGenerator<News> {
    const { topics } = this
    this.busiest = 0
    this.answered = false
    topics.fit()
    if (topics.size === 0) await this.api.reach(signal)
    await this.#readList(signal)
    if (topics.size <= slots) {
      await this.#readAll(Math.min(READERS, slots), signal)
      yield topics.news()
      yield* this.#each(slots, signal)
    } else {
      const bells = this.api.bells.map((question) => new Topic(question))
      const readers = Math.min(READERS, slots - bells.length)
      for (const bell of bells) bell.take(await bell.now(signal))
      await this.#readAll(readers, signal)
      yield topics.news()
      yield* this.#whenItRings(bells, readers, slots, signal)
    }
  }

  /** A blocking query for each. */
  async *#each(slots: number, signal: AbortSignal): AsyncGenerator<News> {
    const { topics } = this
    const inbox = new Inbox<readonly [Topic, Reading | Fault] | undefined>()
    /** Each is let go by itself when nobody wants it any more, so that it does not keep its connection. */
    const asked = new Map<Topic, AbortController>()
    const ask = (topic: Topic): void => {
      const own = new AbortController()
      asked.set(topic, own)
      const answer = this.#next(topic, own.signal).then((one) => [topic, one] as const)
      inbox.collect(
        answer.catch((error: unknown) => {
          if (!own.signal.aborted) throw error
          return undefined
        }),
      )
    }
    const fitQueries = (): void => {
      const present = new Set(topics.all)
      for (const [topic, own] of asked) {
        if (present.has(topic)) continue
        asked.delete(topic)
        own.abort()
      }
      for (const topic of present) if (!asked.has(topic)) ask(topic)
      this.busiest = Math.max(this.busiest, asked.size)
    }
    const hear = (): void => inbox.collect(topics.unfit(signal).then(() => undefined))
    try {
      hear()
      fitQueries()
      for (;;) {
        const answered = await inbox.take()
        if (answered !== undefined) {
          const [topic, answer] = answered
          if (!asked.delete(topic)) continue
          topics.take(topic, answer)
        } else if (!topics.fits) {
          topics.fit()
          hear()
        }
        if (topics.size > slots) return
        fitQueries()
        if (topics.hasNews) yield topics.news()
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
    const { topics } = this
    this.busiest = bells.length + readers
    const inbox = new Inbox<readonly [Topic, Reading, at: number] | undefined>()
    const listen = (bell: Topic): void =>
      inbox.collect(
        bell.next(signal).then((reading) => [bell, reading, performance.now()] as const),
      )
    const hear = (): void => inbox.collect(topics.unfit(signal).then(() => undefined))
    const retry = (): void => inbox.collect(delay(REFUSED_FOR, undefined, { signal }))
    hear()
    retry()
    bells.forEach(listen)
    let read = 0
    for (;;) {
      const rung = await inbox.take()
      if (rung === undefined) {
        if (topics.fits) retry()
        else {
          topics.fit()
          hear()
          // Not as soon as they would fit: that would be to and fro where there are just about so many.
          if (topics.size <= slots / 2) return
          if (topics.list?.isRead === false) await this.#readList(signal, true)
        }
        await this.#readAll(readers, signal, true, isOpen)
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
      if (topics.hasNews) yield topics.news()
    }
  }

  async #readList(signal: AbortSignal, fresh = false): Promise<void> {
    const { list } = this.topics
    if (list !== undefined) this.topics.take(list, await this.#answer(list.now(signal, fresh)))
  }

  /** Reads every topic but the list, a few at a time. */
  async #readAll(
    readers: number,
    signal: AbortSignal,
    fresh = false,
    isDue: (topic: Topic) => boolean = () => true,
  ): Promise<void> {
    const { topics } = this
    const due = topics.all.filter((topic) => topic !== topics.list && isDue(topic))
    this.busiest = Math.max(this.busiest, Math.min(readers, due.length))
    const queue = due.values()
    const reader = async (): Promise<void> => {
      for (const topic of queue) topics.take(topic, await this.#answer(topic.now(signal, fresh)))
    }
    await Promise.all(Array.from({ length: readers }, reader))
  }

  async #next(topic: Topic, signal: AbortSignal): Promise<Reading | Fault> {
    if (topic.refused !== undefined) await delay(REFUSED_FOR, undefined, { signal })
    return this.#answer(topic.next(signal))
  }

  async #answer(reading: Promise<Reading>): Promise<Reading | Fault> {
    try {
      const answer = await reading
      this.answered = true
      return answer
    } catch (error) {
      const isRefused = error instanceof FaultError && error.fault.permanent === true
      if (this.isWhole || !isRefused) throw error
      return error.fault
    }
  }
}

/** Not read yet, or in vain. */
const isOpen = ({ isRead, refused }: Topic): boolean => !isRead || refused !== undefined
