// One HTTP stream of etcd's watch: the changes of a span of keys, beginning at one revision. The whole span has one
// watch, whose events are filtered here, instead of one watch for each prefix. So one stream suffices, and its
// revisions are complete and in order. (If one HTTP body contains several create requests, some of them are lost,
// because the server stops reading when it begins to answer.)
import { FaultError } from '../../core/fault.ts'
import type { Key } from '../../core/key.ts'
import { OutdatedError } from '../../core/store.ts'
import { ClosedError } from '../http-faults.ts'
import { Meter } from '../limits.ts'
import { each, Mismatch } from '../shape.ts'
import { grpcCode, type Gateway } from './gateway.ts'
import type { Change, Held } from './held.ts'
import {
  decodeText64,
  integer,
  isIn,
  outsideOfRange,
  type Header,
  type Range,
  type WatchResponse,
} from './wire.ts'

/** A range, and the wanted directories in it. */
export interface Span {
  readonly dirs: ReadonlySet<Key>
  readonly range: Range
}

export interface StreamOptions {
  readonly gateway: Gateway
  readonly held: Held
  readonly signal: AbortSignal
  /** Timeout for opening the watch, in milliseconds. */
  readonly opening: number
  /** Called whenever bytes have arrived. */
  readonly heard: () => void
  /** Called when the watch is open. Reading continues when the returned promise resolves. */
  readonly opened: () => Promise<void>
  /** Called with the changes of complete revisions, up to `revision`. */
  readonly take: (changes: readonly Change[], revision: bigint) => void
}

/** Watches from the revision after the last known one. Always throws; a broken stream is never continued. */
export async function watchSpan(span: Span, options: StreamOptions): Promise<never> {
  const { gateway, signal, opening, heard } = options
  const stream = new AbortController()
  const stop = (): void => stream.abort(signal.reason)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  const tooLate = new FaultError({
    kind: 'store',
    message: `cannot reach ${gateway.http.place}: the watch was not opened within ${opening / 1000} s`,
    hint: 'check that etcd is running there and has a leader',
  })
  const timer = setTimeout(() => stream.abort(tooLate), opening)
  const reading = new Reading(span, options, () => clearTimeout(timer))
  try {
    await gateway.withToken(async () => {
      const body = createRequest(span, options.held.revision + 1n)
      const lines = await gateway.stream('/watch', body, stream.signal, heard)
      for await (const line of lines) if (reading.take(line)) await options.opened()
    })
  } catch (error) {
    if (!reading.isOpen || !(error instanceof ClosedError)) throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
  throw new FaultError({
    kind: 'store',
    message: `${gateway.http.place} closed the watch`,
    hint: 'check that etcd is running there; if a proxy in between closes silent connections, raise its timeout',
  })
}

const createRequest = ({ range }: Span, start: bigint): object => ({
  create_request: { ...range, start_revision: String(start), fragment: true },
})

/** Reads the messages of a stream, joins fragments, and drops the events for unwanted keys. */
class Reading {
  #changes: Change[] = []
  /** Whether etcd has confirmed the watch. */
  isOpen = false
  /** The revision of the last event; before any event, the first possible revision. */
  #from: bigint
  readonly #meter: Meter

  constructor(
    private readonly span: Span,
    private readonly options: StreamOptions,
    private readonly opened: () => void,
  ) {
    const { held, gateway } = options
    const { place, limits } = gateway.http
    this.#from = held.revision + 1n
    const limit = { most: limits.message, option: '-max-message' } as const
    this.#meter = new Meter(limit, place, 'a fragmented message')
  }

  /**
   * Processes a line. Throws if the line is invalid, or the watch cannot continue.
   * @returns whether the line opens the watch
   */
  take(line: string): boolean {
    const { gateway, take } = this.options
    try {
      const response = gateway.parse(line)
      const revision = this.#judge(response)
      this.#meter.take(line.length)
      const { events = [] } = response
      gateway.expecting(() => each(events, this.#takeEvent(revision), 'events'))
      const opens = response.created === true && !this.isOpen
      if (opens) this.opened()
      this.isOpen ||= opens
      if (response.fragment === true) return opens
      this.#meter.reset()
      // Even if none of the events is wanted, this call reports the progress of the stream.
      if (events.length > 0) take(this.#changes.splice(0), this.#from)
      return opens
    } catch (error) {
      // A plain FaultError prevents a retry with a new token, which would not continue the stream.
      throw this.isOpen && error instanceof FaultError && !(error instanceof OutdatedError)
        ? new FaultError(error.fault)
        : error
    }
  }

  /** Throws if the watch cannot continue; returns the revision of the header. */
  #judge(response: WatchResponse): Header['revision'] {
    const { gateway, held } = this.options
    const { place } = gateway.http
    if (integer(response.compact_revision) > 0n) {
      throw new OutdatedError({
        kind: 'store',
        message: `${place} has compacted its history up to revision ${response.compact_revision}; the watch needs revision ${held.revision + 1n}`,
        hint: 'no action is needed: reconfd reads all keys again',
      })
    }
    if (response.canceled === true) {
      const reason = response.cancel_reason ?? 'the watch was canceled'
      throw gateway.error(reason, /permission denied/.test(reason) ? grpcCode.permissionDenied : 0)
    }
    const header = gateway.expecting(() => {
      const { cluster_id, revision } = response.header
      if (revision === undefined) throw new Mismatch('is missing').within('header.revision')
      return { cluster_id, revision }
    })
    // A cluster restored from a backup may be behind the known revision, and a watch from a future revision would be
    // silent.
    expectSameCluster(gateway, held, header, response.created === true ? this.#from - 1n : 0n)
    return header.revision
  }

  #takeEvent(headerRevision: string) {
    const { held } = this.options
    return ({ type, kv }: NonNullable<WatchResponse['events']>[number]): void => {
      const revision = integer(kv.mod_revision ?? headerRevision)
      if (revision < this.#from) {
        throw new Mismatch(`is ${revision}, behind ${this.#from}`)
          .within('mod_revision')
          .within('kv')
      }
      this.#from = revision
      const name = held.names.read(kv.key)
      const dir = held.dirOf(name)
      if (dir !== undefined && this.span.dirs.has(dir)) {
        const value = type === 'DELETE' ? null : decodeText64(kv.value)
        this.#changes.push({ kv, name, dir, value, revision })
      } else if (!isIn(this.span.range, Buffer.from(kv.key, 'base64'))) {
        throw outsideOfRange().within('kv')
      }
    }
  }
}

/** Throws if a header belongs to another cluster, or its revision is lower than `least`. */
export function expectSameCluster(
  { http }: Gateway,
  held: Held,
  { cluster_id, revision }: Header,
  least: bigint,
): void {
  const isOther = cluster_id !== undefined && held.cluster !== '' && cluster_id !== held.cluster
  if (!isOther && integer(revision) >= least) return
  throw new FaultError({
    kind: 'store',
    message: `${http.place} is ${isOther ? 'a different cluster' : 'at an older revision'} than before`,
    hint: 'reconfd reads all keys again; if this repeats, check that all nodes belong to one cluster',
  })
}
