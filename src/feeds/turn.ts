// Which node comes next when a connection has ended, and after how long.
import { backoffDelay, type Backoff } from '../core/backoff.ts'

/** How a connection ended, or a round in which there was none. */
export interface Outcome {
  /** The node of the connection; undefined: no node could be read. */
  readonly node: string | undefined
  /** The connection had lived long enough to count as good. */
  readonly isProven: boolean
  /** The store has forgotten what is needed; the node itself is well. */
  readonly isOutdated: boolean
}

export class Turn {
  /** Rounds and connections in a row without one that has proven itself. */
  #vain = 0
  /** All was read again at once, and no connection has proven itself since. */
  #reread = false
  #order: (nodes: readonly string[]) => readonly string[] = (nodes) => nodes

  constructor(private readonly backoff: Backoff) {}

  /** The nodes in the order in which they are asked now. */
  order(nodes: readonly string[]): readonly string[] {
    return this.#order(nodes)
  }

  /**
   * Milliseconds to wait; 0: another node is asked at once. Undefined: the same one is, and there is nothing to
   * tell. History is forgotten now and then; a node that never has any is in trouble.
   * @param nodes how many there are
   */
  after({ node, isProven, isOutdated }: Outcome, nodes: number): number | undefined {
    if (isProven) {
      this.#vain = 0
      this.#reread = false
    }
    this.#order =
      node === undefined ? (all) => all : isOutdated ? startingWith(node) : endingWith(node)
    if (isOutdated && !this.#reread) {
      this.#reread = true
      return undefined
    }
    return isProven && nodes > 1 ? 0 : backoffDelay(++this.#vain, this.backoff)
  }

  /** A node that took no connections takes them again. */
  returned(node: string): void {
    this.#vain = 0
    this.#order = startingWith(node)
  }
}

const startingWith =
  (first: string) =>
  (nodes: readonly string[]): readonly string[] => [
    ...nodes.filter((node) => node === first),
    ...nodes.filter((node) => node !== first),
  ]

/** From the one behind it on, and it last. */
const endingWith =
  (last: string) =>
  (nodes: readonly string[]): readonly string[] => {
    const at = nodes.indexOf(last) + 1
    return [...nodes.slice(at), ...nodes.slice(0, at)]
  }
