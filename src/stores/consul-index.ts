// Remembers the last index of each query to Consul, across servers and connections. A server that answers with a lower
// index may be behind the other servers, or may be a former leader.
import { backoffDelay } from '../core/backoff.ts'

/** Maximum number of remembered queries; beyond it, the least recently used ones are dropped. */
const MOST = 10_000

const PAUSE = { first: 100, most: 5000 }

interface Known {
  readonly index: number
  /** Number of consecutive spurious answers. Most of them come early although nothing has changed. */
  readonly spurious: number
}

export class Indexes {
  readonly #known = new Map<string, Known>()

  /** Whether an answer may be older than a previous one. */
  isBehind(question: string, index: number): boolean {
    return index < (this.#known.get(question)?.index ?? 0)
  }

  note(question: string, index: number, isSpurious: boolean): void {
    const vain = isSpurious ? (this.#known.get(question)?.spurious ?? 0) + 1 : 0
    // Moves the query to the end of the map, so that the first query in the map is the least recently used one.
    this.#known.delete(question)
    this.#known.set(question, { index, spurious: vain })
    if (this.#known.size <= MOST) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }

  /**
   * Milliseconds to wait before a query is repeated: 0 until two consecutive spurious answers have been noted, then
   * longer with each further one.
   */
  pause(question: string): number {
    const { spurious: vain } = this.#known.get(question) ?? { spurious: 0 }
    return vain < 2 ? 0 : backoffDelay(vain - 1, PAUSE)
  }
}
