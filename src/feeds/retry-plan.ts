// Decides which node to try after a connection has ended, and how long to wait first.
import { backoffDelay, type Backoff } from '../core/backoff.ts'

/** How a connection or a failed round has ended. */
export interface AttemptOutcome {
  /** The node of the connection; undefined if no node could be read. */
  readonly node: string | undefined
  /** Whether the connection was proven. See ConnectionEvent. */
  readonly isProven: boolean
  /** Whether the node is healthy, but no longer has the history that the watch needs. */
  readonly isOutdated: boolean
}

export class RetryPlan {
  /** Number of failed rounds and connections since the last proven connection. */
  #failures = 0
  /** Whether everything was read again without a pause, and no connection has been proven since. */
  #reread = false
  #order: (nodes: readonly string[]) => readonly string[] = (nodes) => nodes

  constructor(private readonly backoff: Backoff) {}

  /** The nodes in the order in which to try them. */
  order(nodes: readonly string[]): readonly string[] {
    return this.#order(nodes)
  }

  /**
   * Returns the milliseconds to wait; 0 means that another node is tried immediately. Returns undefined if the watch
   * is outdated: the same node is then tried immediately and without a report, because a server may compact its
   * history at any time. If the watch is outdated again before a connection is proven, that counts as a failure.
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

  /** Call this when a node that refused connections accepts them again. */
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

/** Rotates the nodes so that `last` comes last. */
const endingWith =
  (last: string) =>
  (nodes: readonly string[]): readonly string[] => {
    const at = nodes.indexOf(last) + 1
    return [...nodes.slice(at), ...nodes.slice(0, at)]
  }
