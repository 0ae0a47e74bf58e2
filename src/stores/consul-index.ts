// What index each question to Consul was answered with last, whichever server answered and over whichever
// connection: a server that answers with a lower one may be behind the others, or have been a leader once.
import { backoffDelay } from '../core/backoff.ts'

/** Questions that are remembered: those that have not been asked for longest are forgotten. */
const MOST = 10_000

const PAUSE = { first: 100, most: 5000 }

interface Known {
  readonly index: number
  /** Answers in a row that brought nothing new, and did not wait for anything either. */
  readonly spurious: number
}

export class Indexes {
  readonly #known = new Map<string, Known>()

  /** Whether an answer may be older than one that was given before. */
  isBehind(question: string, index: number): boolean {
    return index < (this.#known.get(question)?.index ?? 0)
  }

  note(question: string, index: number, isSpurious: boolean): void {
    const vain = isSpurious ? (this.#known.get(question)?.spurious ?? 0) + 1 : 0
    // Behind all others: the first is the one that was not asked for longest.
    this.#known.delete(question)
    this.#known.set(question, { index, spurious: vain })
    if (this.#known.size <= MOST) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }

  /** Milliseconds until the question may be asked again: longer each time it is answered in vain. */
  pause(question: string): number {
    const { spurious: vain } = this.#known.get(question) ?? { spurious: 0 }
    return vain < 2 ? 0 : backoffDelay(vain - 1, PAUSE)
  }
}
