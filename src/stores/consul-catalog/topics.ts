// What is wanted of the catalog as questions, what is known of their answers, and what of that has not
// been told yet. When something else comes to be wanted, nothing is told before all of it was answered.
import { nameOfPart, serviceDir } from '../../core/catalog.ts'
import { nothing, type Extent, type KnownExtent } from '../../core/extent.ts'
import { FaultError, type Fault } from '../../core/fault.ts'
import { entryOf, type Key } from '../../core/key.ts'
import type { Demand } from '../../core/store.ts'
import { isEmpty, type Changes } from '../difference.ts'
import type { Ask, CatalogApi, Reading } from './api.ts'
import { partsOf } from './scope.ts'
import { Topic } from './topic.ts'

/** The topic of the list of services. */
const LIST: Key = '/services'

export interface News extends Changes {
  /** Of the keys, from now on. */
  readonly known: KnownExtent
}

export class Topics {
  #wanted: Extent = nothing
  /** By the directory that each is about. */
  readonly #topics = new Map<Key, Topic>()
  #pending: { put: Map<Key, string>; del: Set<Key> } = { put: new Map(), del: new Set() }
  /** As it was told last. */
  #told: KnownExtent | undefined

  /** @param isSeen which keys are of interest to anybody */
  constructor(
    private readonly api: Pick<CatalogApi, 'names' | 'nodes' | 'instances'>,
    private readonly demand: Demand,
    private readonly isSeen: (key: Key) => boolean,
  ) {}

  get size(): number {
    return this.#topics.size
  }

  get all(): readonly Topic[] {
    return [...this.#topics.values()]
  }

  /** Decides which of the others there are. */
  get list(): Topic | undefined {
    return this.#topics.get(LIST)
  }

  /** Takes up what is wanted now; what is wanted no more is gone, with all that was known of it. */
  fit(): void {
    this.#wanted = this.demand.now
    this.#fitTopics()
  }

  get fits(): boolean {
    return this.demand.now === this.#wanted
  }

  /** Resolves once something else is wanted. */
  unfit(signal: AbortSignal): Promise<void> {
    return this.demand.other(this.#wanted, signal)
  }

  /** @param answer a fault where the token may not know, while it may know of other topics */
  take(topic: Topic, answer: Reading | Fault): void {
    if ('entries' in answer) this.#note(topic.take(answer))
    else topic.refuse(answer)
    if (topic === this.list) this.#fitTopics()
    const [first, ...more] = this.all.map(({ refused }) => refused)
    if (first !== undefined && !more.includes(undefined)) throw new FaultError(first)
  }

  /** Something to tell, and nothing of it still under way. */
  get hasNews(): boolean {
    if (isEmpty(this.#pending) && isSameKnown(this.#told, this.#known)) return false
    return this.all.every(({ isRead }) => isRead)
  }

  news(): News {
    const changes = this.#pending
    this.#pending = { put: new Map(), del: new Set() }
    this.#told = this.#known
    return { ...changes, known: this.#told }
  }

  get #known(): KnownExtent {
    const refused = new Map<Key, Fault>()
    for (const [dir, topic] of this.#topics) {
      if (topic.refused !== undefined) refused.set(dir === LIST ? entryOf(dir) : dir, topic.refused)
    }
    return { ...this.#wanted, refused }
  }

  /** A topic for each thing that is wanted. */
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
    const listed = allServices ? [...(this.list?.held.keys() ?? [])] : []
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
}

/** Of the same wanted object, with the same parts refused. */
const isSameKnown = (told: KnownExtent | undefined, known: KnownExtent): boolean =>
  told?.trees === known.trees &&
  told.names === known.names &&
  [...(told.refused?.keys() ?? [])].join() === [...(known.refused?.keys() ?? [])].join()
