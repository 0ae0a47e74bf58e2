// The topics for the current demand, and their changes since the last report. After a change of the demand, the next
// report waits until all new topics have been read, except topics of other datacenters.
import { lookUpOf, nameOfPart, encodePart, type LookUp } from '../../core/catalog.ts'
import { nothing, type Extent, type KnownExtent } from '../../core/extent.ts'
import { FaultError, type Fault } from '../../core/fault.ts'
import { entryOf, type Key } from '../../core/key.ts'
import type { Demand, Notice } from '../../core/store.ts'
import { isEmptyDelta, type Delta } from '../delta.ts'
import type { CatalogApi, Reading } from './api.ts'
import { catalogPartsOf, type CatalogPart } from './scope.ts'
import { Topic, type Question } from './topic.ts'

export interface News extends Delta {
  /** The known extent after these changes. */
  readonly known: KnownExtent
  readonly notices: readonly Notice[]
}

export class Topics {
  #wanted: Extent = nothing
  /** The topics, by directory. */
  readonly #topics = new Map<Key, Topic>()
  #pending: { put: Map<Key, string>; del: Set<Key> } = { put: new Map(), del: new Set() }
  #notices = new Map<string, Notice>()
  /** The value of #state at the last report. */
  #reportedState: string | undefined
  /** The demand at the last report. */
  #reportedWanted: Extent | undefined

  /** @param isSeen whether a key is wanted */
  constructor(
    private readonly api: Omit<CatalogApi, 'reach' | 'changes'>,
    private readonly demand: Demand,
    private readonly isSeen: (key: Key) => boolean,
  ) {}

  get size(): number {
    return this.#topics.size
  }

