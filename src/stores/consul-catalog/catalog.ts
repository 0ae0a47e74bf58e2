// Follows the wanted part of the catalog over few connections.
//
// A topic is a repeated query (topic.ts). The number of slots limits the concurrent queries. While there are no more
// topics than slots, each topic has its own blocking query, so that one change causes one answer. Otherwise change
// queries report which services of a datacenter are affected (change-queries.ts), and only these services are read.
// Each answer is compared with the previous one, so that an answer without a relevant change causes no event.
import { setTimeout as delay } from 'node:timers/promises'
import { FaultError, type Fault } from '../../core/fault.ts'
import { AnsweredError } from '../consul-http.ts'
import { SilentError } from '../http-faults.ts'
import { Completions } from '../completions.ts'
import type { CatalogApi, Reading } from './api.ts'
import { ManyTopics } from './many-topics.ts'
import type { Topic } from './topic.ts'
import type { News, Topics } from './topics.ts'

/** Maximum number of connections while change queries are used. */
const CONNECTIONS = 8

/**
 * Milliseconds until a refused topic is retried. The retries are needed because no query reports that an ACL policy
 * has changed.
 */
const REFUSED_FOR = 5_000

export class Catalog {
  /** The largest number of concurrent queries since changes() began. */
  busiest = 0
  /** Whether a query has been answered since changes() began. */
  answered = false

  /**
   * @param isWhole whether everything must be readable; if not, refused topics are reported together with the other
   *   topics
   */
  constructor(
    private readonly api: Pick<CatalogApi, 'changes' | 'reach'>,
    private readonly topics: Topics,
    private readonly isWhole: boolean,
  ) {}

  /**
   * Yields all differences from the last report, then changes as they arrive. Yields the very first report even if it
   * is empty. Returns when the number of topics exceeds the slots or falls far below them; the caller then calls
   * changes() again.
   */
  async *changes(slots: number, signal: AbortSignal): AsyncGenerator<News> {
    const { topics } = this
    this.busiest = 0
    this.answered = false
    topics.fit()
    if (topics.size === 0) await this.api.reach(signal)
    for (const list of topics.lists) {
      if (this.#isNear(list)) topics.take(list, await this.#answer(list, list.now(signal)))
    }
    if (topics.size <= slots) {
      // Runs as many concurrent queries now as will block later. If the agent does not allow that many, it refuses them
      // now.
      await this.#readAll(slots, signal)
      if (topics.hasNews) yield topics.news()
      yield* this.#each(slots, signal)
    } else {
      yield* new ManyTopics(this.api, topics, {
        slots: Math.min(CONNECTIONS, slots),
        few: slots / 2,
        answer: (topic, reading) => this.#answer(topic, reading),
        next: (topic, own) => this.#next(topic, own),
        busy: (queries) => (this.busiest = Math.max(this.busiest, queries)),
        refusedFor: REFUSED_FOR,
      }).changes(signal)
    }
  }

  /** Follows each topic with its own blocking query. */
  async *#each(slots: number, signal: AbortSignal): AsyncGenerator<News> {
    const { topics } = this
    const inbox = new Completions<readonly [Topic, Reading | Fault] | undefined>()
    /** Pending queries. The queries of unwanted topics are aborted, to release their connections. */
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
        const answered = await inbox.next()
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

  /**
   * Whether the first report waits for a topic. The report does not wait for other datacenters, unless everything must
   * be readable.
   */
  #isNear({ dc }: Topic): boolean {
    return dc === undefined || this.isWhole
  }

  /** Reads the topics for which the first report waits, except lists, with at most `readers` concurrent queries. */
  async #readAll(readers: number, signal: AbortSignal): Promise<void> {
    const { topics } = this
    const due = topics.all.filter((one) => one.question.kind !== 'list' && this.#isNear(one))
    this.busiest = Math.max(this.busiest, Math.min(readers, due.length))
    const queue = due.values()
    const reader = async (): Promise<void> => {
      for (const topic of queue) topics.take(topic, await this.#answer(topic, topic.now(signal)))
    }
    await Promise.all(Array.from({ length: readers }, reader))
  }

  async #next(topic: Topic, signal: AbortSignal): Promise<Reading | Fault> {
    if (topic.isAway) await delay(REFUSED_FOR, undefined, { signal })
    return this.#answer(topic, topic.next(signal))
  }

  async #answer(topic: Topic, reading: Promise<Reading>): Promise<Reading | Fault> {
    try {
      const answer = await reading
      this.answered = true
      return answer
    } catch (error) {
      if (this.isWhole || !(error instanceof FaultError)) throw error
      if (error.fault.permanent !== true && !isOfItself(topic, error)) throw error
      return error.fault
    }
  }
}

/** Whether the error concerns only this topic or its datacenter, and the agent is healthy. */
const isOfItself = ({ dc }: Topic, error: FaultError): boolean =>
  dc === undefined
    ? error instanceof AnsweredError && error.isWrong
    : error instanceof AnsweredError || error instanceof SilentError
