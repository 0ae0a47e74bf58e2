// Monitors the watch. A silent stream may be idle or dead, and a busy stream may be late. So the server is asked for
// its revision periodically, over another connection. If the stream stays behind that revision, the known keys are
// compared with the keys on the server. Usually they are equal, because only other keys were written. If they differ,
// everything is read again. Everything is also read again if the watch lags too far behind.
import { setTimeout as sleep } from 'node:timers/promises'
import { OutdatedError } from '../../core/store.ts'
import { ClosedError } from '../http-faults.ts'
import type { Gateway } from './gateway.ts'
import type { Held } from './held.ts'
import { outdatedIfGone, proveUnchanged, revisionNow } from './ranges.ts'

/** All times are in milliseconds. */
export interface PulseTuning {
  /** Time between two requests. */
  readonly interval: number
  /** Maximum time to wait for the answer to a request. */
  readonly patience: number
  /** Time to wait for an event that may still arrive. */
  readonly grace: number
  /** If the stream opens more than this time after the listing, the listing is verified. */
  readonly moment: number
  /** Maximum time to wait for a watch to open. */
  readonly opening: number
}

/** Pause between two comparisons, in milliseconds per key, because the server reads all keys for each comparison. */
const PROOF_PAUSE = 0.2
/** Additional timeout of a comparison, in milliseconds per key. */
const PROOF_PATIENCE = 0.02

export interface PulseOptions {
  readonly gateway: Gateway
  readonly held: Held
  readonly tuning: PulseTuning
  readonly signal: AbortSignal
  /** Duration of the listing in milliseconds. */
  readonly reading: number
  /** Called with the milliseconds by which the watch is late; undefined if the watch is not late. */
  readonly behind: (lag: number | undefined) => void
}

/** A revision, and the time when it was seen, in milliseconds of `performance.now()`. */
interface Mark {
  readonly revision: bigint
  readonly at: number
}

export class Pulse {
  #heardAt = performance.now()
  /** Revisions that the server has reported and the stream has not reached yet, the oldest first. */
  #marks: Mark[] = []
  #nextProof = 0

  constructor(private readonly options: PulseOptions) {}

  /** Call this when bytes from a stream have arrived. */
  heard(): void {
    this.#heardAt = performance.now()
  }

  /** Runs until the server is unreachable, or everything must be read again. Always throws. */
  async run(): Promise<never> {
    const { tuning, signal } = this.options
    // The first probe is sent immediately, because the stream may have fallen behind during a long listing.
    await this.#probe()
    for (;;) {
      const before = this.#position()
      await sleep(tuning.interval, undefined, { signal })
      this.#forget()
      const [mark] = this.#marks
      if (mark === undefined) await this.#probe()
      else if (this.#heardAt > mark.at + tuning.interval / 2) await this.#late(mark, before)
      else if (performance.now() >= this.#nextProof) await this.#prove()
      else await this.#probe()
    }
  }

  async #probe(): Promise<void> {
    const { held, gateway, tuning } = this.options
    const before = held.revision
    const revision = await this.#ask(() => revisionNow(gateway, held, { timeout: tuning.patience }))
    if (revision === undefined) return
    // Another member may have answered, and the answer from a member that is behind proves nothing.
    if (revision < before) return this.#prove()
    if (revision > before) this.#marks.push({ revision, at: performance.now() })
    else this.#caughtUp()
    this.#forget()
  }

  /**
   * Called if the stream is active, but late. Throws if it would be faster to read everything again than to catch up.
   */
  async #late({ at }: Mark, before: Mark): Promise<void> {
    const { behind, reading, gateway } = this.options
    behind(performance.now() - at)
    const now = this.#position()
    await this.#probe()
    const newest = this.#marks.at(-1)
    if (newest === undefined) return
    const perMillisecond = Number(now.revision - before.revision) / (now.at - before.at)
    const left = Number(newest.revision - now.revision) / perMillisecond
    if (left > reading) throw outdated(gateway, 'the watch has fallen behind')
  }

  /** The revision that the stream has reached now. */
  #position(): Mark {
    return { revision: this.options.held.revision, at: performance.now() }
  }

  /** Compares the known keys with the keys on the server. Throws if the watch has missed changes. */
  async #prove(): Promise<void> {
    const { held, gateway, tuning, signal, behind } = this.options
    const began = performance.now()
    this.#nextProof = began + held.size * PROOF_PAUSE
    const before = held.revision
    const timeout = tuning.patience + held.size * PROOF_PATIENCE
    const proof = await this.#ask(async () => ({
      revision: await proveUnchanged(gateway, held, { timeout }).catch((error: unknown) => {
        throw outdatedIfGone(error)
      }),
    }))
    if (proof === undefined) return
    const { revision } = proof
    if (revision !== undefined) {
      held.take([], revision)
      return this.#caughtUp()
    }
    if (held.revision === before) await sleep(tuning.grace, undefined, { signal })
    if (held.revision !== before) return
    const [mark] = this.#marks
    if (mark !== undefined && held.last !== undefined) behind(performance.now() - mark.at)
    throw outdated(gateway, 'the watch has missed changes')
  }

  /**
   * Runs a request. Throws if the request fails while the stream is silent, or if the history is no longer available.
   * If the stream is active, repeats a request that has timed out; after any other failure, returns undefined,
   * because the next request follows soon anyway.
   */
  async #ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    const began = performance.now()
    try {
      // A kept-alive connection may have been closed meanwhile.
      return await question().catch((error: unknown) => {
        if (error instanceof ClosedError) return question()
        throw error
      })
    } catch (error) {
      if (this.#heardAt < began || error instanceof OutdatedError) throw error
      // After a timeout, the request is repeated immediately. If the stream stays silent during the repetition, the
      // server is hanging, and the repetition throws.
      const { patience } = this.options.tuning
      return performance.now() - began < patience / 2 ? undefined : this.#ask(question)
    }
  }

  #forget(): void {
    const { held } = this.options
    const before = this.#marks.length
    this.#marks = this.#marks.filter(({ revision }) => revision > held.revision)
    if (before > 0 && this.#marks.length === 0) this.#caughtUp()
  }

  #caughtUp(): void {
    this.#marks = []
    this.options.behind(undefined)
  }
}

const outdated = (gateway: Gateway, why: string): OutdatedError =>
  new OutdatedError({
    kind: 'store',
    message: `${gateway.http.place}: ${why}`,
    hint: 'no action is needed: reconfd reads all keys again',
  })
