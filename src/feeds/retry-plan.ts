// Decides which node to try next when a connection has ended, and after what pause.
import { backoffDelay, type Backoff } from '../core/backoff.ts'

/** How a connection or a failed round has ended. */
export interface AttemptOutcome {
  /** The node of the connection; undefined if no node could be read. */
  readonly node: string | undefined
  /** See ConnectionEvent. */
  readonly isProven: boolean
  /** The node has lost the required history, but is healthy. */
  readonly isOutdated: boolean
}

export class RetryPlan {
  /** Number of failed rounds and connections since the last proven connection. */
  #failures = 0
  /** Everything was re-read without a pause, and no connection has been proven since. */
  #reread = false
  #order: (nodes: readonly string[]) => readonly string[] = (nodes) => nodes

  constructor(private readonly backoff: Backoff) {}

  /** The nodes in the order in which to try them. */
  order(nodes: readonly string[]): readonly string[] {
    return this.#order(nodes)
  }

  /**
   * Returns the milliseconds to wait; 0 to try another node at once. Undefined to try the same node at once, without a
   * report, because it is outdated: a store compacts its history now and then. If a node is outdated again before a
   * connection was proven, that counts as a failure.
   * @param nodes number of nodes
   */
  after({ node, isProven, isOutdated }: AttemptOutcome, nodes: number): number | undefined {
    if (isProven) {
      this.#failures = 0
      this.#reread = false
    }
    this.#order =
      node === undefined ? (all) => all : isOutdated ? startingWith(node) : endingWith(node)
    if (isOutdated && !this.#reread) {
      this.#reread = true
      return undefined
    }
    return isProven && nodes > 1 ? 0 : backoffDelay(++this.#failures, this.backoff)
  }

  /** Call when a node that refused connections accepts them again. */
  returned(node: string): void {
    this.#failures = 0
    this.#order = startingWith(node)
  }
}

const startingWith =
  (first: string) =>
  (nodes: readonly string[]): readonly string[] => [
    ...nodes.filter((node) => node === first),
    ...nodes.filter((node) => node !== first),
  ]

/** Rotates the nodes so that this one is the last. */
const endingWith =
  (last: string) =>
  (nodes: readonly string[]): readonly string[] => {
    const at = nodes.indexOf(last) + 1
    return [...nodes.slice(at), ...nodes.slice(0, at)]
  }
