// One repeated query to the catalog, with its last answer.
import { nameOfPart, type LookUp } from '../../core/catalog.ts'
import type { Fault } from '../../core/fault.ts'
import type { Key } from '../../core/key.ts'
import { difference, type Delta } from '../delta.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { Ask, Reading } from './api.ts'
import { lowerCase } from './served.ts'

/** Rate limit of blocking queries: the size of a burst and the number of queries per second. */
const BURST = 20
const PER_SECOND = 10

export interface Question {
  readonly ask: Ask
  readonly lookUp: LookUp
  /** The answer to a `list` question determines which other questions are asked. A `polled` question cannot block. */
  readonly kind: 'list' | 'service' | 'node' | 'nodes' | 'polled'
}

export class Topic {
  held: ReadonlyMap<Key, string> = new Map()
  /** The nodes on which the instances are running. */
  on: ReadonlySet<string> = new Set()
  /** The fault of the last query, if it was denied or rejected, or if the topic was never read. */
  refused: Fault | undefined
  /** The fault of the last query, if the topic was read before and its datacenter is unreachable. */
  stale: Fault | undefined
  /** The index to block on; 0 for an immediate answer. */
  #index = 0
  readonly #bucket = new TokenBucket(BURST, PER_SECOND)

  /** @param dir the directory of the topic's keys */
  constructor(
    readonly dir: Key,
    readonly question: Question,
    private readonly wanted: (key: Key) => boolean,
  ) {}

  /** The name of the topic's service or node, in lower case because Consul ignores case. */
  get name(): string {
    return lowerCase(nameOfPart(this.dir.split('/')[2] ?? ''))
  }

  /** The datacenter, if the look-up specifies one. */
  get dc(): string | undefined {
    return this.question.lookUp.dc
  }

  /** Whether the topic has look-up options. A fault in such a topic affects no other topic. */
  get isApart(): boolean {
    return Object.keys(this.question.lookUp).length > 0
  }

  /**
   * Reads the current state.
   * @param atLeast see AskOptions.atLeast
   */
  async now(signal: AbortSignal, atLeast = 0): Promise<Reading> {
    return this.question.ask({ index: 0, signal, atLeast, isFirst: !this.isRead })
  }

  /** Waits for the next state. */
  async next(signal: AbortSignal): Promise<Reading> {
    await this.#bucket.take(signal)
    return this.question.ask({ index: this.#index, signal, isFirst: !this.isRead })
  }

  /** Applies an answer and returns the changes. */
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
   * Records that the query was denied or rejected, or has failed. Keeps the last answer; the next query does not block.
   */
  refuse(fault: Fault): void {
    const wasRead = this.isRead && this.refused === undefined
    if (wasRead && this.dc !== undefined && fault.permanent !== true) this.stale = fault
    else this.refused = fault
    this.#index = 0
  }

  /** Whether at least one query has ended, even with a fault. */
  get isRead(): boolean {
    return this.#index > 0 || this.refused !== undefined || this.stale !== undefined
  }

  /** Whether the last query has failed. */
  get isAway(): boolean {
    return this.refused !== undefined || this.stale !== undefined
  }
}
