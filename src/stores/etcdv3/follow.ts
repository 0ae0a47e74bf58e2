// Watches etcd: puts every change after a listing into the buffer. The content of the buffer always belongs to one
// revision.
import type { ChangeBuffer } from '../change-buffer.ts'
import type { Key } from '../../core/key.ts'
import { OutdatedError } from '../../core/store.ts'
import { isDenied, type Gateway } from './gateway.ts'
import type { Change, Held } from './held.ts'
import type { EtcdNames } from './names.ts'
import { Pulse, type PulseOptions, type PulseTuning } from './pulse.ts'
import { changesUpTo, outdatedIfGone, proveUnchanged } from './ranges.ts'
import { watchSpan, type Span } from './stream.ts'
import type { DirRange } from './wire.ts'

export interface Follow extends Omit<PulseOptions, 'tuning'> {
  readonly mailbox: ChangeBuffer
  readonly tuning: PulseTuning
  /** When the listing was complete, in milliseconds of `performance.now()`. */
  readonly readAt: number
}

/** Follows the changes until something breaks. Always throws. */
export const followEtcd = (options: Follow): Promise<never> => new Following(options).run()

/** A stream that is open or being opened. */
interface Stream {
  readonly span: Span
  readonly parts: readonly DirRange[]
  /** The stream has delivered everything up to this revision. */
  reached: bigint
}

class Following {
  readonly #pulse: Pulse
  #streams: readonly Stream[] = []
  /** Changes from several streams that have not been combined at one revision yet. */
  #pending: Change[] = []
  #settling: Promise<void> | undefined
  #proof: Promise<void> | undefined
  #fail: (error: unknown) => void = () => undefined

  constructor(private readonly options: Follow) {
    this.#pulse = new Pulse(options)
  }

  async run(): Promise<never> {
    const { held } = this.options
    const failed = new Promise<never>((_, reject) => (this.#fail = reject))
    const dirs = [...new Set(held.parts.map(({ dir }) => dir))]
    const all: Stream = {
      span: { dirs: new Set(dirs), range: held.names.spanOf(dirs) },
      parts: held.parts,
      reached: held.revision,
    }
    this.#streams = [all]
    const watched = this.#watch(all)
    return Promise.race([failed, watched, this.#pulse.run()])
  }

  /**
   * Watches one span. If etcd denies access to the span, splits it into several streams, because a role may grant the
   * prefixes without the keys between them, or `/app` and everything below `/app/` without the names in between, such
   * as `/app-b`.
   */
  async #watch(stream: Stream): Promise<never> {
    const { gateway, held, signal, tuning } = this.options
    try {
      return await watchSpan(stream.span, {
        gateway,
        held,
        signal,
        opening: tuning.opening,
        heard: () => this.#pulse.heard(),
        opened: () => this.#opened(),
        take: (changes, revision) => this.#take(stream, changes, revision),
      })
    } catch (error) {
      const narrower = isDenied(error) ? split(stream, held.names) : []
      if (narrower.length < 2) throw error
      this.#streams = [...this.#streams.filter((other) => other !== stream), ...narrower]
      return Promise.race(narrower.map((one) => this.#watch(one)))
    }
  }

  /**
   * Verifies the listing unless it is recent, because the cluster may have been replaced since the listing, for
   * example while the machine was suspended.
   */
  async #opened(): Promise<void> {
    const { gateway, held, readAt, tuning } = this.options
    if (performance.now() - readAt < tuning.moment) return
    this.#proof ??= proveAt(gateway, held, held.revision)
    await this.#proof
  }

  #take(stream: Stream, changes: readonly Change[], revision: bigint): void {
    const { held, mailbox } = this.options
    stream.reached = revision
    if (this.#streams.length === 1) {
      mailbox.put(held.take(changes, revision))
      return
    }
    this.#pending.push(...changes)
    if (changes.length === 0) return
    this.#settling ??= this.#settle()
      .catch(this.#fail)
      .finally(() => (this.#settling = undefined))
  }

  /**
   * Combines the changes from several streams at the revision of the newest change. For the ranges of streams that
   * have not reached this revision, reads the changes up to it.
   */
  async #settle(): Promise<void> {
    const { held, mailbox, gateway } = this.options
    await this.#proof
    while (this.#pending.length > 0) {
      const brought = this.#pending.splice(0)
      const at = brought.reduce((most, { revision }) => (revision > most ? revision : most), 0n)
      if (at <= held.revision) continue
      const late = this.#streams.filter(({ reached }) => reached < at).flatMap(({ parts }) => parts)
      const read = await changesUpTo(gateway, held, late, at).catch((error: unknown) => {
        throw outdatedIfGone(error)
      })
      // `read` contains all changes of the late ranges, so the changes that streams have delivered for these ranges are
      // dropped.
      const isLate = ({ dir, name }: Change): boolean =>
        late.some((part) => part.dir === dir && part.includes(name))
      const isNews = (change: Change): boolean => change.revision > held.revision && !isLate(change)
      const changes = [...brought.filter(isNews), ...read]
      changes.sort((one, other) => Number(one.revision - other.revision))
      mailbox.put(held.take(changes, at))
    }
  }
}

async function proveAt(gateway: Gateway, held: Held, at: bigint): Promise<void> {
  const proved = await proveUnchanged(gateway, held, { at }).catch((error: unknown) => {
    throw outdatedIfGone(error)
  })
  if (proved !== undefined) return
  throw new OutdatedError({
    kind: 'store',
    message: `${gateway.http.place} may no longer belong to the cluster whose keys were listed`,
    hint: 'no action is needed: reconfd reads all keys again',
  })
}

/** Splits a stream by directory, or by range if it has only one directory. */
function split({ span, parts }: Stream, names: EtcdNames): readonly Stream[] {
  const { dirs } = span
  if (dirs.size > 1) {
    return [...dirs].map((dir) => narrowed(dir, names.spanOf([dir]), parts))
  }
  return parts.map((part) => narrowed(part.dir, part.range, [part]))
}

const narrowed = (dir: Key, range: Span['range'], parts: readonly DirRange[]): Stream => ({
  span: { dirs: new Set([dir]), range },
  parts: parts.filter((part) => part.dir === dir),
  reached: 0n,
})
