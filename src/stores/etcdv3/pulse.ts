// Watches over the watch. A stream that says nothing may be quiet or dead, and one that says much may be late: now and
// then the server is asked, beside the stream and over another connection, for its revision. While that is the
// stream's, all is well. Where the stream stays behind it, what is held is compared with what is there: most often
// only other keys were written. Otherwise everything is read again, which is also how a late watch catches up.
import { setTimeout as sleep } from 'node:timers/promises'
import { OutdatedError } from '../../core/store.ts'
import { ClosedError } from '../http-faults.ts'
import type { Gateway } from './gateway.ts'
import type { Held } from './held.ts'
import { outdatedIfGone, proveUnchanged, revisionNow } from './ranges.ts'

/** All in milliseconds. */
export interface PulseTuning {
  /** Between two questions. */
  readonly interval: number
  /** For the answer to one. */
  readonly patience: number
  /** For an event that is on its way. */
  readonly grace: number
  /** Behind the listing, after which the cluster is looked at again. */
  readonly moment: number
  /** For a watch to be open. */
  readonly opening: number
}

/** Milliseconds for each key held: the server looks at all of them to compare. */
const PROOF_PAUSE = 0.2
const PROOF_PATIENCE = 0.02

export interface PulseOptions {
  readonly gateway: Gateway
  readonly held: Held
  readonly tuning: PulseTuning
  readonly signal: AbortSignal
  /** Milliseconds that reading everything has taken. */
  readonly reading: number
  /** Called with the milliseconds by which the watch is late; undefined: it is not. */
  readonly behind: (lag: number | undefined) => void
}

/** A revision, and when it was known of, by `performance`. */
interface Mark {
  readonly revision: bigint
  readonly at: number
}

export class Pulse {
  #heardAt = performance.now()
  /** What the server had and the stream has not reached yet, oldest first. */
  #marks: Mark[] = []
  #nextProof = 0

  constructor(private readonly options: PulseOptions) {}

  /** Bytes of a stream have come. */
  heard(): void {
    this.#heardAt = performance.now()
  }

  /** Always throws: when the server is away, or when everything is to be read again. */
  async run(): Promise<never> {
    const { tuning, signal } = this.options
    // At once: what was written while everything was read may already be more than the stream carries.
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
    // Not necessarily the member of the stream: one that is behind proves nothing.
    if (revision < before) return this.#prove()
    if (revision > before) this.#marks.push({ revision, at: performance.now() })
    else this.#caughtUp()
    this.#forget()
  }

  /** The stream has said something since, and has still not come to what was there then. */
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

  /** How far the stream is. */
  #position(): Mark {
    return { revision: this.options.held.revision, at: performance.now() }
  }

  /** The stream is silent, and the server has gone on. */
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
    throw outdated(gateway, 'the watch misses changes')
  }

  /** Asks again when there is no answer while the stream goes on; undefined when that may as well be later. */
  async #ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    const began = performance.now()
    try {
      // A connection that is kept for the next question may have been closed meanwhile.
      return await question().catch((error: unknown) => {
        if (error instanceof ClosedError) return question()
        throw error
      })
    } catch (error) {
      if (this.#heardAt < began || error instanceof OutdatedError) throw error
      // It may have begun to hang only after that.
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
    hint: 'all keys are read again',
  })
