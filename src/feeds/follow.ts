// Follows a store for as long as it is wanted: opens it over all its nodes, and again when it breaks.
// The only place that retries a store, and that decides when.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Backoff } from '../core/backoff.ts'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Demand, Store, WatchOptions } from '../core/store.ts'
import { allOf, silent } from './asked.ts'
import { failureOf, type Failure } from './attempt.ts'
import {
  Connection,
  type ConnectionEvent,
  type ConnectionOptions,
  type Ended,
} from './connection.ts'
import { reopened } from './knock.ts'
import { Race, type Asked, type Patience } from './race.ts'
import { Turn } from './turn.ts'

export type FollowEvent =
  | ConnectionEvent
  /** Another node has answered instead of this one. */
  | { readonly kind: 'passed'; readonly node: string; readonly fault: Fault }
  /** The connection broke, or no node could be read; `retryIn` milliseconds later they are tried again. */
  | {
      readonly kind: 'broken'
      /** The first of them, when it is all. */
      readonly node: string
      /** What each of them did, when it is all. */
      readonly fault: Fault
      readonly retryIn: number
      /** It is not only one of several nodes. */
      readonly isAll: boolean
    }
  /** A store's code has thrown something that is no fault; to the rest it is a failure like any other. */
  | { readonly kind: 'bug'; readonly text: string }

export interface FollowOptions extends ConnectionOptions {
  readonly signal: AbortSignal
  readonly backoff?: Backoff
  /** With a node, before another one is asked as well. */
  readonly patience?: Patience
  /** Of a store that is read on demand. */
  readonly demand?: Demand | undefined
  /** Called when the watch has fallen behind, or has caught up; see WatchOptions. */
  readonly behind?: WatchOptions['behind']
  /** Kept up to date with what the nodes did. */
  readonly asked?: Asked
}

const DEFAULT_BACKOFF: Backoff = { first: 200, most: 5000 }

/**
 * Yields the store's events, each connection's first one a full snapshot, and what becomes of the
 * connections in between. Ends when the signal is aborted.
 *
 * A connection that breaks is followed by another one at once when there are other nodes; after a round in
 * which no node could be read, or after a connection that broke before it had proven itself, there is a
 * pause, longer each time. It ends early for a node that took no connections and takes them again.
 */
export async function* follow(
  store: Store,
  prefixes: readonly Key[],
  options: FollowOptions,
): AsyncGenerator<FollowEvent> {
  const { signal, demand, behind, asked = new Map<string, Fault | undefined>() } = options
  const turn = new Turn(options.backoff ?? DEFAULT_BACKOFF)
  const bugs: string[] = []
  const note = ({ bug }: Failure): void => void (bug !== undefined && bugs.push(bug))
  const race = new Race({ store, prefixes, signal, demand, behind }, asked, note, options.patience)
  try {
    while (!signal.aborted) {
      const lost = await findNodes(store, signal)
      if (lost !== undefined) asked.set(store.nodes[0] as string, lost.fault)
      const won = lost === undefined ? await race.run(turn.order(store.nodes)) : undefined
      const connection = won === undefined ? undefined : new Connection(won, options)
      if (connection !== undefined) yield* passedOver(store.name, asked, connection.node)
      let ended: Failure | Ended | undefined = lost
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
      if (ended !== undefined) note(ended)
      for (const text of bugs.splice(0)) yield { kind: 'bug', text }

      const { fault, isProven, isOutdated } = { ...round(store, asked), ...ended }
      const { node } = connection ?? { node: undefined }
      const retryIn = turn.after({ node, isProven, isOutdated }, store.nodes.length)
      if (retryIn === undefined) continue
      const isAll = node === undefined || store.nodes.length === 1
      yield { kind: 'broken', node: node ?? (store.nodes[0] as string), fault, retryIn, isAll }
      const back = await pause(retryIn, store.nodes, race, signal)
      if (back !== undefined) turn.returned(back)
    }
  } finally {
    await race.close()
  }
}

/** How a round ends in which no node could be read. */
const round = (store: Store, asked: Asked): Omit<Ended, 'kind'> => ({
  fault: allOf(store.name, asked),
  isProven: false,
  isOutdated: false,
})

/** What the others did that were asked before, or meanwhile. */
function* passedOver(name: string, asked: Asked, winner: string): Generator<FollowEvent> {
  const others = [...asked].filter(([node]) => node !== winner)
  asked.clear()
  for (const [node, fault = silent(name, node)] of others) yield { kind: 'passed', node, fault }
}

async function findNodes(store: Store, signal: AbortSignal): Promise<Failure | undefined> {
  try {
    await store.findNodes?.(signal)
    return undefined
  } catch (error) {
    return failureOf(error, store.name)
  }
}

/** Waits; a node that takes connections again ends that, and is given, and so does one that answers at last. */
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
  const back = await Promise.race([slept, answered, reopened(nodes, either)])
  over.abort()
  return back
}
