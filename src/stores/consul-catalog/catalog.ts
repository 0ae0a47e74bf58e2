// What is wanted of the catalog, followed over few connections.
//
// As long as there are no more topics than slots each has a blocking query: one change, one answer. Where
// there are more, bells tell which services of a datacenter a change concerns (bells.ts), and these are
// read. Either way what is read is compared, so that an answer without a change for us is no event.
import { setTimeout as delay } from 'node:timers/promises'
import { FaultError, type Fault } from '../../core/fault.ts'
import { AnsweredError } from '../consul-http.ts'
import { SilentError } from '../http-faults.ts'
import { Completions } from '../completions.ts'
import type { CatalogApi, Reading } from './api.ts'
import { ManyTopics } from './many-topics.ts'
import type { Topic } from './topic.ts'
import type { News, Topics } from './topics.ts'

/** Connections where bells tell what is to be read. */
const CONNECTIONS = 8

/** Milliseconds until what cannot be known is asked for again: nothing tells of another policy. */
const REFUSED_FOR = 5_000

export class Catalog {
  /** How many queries have been under way at the same time since changes() began. */
  busiest = 0
  /** Whether a query has been answered since then. */
  answered = false

  /** @param isWhole all of it has to be readable, else what is refused is told with the rest */
  constructor(
    private readonly api: Pick<CatalogApi, 'changes' | 'reach'>,
    private readonly topics: Topics,
    private readonly isWhole: boolean,
  ) {}

  /**
   * Everything that differs from what was told before, the first time even if nothing does; then changes as
   * they come. Returns when there have come to be more topics than slots, or far fewer.
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
      // As many at once as are to block: an agent that has no room for so many says so before they do.
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

  /** A blocking query for each. */
  async *#each(slots: number, signal: AbortSignal): AsyncGenerator<News> {
    const { topics } = this
    const inbox = new Completions<readonly [Topic, Reading | Fault] | undefined>()
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

  /** Another datacenter is not waited for before the rest is told, unless all is wanted. */
  #isNear({ dc }: Topic): boolean {
    return dc === undefined || this.isWhole
  }

  /** Reads every topic but the lists, a few at a time. */
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

/** The agent is well: what it says is about the question, or about the datacenter that is asked. */
const isOfItself = ({ dc, isApart }: Topic, error: FaultError): boolean =>
  dc === undefined
    ? isApart && error instanceof AnsweredError && error.isWrong
    : error instanceof AnsweredError || error instanceof SilentError
