// Follows the topics if they outnumber the allowed connections. Each datacenter has three change queries, and a few
// readers read the topics that these queries report. Topics that a change is known to affect are urgent. If a change
// may affect any topic, all topics of the datacenter are read once (a pass). A pass begins at most once every two
// seconds.
import { setTimeout as delay } from 'node:timers/promises'
import type { LookUp } from '../../core/catalog.ts'
import type { Fault } from '../../core/fault.ts'
import { AnsweredError } from '../consul-http.ts'
import { SilentError } from '../http-faults.ts'
import { Completions } from '../completions.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { CatalogApi, Reading } from './api.ts'
import { CHANGE_QUERIES, changeQueriesOf, type Affected } from './change-queries.ts'
import { lowerCase } from './served.ts'
import type { Topic } from './topic.ts'
import type { News, Topics } from './topics.ts'

const PASSES_PER_SECOND = 0.5

export interface ManyTopicsOptions {
  /** Maximum number of connections. */
  readonly slots: number
  /** With this number of topics or fewer, change queries are not needed. */
  readonly few: number
  /** Milliseconds until a refused topic is retried. */
  readonly refusedFor: number
  /**
   * Resolves with the answer, or with a fault if only this topic cannot be read. Rejects if the catalog cannot be read.
   */
  readonly answer: (topic: Topic, reading: Promise<Reading>) => Promise<Reading | Fault>
  /** Like `answer`, but for the next state of a polled topic. */
  readonly next: (topic: Topic, signal: AbortSignal) => Promise<Reading | Fault>
  /** Called with the number of concurrent queries. */
  readonly busy: (queries: number) => void
}

/** Handles the result of a completed promise. Called by the loop in changes(). */
type Continuation = () => void

/** A datacenter, or a namespace in it, with its change queries. */
interface Group {
  readonly lookUp: LookUp
  readonly stop: AbortController
  /** Whether the change queries have been answered once, so that they report all later changes. */
  isArmed: boolean
}

export class ManyTopics {
  readonly #completions = new Completions<Continuation>()
  readonly #groups = new Map<string, Group>()
  readonly #polls = new Map<Topic, AbortController>()
  /** Topics to read before all others, with the minimum index of the answer. */
  readonly #urgent = new Map<Topic, number>()
  /** The remaining topics of the current pass. */
  readonly #lazy = new Set<Topic>()
  /** Topics being read, and whether they are urgent. */
  readonly #reading = new Map<Topic, boolean>()
  /** Groups whose topics are read in the next pass. */
  readonly #passDue = new Set<string>()
  #isPacing = false
  readonly #pace = new TokenBucket(1, PASSES_PER_SECOND)
  /** Whether an urgent topic has been read since the last report. */
  #hasUrgentNews = false
  #signal: AbortSignal = new AbortController().signal

  constructor(
    private readonly api: Pick<CatalogApi, 'changes'>,
    private readonly topics: Topics,
    private readonly options: ManyTopicsOptions,
  ) {}