  get all(): readonly Topic[] {
    return [...this.#topics.values()]
  }

  /** The topics of lists. Their answers determine which other topics exist. */
  get lists(): readonly Topic[] {
    return this.all.filter(({ question }) => question.kind === 'list')
  }

  has(topic: Topic): boolean {
    return this.#topics.get(topic.dir) === topic
  }

  /** Adopts the current demand. Drops unwanted topics with their keys. */
  fit(): void {
    this.#wanted = this.demand.now
    this.#fitTopics()
  }

  get fits(): boolean {
    return this.demand.now === this.#wanted
  }

  /** Resolves when the demand changes. */
  unfit(signal: AbortSignal): Promise<void> {
    return this.demand.other(this.#wanted, signal)
  }

  /**
   * Applies an answer. Throws if all topics without look-up options are refused.
   * @param answer a fault if only this topic cannot be read
   */
  take(topic: Topic, answer: Reading | Fault): void {
    if (!this.has(topic)) return
    if ('entries' in answer) {
      this.#note(topic.take(answer))
      const { notice: message } = answer
      if (message !== undefined) this.#notices.set(message, { level: 'warn', message })
    } else topic.refuse(answer)
    if (topic.question.kind === 'list') this.#fitTopics()
    const [first, ...more] = this.all
      .filter(({ isApart }) => !isApart)
      .map(({ refused }) => refused)
    if (first !== undefined && !more.includes(undefined)) throw new FaultError(first)
  }

  /** Whether all topics have been read, except those of other datacenters. */
  get areRead(): boolean {
    return this.all.every(({ isRead, dc }) => isRead || dc !== undefined)
  }

  /** Whether there is something to report, and all topics have been read (see areRead). */
  get hasNews(): boolean {
    if (!this.areRead) return false
    if (!isEmptyDelta(this.#pending) || this.#notices.size > 0) return true
    return this.#reportedWanted !== this.#wanted || this.#reportedState !== this.#state
  }

  news(): News {
    const changes = this.#pending
    const notices = [...this.#notices.values()]
    this.#pending = { put: new Map(), del: new Set() }
    this.#notices = new Map()
    this.#reportedState = this.#state
    this.#reportedWanted = this.#wanted
    return { ...changes, known: this.#known, notices }
  }

  /** A digest of the unread, refused and stale topics, to detect changes. */
  get #state(): string {
    const states = this.all.map(({ dir, isRead, refused, stale }) =>
      isRead && refused === undefined && stale === undefined
        ? ''
        : JSON.stringify([dir, isRead, refused?.message, stale?.message]),
    )
    return states.join('')
  }

  get #known(): KnownExtent {
    const refused = new Map<Key, Fault>()
    const away = new Map<string, Fault>()
    const unread = new Set<string>()
    for (const topic of this.#topics.values()) {
      const { dir, dc, question } = topic
      if (topic.refused !== undefined) {
        refused.set(question.kind === 'list' ? entryOf(dir) : dir, topic.refused)
      }
      const why = topic.stale ?? (topic.refused?.permanent === true ? undefined : topic.refused)
      if (why !== undefined && dc !== undefined) away.set(dc, why)
      if (dc !== undefined && !topic.isRead) unread.add(dc)
    }
    const isRead = (dir: Key): boolean => !unread.has(lookUpOf(dir)?.dc ?? '')
    const { trees, names } = this.#wanted
    const known =
      unread.size === 0
        ? this.#wanted
        : { trees: new Set([...trees].filter(isRead)), names: new Set([...names].filter(isRead)) }
    return { ...known, refused, away }
  }

  /** Creates and drops topics according to the demand. */
  #fitTopics(): void {
    const questions = this.#questions()
    for (const [dir, topic] of this.#topics) {
      if (questions.has(dir)) continue
      this.#topics.delete(dir)
      this.#note({ put: new Map(), del: new Set(topic.held.keys()) })
    }
    for (const [dir, question] of questions) {
      if (!this.#topics.has(dir)) this.#topics.set(dir, new Topic(dir, question, this.isSeen))
    }
  }

  #questions(): ReadonlyMap<Key, Question> {
    return new Map(
      catalogPartsOf(this.#wanted).flatMap((part) => {
        if (part.kind === 'services') return [...this.#ofServices(part)]
        return [...(part.kind === 'nodes' ? this.#ofNodes(part) : this.#ofDatacenters(part))]
      }),
    )
  }

  *#ofServices({
    root,
    lookUp,
    names,
    all,
    list,
  }: CatalogPart): Iterable<readonly [Key, Question]> {
    if (lookUp.query === true) {
      for (const name of names) {
        const dir = dirIn(root, name)
        yield [dir, { kind: 'polled', lookUp, ask: this.api.query(dir, name, lookUp) }]
      }
      return
    }
    if (all || list) yield [root, { kind: 'list', lookUp, ask: this.api.names(lookUp) }]
    const listed = all ? [...(this.#topics.get(root)?.held.keys() ?? [])] : []
    const inList = listed.map((entry) => nameOfPart(entry.split('/')[2] ?? ''))
    for (const name of new Set([...names, ...inList])) {
      const dir = dirIn(root, name)
      yield [dir, { kind: 'service', lookUp, ask: this.api.instances(dir, name, lookUp) }]
    }
  }

  *#ofNodes({ root, lookUp, names }: CatalogPart): Iterable<readonly [Key, Question]> {
    if (lookUp.services !== true) {
      yield [root, { kind: 'nodes', lookUp, ask: this.api.nodes(lookUp) }]
      return
    }
    for (const name of names) {
      const key = dirIn(root, name)
      yield [key, { kind: 'node', lookUp, ask: this.api.node(key, name, lookUp) }]
    }
  }

  *#ofDatacenters({ root }: CatalogPart): Iterable<readonly [Key, Question]> {
    yield [root, { kind: 'polled', lookUp: NO_OPTIONS, ask: this.api.datacenters }]
  }

  #note({ put, del }: Delta): void {
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

const NO_OPTIONS: LookUp = {}

const dirIn = (root: Key, name: string): Key => `${root}/${encodePart(name)}`
