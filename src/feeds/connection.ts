// A node that has answered: its events, and whether it is good for more than one.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../core/fault.ts'
import type { StoreEvent } from '../core/store.ts'
import type { Attempt, Failure, Step } from './attempt.ts'

export interface ConnectionOptions {
  /** Milliseconds that it has to live behind its first event to count as good. */
  readonly proof?: number
  /** Why an event cannot be taken: the connection is broken for it. */
  readonly refuse?: (event: StoreEvent, node: string) => Fault | undefined
}

export interface Ended extends Failure {
  readonly kind: 'ended'
  /** Whether it was good. */
  readonly isProven: boolean
}

export type ConnectionEvent =
  | { readonly kind: 'store'; readonly node: string; readonly event: StoreEvent }
  /** It is good: it has lived on after its first event. */
  | { readonly kind: 'proven'; readonly node: string }

const PROOF = 1000

const PROVEN: unique symbol = Symbol('proven')

export class Connection {
  readonly node: string
  #isProven = false
  /** The step that is waited for. */
  #step: Promise<Step> | undefined
  readonly #timer = new AbortController()
  readonly #proven: Promise<typeof PROVEN>

  constructor(
    private readonly attempt: Attempt,
    private readonly options: ConnectionOptions,
  ) {
    this.node = attempt.node
    const { signal } = this.#timer
    this.#proven = sleep<typeof PROVEN>(options.proof ?? PROOF, PROVEN, { signal }).catch(
      (): typeof PROVEN => PROVEN,
    )
  }

  async next(): Promise<ConnectionEvent | Ended> {
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

  /** Resolves once nothing is left of it. */
  async end(): Promise<void> {
    this.#timer.abort()
    await this.attempt.end()
  }
}