  /** See Catalog.changes(). Returns when there are few topics. */
  async *changes(signal: AbortSignal): AsyncGenerator<News> {
    const { topics, options } = this
    this.#signal = signal
    this.#followDemand()
    this.#retry()
    this.#fitAll()
    let isReported = false
    try {
      for (;;) {
        this.#pump()
        const happening = await this.#completions.next()
        happening()
        if (topics.size <= options.few) return
        this.#pump()
        if (!topics.hasNews || (isReported && !this.#isReportDue)) continue
        isReported = true
        this.#hasUrgentNews = false
        yield topics.news()
      }
    } finally {
      for (const { stop } of this.#groups.values()) stop.abort()
      for (const stop of this.#polls.values()) stop.abort()
    }
  }

  /** Whether to report the changes so far. Urgent changes are reported together, and a pass is reported as a whole. */
  get #isReportDue(): boolean {
    if (this.#urgent.size > 0 || [...this.#reading.values()].includes(true)) return false
    return this.#hasUrgentNews || (this.#lazy.size === 0 && this.#reading.size === 0)
  }

  #followDemand(): void {
    const heard = this.topics.unfit(this.#signal)
    this.#when(heard, () => {
      if (this.topics.fits) return
      this.topics.fit()
      this.#fitAll()
      this.#followDemand()
    })
  }

  /**
   * Retries refused topics periodically, because no query reports that an ACL policy has changed. Topics of unreachable
   * datacenters are read when the change queries are answered again.
   */
  #retry(): void {
    this.#when(delay(this.options.refusedFor, undefined, { signal: this.#signal }), () => {
      for (const topic of this.topics.all) {
        const { refused, dc } = topic
        if (refused === undefined) continue
        if (refused.permanent === true || dc === undefined) this.#urgent.set(topic, Infinity)
      }
      this.#retry()
    })
  }

  /** Starts and stops change queries, polls and first reads according to the demand. */
  #fitAll(): void {
    const present = new Set(this.topics.all)
    const rung = [...present].filter(({ question }) => question.kind !== 'polled')
    const groups = new Map(rung.map((topic) => [groupOf(topic), topic.question.lookUp]))
    for (const [name, { stop }] of this.#groups) {
      if (groups.has(name)) continue
      stop.abort()
      this.#groups.delete(name)
    }
    for (const [name, lookUp] of groups) if (!this.#groups.has(name)) this.#listen(name, lookUp)
    for (const [topic, stop] of this.#polls) {
      if (present.has(topic)) continue
      stop.abort()
      this.#polls.delete(topic)
    }
    for (const topic of present) {
      if (topic.question.kind === 'polled') this.#poll(topic)
      else if (!topic.isRead && this.#groups.get(groupOf(topic))?.isArmed === true) {
        if (!this.#reading.has(topic)) this.#urgent.set(topic, 0)
      }
    }
  }

  #poll(topic: Topic): void {
    if (this.#polls.has(topic)) return
    const stop = new AbortController()
    this.#polls.set(topic, stop)
    const again = (): void =>
      this.#when(
        this.options.next(topic, stop.signal),
        (answer) => {
          this.#take(topic, answer)
          again()
        },
        stop.signal,
      )
    again()
  }

  /** Starts the change queries before anything is read, so that no later change is missed. */
  #listen(name: string, { dc, namespace }: LookUp): void {
    const lookUp: LookUp = {
      ...(dc === undefined ? {} : { dc }),
      ...(namespace === undefined ? {} : { namespace }),
    }
    const stop = new AbortController()
    const group = { lookUp, stop, isArmed: false }
    this.#groups.set(name, group)
    const queries = changeQueriesOf(this.api, lookUp)
    const { signal } = stop
    const arm = (): void => {
      const armed = Promise.all(queries.map((bell) => bell.next(signal)))
      this.#when(
        this.#unlessRemote(name, armed),
        (rings) => {
          if (rings === undefined) return later()
          group.isArmed = true
          this.#of(name).forEach((topic) => this.#pass(topic))
          queries.forEach(wait)
        },
        signal,
      )
    }
    const wait = (bell: (typeof queries)[number]): void =>
      this.#when(
        this.#unlessRemote(name, bell.next(signal)),
        (ring) => {
          if (ring === undefined) return later(bell)
          this.#markAffected(name, ring)
          wait(bell)
        },
        signal,
      )
    const later = (bell?: (typeof queries)[number]): void =>
      this.#when(
        delay(this.options.refusedFor, undefined, { signal }),
        () => {
          if (bell === undefined) return arm()
          bell.reset()
          wait(bell)
        },
        signal,
      )
    arm()
  }

  /** If a remote datacenter is unreachable, records the fault in its topics and resolves with undefined. */
  async #unlessRemote<T>(name: string, ring: Promise<T>): Promise<T | undefined> {
    try {
      return await ring
    } catch (error) {
      const isAway = error instanceof AnsweredError || error instanceof SilentError
      if (!isAway || this.#groups.get(name)?.lookUp.dc === undefined) throw error
      for (const topic of this.#of(name)) this.#take(topic, error.fault)
      return undefined
    }
  }

  #of(name: string): readonly Topic[] {
    return this.topics.all.filter(
      (topic) => topic.question.kind !== 'polled' && groupOf(topic) === name,
    )
  }

  #markAffected(name: string, { services, nodes, isAnything }: Affected): void {
    if (isAnything) this.#passDue.add(name)
    if (services.size + nodes.size === 0) return
    const lower = new Map([...services].map(([service, index]) => [lowerCase(service), index]))
    for (const topic of this.#of(name)) {
      if (topic.question.kind !== 'service') continue
      const index = Math.max(
        lower.get(topic.name) ?? 0,
        ...(nodes.size === 0 ? [] : [...topic.on].map((node) => nodes.get(node) ?? 0)),
      )
      if (index > 0) this.#urgent.set(topic, Math.max(index, this.#urgent.get(topic) ?? 0))
    }
  }

  /** Starts a pass if one is pending, and starts to read waiting topics as far as the number of connections allows. */
  #pump(): void {
    const isPassOver = this.#lazy.size === 0 && ![...this.#reading.values()].includes(false)
    if (this.#passDue.size > 0 && !this.#isPacing && isPassOver) {
      this.#isPacing = true
      this.#when(this.#pace.take(this.#signal), () => {
        this.#isPacing = false
        for (const name of this.#passDue) this.#of(name).forEach((topic) => this.#pass(topic))
        this.#passDue.clear()
      })
    }
    const readers = Math.max(1, this.options.slots - this.#groups.size * CHANGE_QUERIES)
    while (this.#reading.size < readers) {
      const urgent = [...this.#urgent.keys()].find((topic) => !this.#reading.has(topic))
      const topic = urgent ?? [...this.#lazy].find((one) => !this.#reading.has(one))
      if (topic === undefined) break
      const atLeast = this.#urgent.get(topic) ?? Infinity
      this.#urgent.delete(topic)
      this.#lazy.delete(topic)
      if (this.topics.has(topic)) this.#read(topic, atLeast, urgent !== undefined)
    }
    this.options.busy(this.#groups.size * CHANGE_QUERIES + this.#reading.size)
  }

  /** Schedules a topic of a pass. Lists come first, since they determine other topics. */
  #pass(topic: Topic): void {
    const { kind } = topic.question
    if (kind === 'list') this.#urgent.set(topic, Infinity)
    else this.#lazy.add(topic)
  }

  #read(topic: Topic, atLeast: number, isUrgent: boolean): void {
    this.#reading.set(topic, isUrgent)
    const reading = topic.now(this.#signal, atLeast)
    this.#when(this.options.answer(topic, reading), (answer) => {
      this.#reading.delete(topic)
      this.#hasUrgentNews ||= isUrgent
      this.#take(topic, answer)
    })
  }

  #take(topic: Topic, answer: Reading | Fault): void {
    this.topics.take(topic, answer)
    if (topic.question.kind === 'list') this.#fitAll()
  }

  /**
   * Runs `then` in the loop of changes() when the promise resolves. A rejection ends changes().
   * @param own the signal that cancels the work behind the promise; once it is aborted, a rejection is ignored
   */
  #when<T>(promise: Promise<T>, then: (value: T) => void, own?: AbortSignal): void {
    const happened = promise.then(
      (value) => () => then(value),
      (error: unknown) => {
        if (own?.aborted === true) return () => undefined
        throw error
      },
    )
    this.#completions.collect(happened)
  }
}

/** Identifies the group of a topic. The change queries of a group cover one namespace of one datacenter. */
const groupOf = ({ question: { lookUp } }: Topic): string =>
  JSON.stringify([lookUp.dc, lookUp.namespace])
