// The watch: every change of a span of keys from one revision on, put into the mailbox.
// One watch over the whole span, filtered here, rather than one a prefix: revisions then stay whole
// and in order, and one stream is all it takes. (Several create requests in one HTTP body lose
// some: the server stops reading the body once it has begun to answer.)
import { FaultError } from '../../core/fault.ts'
import { selfAndAncestors, type Key } from '../../core/key.ts'
import { OutdatedError } from '../../core/store.ts'
import { Meter } from '../limits.ts'
import type { Mailbox } from '../mailbox.ts'
import { each, Mismatch } from '../shape.ts'
import { code, isDenied, type Gateway } from './gateway.ts'
import type { Names } from './names.ts'
import {
  decode,
  integer,
  isIn,
  outside,
  type Header,
  type KeyValue,
  type Range,
  type WatchResponse,
} from './wire.ts'

export interface Follow {
  readonly gateway: Gateway
  readonly mailbox: Mailbox
  readonly names: Names
  /** The cluster that was listed. */
  readonly cluster: string
  readonly signal: AbortSignal
  /** Milliseconds of silence after which the watch is opened anew. */
  readonly silence: number
}

/**
 * Follows the directories until something breaks; always throws.
 * @param next the first revision not yet seen
 */
export async function follow(context: Follow, dirs: readonly Key[], next: bigint): Promise<never> {
  const position = { next }
  try {
    for (;;) await oneStream(context, dirs, position)
  } catch (error) {
    if (!isDenied(error) || dirs.length === 1) throw error
    // A role may grant each of the prefixes and not what lies between: then a stream for each.
    await Promise.all(dirs.map((dir) => follow(context, [dir], position.next)))
    throw error
  }
}

/**
 * One HTTP stream. Returns when it has been silent for too long, to be opened again from where it
 * was: the only proof of life that also covers a connection some firewall has forgotten. Nothing
 * is listed again for it, and what happened meanwhile is caught up by revision.
 */
async function oneStream(
  context: Follow,
  dirs: readonly Key[],
  position: { next: bigint },
): Promise<void> {
  const { gateway, mailbox, names, signal } = context
  const stream = new AbortController()
  const stop = (): void => stream.abort(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  let silent = false
  let live = false
  const timer = setTimeout(() => {
    silent = true
    stream.abort()
  }, context.silence)
  try {
    await gateway.withToken(async () => {
      const batches = new Batches(gateway, names, dirs, position.next)
      const lines = await gateway.stream(
        '/watch',
        createRequest(names.spanOf(dirs), position.next),
        stream.signal,
        () => timer.refresh(),
      )
      for await (const line of lines) {
        const response = gateway.parse(line)
        const header = judge(context, response, position.next)
        if (response.created === true) live = true
        const changes = batches.add(response, header, line.length)
        if (changes === undefined) continue
        mailbox.put(changes)
        position.next = nextAfter(response, header, position.next)
      }
    })
  } catch (error) {
    if (signal.aborted || !silent) throw error
    if (live) return
    throw new FaultError({
      kind: 'store',
      message: `cannot reach etcd at ${gateway.http.origin}: the watch was not opened within ${context.silence / 1000} s`,
      hint: 'is etcd running there, and does it have a leader?',
    })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
  throw new FaultError({
    kind: 'store',
    message: `etcd at ${gateway.http.origin} ended the watch`,
  })
}

const createRequest = (span: Range, next: bigint): object => ({
  create_request: {
    ...span,
    start_revision: String(next),
    progress_notify: true,
    fragment: true,
  },
})

/**
 * The revision to go on from. While catching up, a response can hold the first thousand revisions
 * and the newest one in its header: only the events themselves count. Without events it is a
 * progress notification, and says that nothing is missing up to its revision.
 */
function nextAfter(response: WatchResponse, header: Header, next: bigint): bigint {
  if (response.created === true) return next
  const last = response.events?.at(-1)?.kv.mod_revision ?? header.revision
  const seen = integer(last) + 1n
  return seen > next ? seen : next
}

/** Throws when a response says that this watch cannot go on. */
function judge({ gateway, cluster }: Follow, response: WatchResponse, next: bigint): Header {
  const { place } = gateway.http
  if (integer(response.compact_revision) > 0n) {
    throw new OutdatedError({
      kind: 'store',
      message: `${place} has compacted its history up to revision ${response.compact_revision}; the watch needs revision ${next}`,
      hint: 'all keys are read again',
    })
  }
  if (response.canceled === true) {
    const reason = response.cancel_reason ?? 'the watch was canceled'
    throw gateway.error(reason, /permission denied/.test(reason) ? code.permissionDenied : 0)
  }
  const header = gateway.expecting(() => {
    const { cluster_id, revision } = response.header
    if (revision === undefined) throw new Mismatch('is missing').within('header.revision')
    return { cluster_id, revision }
  })
  const other = header.cluster_id !== undefined && cluster !== '' && header.cluster_id !== cluster
  // A cluster restored from a backup is behind us, and a watch in its future would stay silent.
  if (other || (response.created === true && integer(header.revision) < next - 1n)) {
    throw new FaultError({
      kind: 'store',
      message: `${place} is ${other ? 'another cluster' : 'at an older revision'} than before`,
      hint: 'all keys are read again',
    })
  }
  return header
}

/** Puts fragments together and nets the events of what is complete. */
class Batches {
  #changes = new Map<Key, string | null>()
  readonly #dirs: ReadonlySet<string>
  readonly #span: Range
  readonly #meter: Meter

  /** @param from the revision of the last event, or the first one that may come */
  constructor(
    private readonly gateway: Gateway,
    private readonly names: Names,
    dirs: readonly Key[],
    private from: bigint,
  ) {
    this.#dirs = new Set(dirs)
    this.#span = names.spanOf(dirs)
    const { place, limits } = gateway.http
    const limit = { most: limits.message, option: '-max-message' } as const
    this.#meter = new Meter(limit, place, 'a message in fragments')
  }

  /**
   * The changes once they are whole, undefined while fragments are missing.
   * @param size of the response, in characters
   */
  add(
    { events = [], fragment = false }: WatchResponse,
    { revision }: Header,
    size: number,
  ): Map<Key, string | null> | undefined {
    this.#meter.take(size)
    const take = ({ type, kv }: NonNullable<WatchResponse['events']>[number]): void => {
      const at = integer(kv.mod_revision ?? revision)
      if (at < this.from) {
        throw new Mismatch(`is ${at}, behind ${this.from}`).within('mod_revision').within('kv')
      }
      this.from = at
      const key = this.#keyOf(kv)
      if (key !== undefined) this.#changes.set(key, type === 'DELETE' ? null : decode(kv.value))
    }
    this.gateway.expecting(() => each(events, take, 'events'))
    if (fragment) return undefined
    const whole = this.#changes
    this.#changes = new Map()
    this.#meter.reset()
    return whole
  }

  /** Undefined for a neighbour's, which lies between the directories, and for what is no key of ours. */
  #keyOf({ key: name }: KeyValue): Key | undefined {
    const text = decode(name)
    const key = this.names.keyOf(text)
    if (key !== undefined) {
      for (const dir of selfAndAncestors(key)) if (this.#dirs.has(dir)) return key
    }
    if (!isIn(this.#span, Buffer.from(name, 'base64'))) throw outside().within('kv')
    return undefined
  }
}
