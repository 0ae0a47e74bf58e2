// One attempt to watch one node of a store, from the connection to the end of the watch.
import { FaultError, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import {
  OutdatedError,
  type Demand,
  type Store,
  type StoreEvent,
  type WatchOptions,
} from '../core/store.ts'
import { bugFault } from './bug.ts'

/** The reason why a watch has ended. */
export interface Failure {
  readonly fault: Fault
  /**
   * Whether the node no longer has the history that the watch needs, so that everything must be read again from the
   * same node.
   */
  readonly isOutdated: boolean
  /** The message to log if the store has thrown an exception that is not a FaultError. */
  readonly bug?: string
}

export interface AttemptOptions {
  readonly store: Store
  readonly prefixes: readonly Key[]
  /** Aborting this signal ends the watch. */
  readonly signal: AbortSignal
  readonly demand?: Demand | undefined
  /** See WatchOptions. */
  readonly behind?: WatchOptions['behind']
}

/** An event, or the reason why no more events follow. */
export type Step = { readonly event: StoreEvent } | Failure

export class Attempt {
  /** The start of the attempt, in milliseconds of `performance.now()`. */
  readonly began = performance.now()
  /** The time when bytes last arrived from the node; initially equal to `began`. */
  heard = this.began
  /** The first event or the failure, as soon as either is known. */
  first: Step | undefined
  readonly #ended = new AbortController()
  readonly #events: AsyncIterator<StoreEvent>
  readonly #stop = (): void => this.#ended.abort(this.options.signal.reason)
  readonly #firstStep: Promise<Step>
  /** Whether next() was called. */
  #isBegun = false

  /** @param changed called when `first` is set */
  constructor(
    readonly node: string,
    private readonly options: AttemptOptions,
    changed: () => void,
  ) {
    const { store, prefixes, signal, demand, behind } = options
    if (signal.aborted) this.#stop()
    signal.addEventListener('abort', this.#stop, { once: true })
    const heard = (): void => void (this.heard = performance.now())
    const watching = { demand, heard, behind }
    this.#events = begin(() => store.watch(node, prefixes, this.#ended.signal, watching))
    this.#firstStep = this.#next()
    void this.#firstStep.then((step) => {
      this.first = step
      changed()
    })
  }

  /** Returns the next event, or the reason why no more events follow. Never rejects. */
  next(): Promise<Step> {
    if (this.#isBegun) return this.#next()
    this.#isBegun = true
    return this.#firstStep
  }

  /** Cancels the watch. Resolves when the watch has released all its resources. */
  async end(): Promise<void> {
    this.options.signal.removeEventListener('abort', this.#stop)
    this.#ended.abort()
    await this.#firstStep
    await this.#events.return?.()
  }

  async #next(): Promise<Step> {
    try {
      const step = await this.#events.next()
      return step.done === true ? this.#over() : { event: step.value }
    } catch (error) {
      return failureOf(error, this.#place)
    }
  }

  #over(): Failure {
    const message = `${this.#place} closed the watch`
    return { fault: { kind: 'store', message }, isOutdated: false }
  }

  get #place(): string {
    return `${this.options.store.name} at ${this.node}`
  }
}

/**
 * Calls `watch` and returns its iterator. If the call itself throws, `next()` of the iterator rejects with that
 * exception.
 */
function begin(watch: () => AsyncIterable<StoreEvent>): AsyncIterator<StoreEvent> {
  try {
    return watch()[Symbol.asyncIterator]()
  } catch (error) {
    return {
      async next() {
        throw error
      },
    }
  }
}

/**
 * Converts an exception thrown by a store to a failure.
 * @param place the store and its node, for messages
 */
export function failureOf(error: unknown, place: string): Failure {
  const isOutdated = error instanceof OutdatedError
  if (error instanceof FaultError) return { fault: error.fault, isOutdated }
  return { ...bugFault(error, place), isOutdated }
}
