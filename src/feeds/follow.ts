// Follows a store: watches one of its nodes. When the watch breaks, retries or switches to another node. No other code
// retries a whole store.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Backoff } from '../core/backoff.ts'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Demand, Store, WatchOptions } from '../core/store.ts'
import { roundFault, silentFault } from './round-fault.ts'
import { failureOf, type Failure } from './attempt.ts'
import {
  NodeConnection,
  type ConnectionEvent,
  type NodeConnectionOptions,
  type ConnectionEnded,
} from './connection.ts'
import { reopenedNode } from './reopened-node.ts'
import { Race, type AskedNodes, type Patience } from './race.ts'
import { RetryPlan } from './retry-plan.ts'

export type FollowEvent =
  | ConnectionEvent
  /** This node was tried, but another one has answered. */
  | { readonly kind: 'passed'; readonly node: string; readonly fault: Fault }
  /** The connection broke, or no node could be read. */
  | {
      readonly kind: 'broken'
      /** The node of the connection, or else the first node. */
      readonly node: string
      /** The fault of the connection, or else the combined fault of all nodes. */
      readonly fault: Fault
      /** Milliseconds until the next round. */
      readonly retryIn: number
      /** Whether all nodes have failed, and not only one of several. */
      readonly isAll: boolean
    }
  /**
   * The code of a store has thrown something other than a fault. The exception is also handled as a failure of the
   * node.
   */
  | { readonly kind: 'bug'; readonly text: string }

export interface FollowOptions extends NodeConnectionOptions {
  readonly signal: AbortSignal
  readonly backoff?: Backoff
  /** How long to wait for one node before the next node is tried in parallel. */
  readonly patience?: Patience
  /** The demand, if the store is read on demand. */
  readonly demand?: Demand | undefined
  /** See WatchOptions. */
  readonly behind?: WatchOptions['behind']
  /** The nodes tried so far; updated by follow(). */
  readonly asked?: AskedNodes
}

const DEFAULT_BACKOFF: Backoff = { first: 200, most: 5000 }

/**
 * Yields the events of a store and of its connections. The first event of each connection is a full snapshot. Ends when
 * the signal is aborted.
 *
 * If a proven connection (see ConnectionEvent) breaks and there are other nodes, the next node is tried immediately.
 * After a round in which no node could be read, or after a connection that broke before it was proven, follow() pauses,
 * longer each time. The pause ends early if a silent node answers, or if a node that has refused connections accepts
 * them again.
 */
export async function* follow(
  store: Store,
  prefixes: readonly Key[],
  options: FollowOptions,
): AsyncGenerator<FollowEvent> {
  const { signal, demand, behind, asked = new Map<string, Fault | undefined>() } = options
  const plan = new RetryPlan(options.backoff ?? DEFAULT_BACKOFF)
  const bugs: string[] = []
  const noteBug = ({ bug }: Failure): void => void (bug !== undefined && bugs.push(bug))
  const race = new Race(
    { store, prefixes, signal, demand, behind },
    asked,
    noteBug,
    options.patience,
  )
  try {
    while (!signal.aborted) {
      const lost = await findNodes(store, signal)
      if (lost !== undefined) asked.set(store.nodes[0] as string, lost.fault)
      const won = lost === undefined ? await race.run(plan.order(store.nodes)) : undefined
      const connection = won === undefined ? undefined : new NodeConnection(won, options)
      if (connection !== undefined) yield* passedOver(store.name, asked, connection.node)
      let ended: Failure | ConnectionEnded | undefined = lost
      try {
        while (connection !== undefined && !signal.aborted) {
          const step = await connection.next()
          if (step.kind === 'ended') {
            ended = step
            break
          }
          yield step
        }
      } finally {
        await connection?.end()
      }
      if (signal.aborted) return
      if (ended !== undefined) noteBug(ended)
      for (const text of bugs.splice(0)) yield { kind: 'bug', text }

      const { fault, isProven, isOutdated } = { ...failedRound(store, asked), ...ended }
      const { node } = connection ?? { node: undefined }
      const retryIn = plan.after({ node, isProven, isOutdated }, store.nodes.length)
      if (retryIn === undefined) continue
      const isAll = node === undefined || store.nodes.length === 1
      yield { kind: 'broken', node: node ?? (store.nodes[0] as string), fault, retryIn, isAll }
      const back = await pause(retryIn, store.nodes, race, signal)
      if (back !== undefined) plan.returned(back)
    }
  } finally {
    await race.close()
  }
}

/** The result of a round in which no node could be read. */
const failedRound = (store: Store, asked: AskedNodes): Omit<ConnectionEnded, 'kind'> => ({
  fault: roundFault(store.name, asked),
  isProven: false,
  isOutdated: false,
})

/** Reports the nodes that were tried besides the winner. */
function* passedOver(name: string, asked: AskedNodes, winner: string): Generator<FollowEvent> {
  const others = [...asked].filter(([node]) => node !== winner)
  asked.clear()
  for (const [node, fault = silentFault(name, node)] of others)
    yield { kind: 'passed', node, fault }
}

async function findNodes(store: Store, signal: AbortSignal): Promise<Failure | undefined> {
  try {
    await store.findNodes?.(signal)
    return undefined
  } catch (error) {
    return failureOf(error, store.name)
  }
}

/**
 * Waits `delay` milliseconds, or until a pending attempt answers, or a node accepts connections again.
 * @returns the node that accepts connections again, if any
 */
async function pause(
  delay: number,
  nodes: readonly string[],
  race: Race,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (delay === 0) return undefined
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const slept = sleep(delay, undefined, { signal: either }).catch(() => undefined)
  const answered = race.answered(either).then(() => undefined)
  const back = await Promise.race([slept, answered, reopenedNode(nodes, either)])
  over.abort()
  return back
}
