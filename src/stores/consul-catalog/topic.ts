// One question to the catalog, and what is known of the answer: to block on, and to compare with.
import { nameOfPart, type LookUp } from '../../core/catalog.ts'
import type { Fault } from '../../core/fault.ts'
import type { Key } from '../../core/key.ts'
import { difference, type Delta } from '../delta.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { Ask, Reading } from './api.ts'

/** Blocking queries: this many in a row at once, then this many a second. */
const BURST = 20
const PER_SECOND = 10

export interface Question {
  readonly ask: Ask
  readonly lookUp: LookUp
  /** `list` is of services, and so decides which other questions there are; `polled` cannot block. */
  readonly kind: 'list' | 'service' | 'node' | 'nodes' | 'polled'
}

export class Topic {
  held: ReadonlyMap<Key, string> = new Map()
  /** The nodes that its instances are on. */
  on: ReadonlySet<string> = new Set()
  /** Why there was no answer when it was asked for last. */
  refused: Fault | undefined
  /** Why what is held may be old: it was read before. */
  stale: Fault | undefined
  /** What to block on; 0 asks for the present state. */
  #index = 0
  readonly #bucket = new TokenBucket(BURST, PER_SECOND)

  /** @param dir the directory that it is about */
  constructor(
    readonly dir: Key,
    readonly question: Question,
    private readonly wanted: (key: Key) => boolean,
  ) {}

  /** Of a service or of a node; to Consul it is the same in upper and in lower case. */
  get name(): string {
    return nameOfPart(this.dir.split('/')[2] ?? '').toLowerCase()
  }

  /** The datacenter, where it is asked for by name. */
  get dc(): string | undefined {
    return this.question.lookUp.dc
  }

  /** It has options of its own: what is wrong with these concerns nothing else. */
  get isApart(): boolean {
    return Object.keys(this.question.lookUp).length > 0
  }

  /**
   * The present state.
   * @param atLeast how new it has to be, as Asked.atLeast
   */
  async now(signal: AbortSignal, atLeast = 0): Promise<Reading> {
    return this.question.ask({ index: 0, signal, atLeast, isFirst: !this.isRead })
  }

  /** The next state that may be another. */
  async next(signal: AbortSignal): Promise<Reading> {
    await this.#bucket.take(signal)
    return this.question.ask({ index: this.#index, signal, isFirst: !this.isRead })
  }

  /** Takes an answer for what is known from now on. */
  take({ index, entries, on = new Set() }: Reading): Delta {
    const before = this.held
    this.held = new Map([...entries].filter(([key]) => this.wanted(key)))
    this.on = on
    this.#index = index
    this.refused = undefined
    this.stale = undefined
    return difference(before, this.held)
  }

  /**
   * It may not be known, or cannot be asked for at the moment. What was known of it is held, and the next
   * question is for all of it.
   */
  refuse(fault: Fault): void {
    const wasRead = this.isRead && this.refused === undefined
    if (wasRead && fault.permanent !== true) this.stale = fault
    else this.refused = fault
    this.#index = 0
  }

  /** Whether there has been an answer, be it a refusal. */
  get isRead(): boolean {
    return this.#index > 0 || this.refused !== undefined || this.stale !== undefined
  }

  /** Whether it was in vain to ask for it last. */
  get isAway(): boolean {
    return this.refused !== undefined || this.stale !== undefined
  }
}
