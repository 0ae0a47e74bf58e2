// The connection to a node that has answered: yields the node's events and decides when the connection counts as
// proven.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../core/fault.ts'
import type { StoreEvent } from '../core/store.ts'
import type { Attempt, Failure, Step } from './attempt.ts'

export interface NodeConnectionOptions {
  /** A connection counts as proven if it is still open this many milliseconds after its first event. */
  readonly proof?: number
  /** Returns a fault for an event that must not be applied. The fault ends the connection. */
  readonly refuse?: (event: StoreEvent, node: string) => Fault | undefined
}

export interface ConnectionEnded extends Failure {
  readonly kind: 'ended'
  readonly isProven: boolean
}

export type ConnectionEvent =
  | { readonly kind: 'store'; readonly node: string; readonly event: StoreEvent }
  /** The connection was still open `proof` milliseconds after its first event. */
  | { readonly kind: 'proven'; readonly node: string }

const DEFAULT_PROOF = 1000

const PROVEN: unique symbol = Symbol('proven')

export class NodeConnection {
  readonly node: string
  #isProven = false
  /** The step that was requested and has not been returned yet. */
  #step: Promise<Step> | undefined
  readonly #timer = new AbortController()
  readonly #proven: Promise<typeof PROVEN>

  constructor(
    private readonly attempt: Attempt,
    private readonly options: NodeConnectionOptions,
  ) {
    this.node = attempt.node
    const { signal } = this.#timer
    this.#proven = sleep<typeof PROVEN>(options.proof ?? DEFAULT_PROOF, PROVEN, { signal }).catch(
      (): typeof PROVEN => PROVEN,
    )
  }

  async next(): Promise<ConnectionEvent | ConnectionEnded> {
    const { node } = this
    this.#step ??= this.attempt.next()
    const step = this.#isProven ? await this.#step : await Promise.race([this.#step, this.#proven])
    if (step === PROVEN) {
      this.#isProven = true
      return { kind: 'proven', node }
    }
    this.#step = undefined
    if ('fault' in step) return { kind: 'ended', ...step, isProven: this.#isProven }
    const { event } = step
    const fault = this.options.refuse?.(event, node)
    if (fault === undefined) return { kind: 'store', node, event }
    return { kind: 'ended', fault, isOutdated: false, isProven: this.#isProven }
  }

  /** Cancels the watch. Resolves when the watch has released all its resources. */
  async end(): Promise<void> {
    this.#timer.abort()
    await this.attempt.end()
  }
}
