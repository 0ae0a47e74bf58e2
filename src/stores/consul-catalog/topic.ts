// One question to the catalog, and what is known of the answer: to block on, and to compare with.
import type { Fault } from '../../core/fault.ts'
import type { Key } from '../../core/key.ts'
import { difference, type Changes } from '../difference.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { Ask, Reading } from './api.ts'

/** Blocking queries: this many in a row at once, then this many a second. */
const BURST = 20
const PER_SECOND = 10

export class Topic {
  held: ReadonlyMap<Key, string> = new Map()
  /** Why there was no answer when it was asked for last. */
  refused: Fault | undefined
  /** What to block on; 0 asks for the present state. */
  #index = 0
  readonly #bucket = new TokenBucket(BURST, PER_SECOND)

  constructor(
    private readonly question: Ask,
    private readonly wanted: (key: Key) => boolean = () => true,
  ) {}

  /**
   * The present state.
   * @param fresh as the leader has it, whatever staleness is allowed
   */
  async now(signal: AbortSignal, fresh = false): Promise<Reading> {
    return this.question({ index: 0, signal, fresh })
  }

  /** The next state that may be another. */
  async next(signal: AbortSignal): Promise<Reading> {
    await this.#bucket.take(signal)
    return this.question({ index: this.#index, signal })
  }

  /** Takes an answer for what is known from now on. */
  take({ index, entries }: Reading): Changes {
    const before = this.held
    this.held = new Map([...entries].filter(([key]) => this.wanted(key)))
    this.#index = index
    this.refused = undefined
    return difference(before, this.held)
  }

  /** It may not be known. What was known of it is held, and the next question is for all of it. */
  refuse(fault: Fault): void {
    this.refused = fault
    this.#index = 0
  }

  /** Whether there has been an answer, be it a refusal. */
  get isRead(): boolean {
    return this.#index > 0 || this.refused !== undefined
  }

  /** Whether an answer says that something has happened since the last one. */
  isNews({ index, early }: Reading): boolean {
    return early || index !== this.#index
  }
}
