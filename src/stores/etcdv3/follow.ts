// The watch: every change of a span of keys from one revision on, put into the mailbox.
// One watch over the whole span, filtered here, rather than one a prefix: revisions then stay whole
// and in order, and one stream is all it takes. (Several create requests in one HTTP body lose
// some: the server stops reading the body once it has begun to answer.)
import { FaultError } from '../../core/fault.ts'
import { selfAndAncestors, type Key } from '../../core/key.ts'
import type { Mailbox } from '../mailbox.ts'
import { code, isDenied, type Gateway } from './gateway.ts'
import { decode, decodeKey, integer, spanOf, type WatchResponse } from './wire.ts'

/** Thrown when the history from our revision on is gone: list again. */
export class Compacted extends Error {}

export interface Follow {
  readonly gateway: Gateway
  readonly mailbox: Mailbox
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
  const { gateway, mailbox, signal } = context
  const stream = new AbortController()
  const stop = (): void => stream.abort(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  let silent = false
  let live = false
  const timer = setTimeout(() => {
    silent = true
    stream.abort()
  }, context.silence)
  const watched = new Set(dirs)
  try {
    await gateway.withToken(async () => {
      const batches = new Batches(watched)
      const lines = await gateway.stream(
        '/watch',
        createRequest(dirs, position.next),
        stream.signal,
        () => timer.refresh(),
      )
      for await (const line of lines) {
        const response = gateway.parse<WatchResponse>(line)
        judge(context, response, position.next)
        if (response.created === true) live = true
        const changes = batches.add(response)
        if (changes === undefined) continue
        mailbox.put(changes)
        position.next = nextAfter(response, position.next)
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

const createRequest = (dirs: readonly Key[], next: bigint): object => ({
  create_request: {
    ...spanOf(dirs),
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
function nextAfter(response: WatchResponse, next: bigint): bigint {
  if (response.created === true) return next
  const last = response.events?.at(-1)?.kv?.mod_revision ?? response.header?.revision
  const seen = integer(last) + 1n
  return seen > next ? seen : next
}

/** Throws when a response says that this watch cannot go on. */
function judge({ gateway, cluster }: Follow, response: WatchResponse, next: bigint): void {
  if (integer(response.compact_revision) > 0n) throw new Compacted()
  if (response.canceled === true) {
    const reason = response.cancel_reason ?? 'the watch was canceled'
    throw gateway.error(reason, /permission denied/.test(reason) ? code.permissionDenied : 0)
  }
  const { cluster_id, revision } = response.header ?? {}
  const other = cluster_id !== undefined && cluster !== '' && cluster_id !== cluster
  // A cluster restored from a backup is behind us, and a watch in its future would stay silent.
  if (other || (response.created === true && integer(revision) < next - 1n)) {
    throw new FaultError({
      kind: 'store',
      message: `etcd at ${gateway.http.origin} is ${other ? 'another cluster' : 'at an older revision'} than before`,
      hint: 'all keys are read again',
    })
  }
}

/** Puts fragments together and nets the events of what is complete. */
class Batches {
  #changes = new Map<Key, string | null>()

  constructor(private readonly dirs: ReadonlySet<string>) {}

  /** The changes once they are whole, undefined while fragments are missing. */
  add(response: WatchResponse): Map<Key, string | null> | undefined {
    for (const { type, kv } of response.events ?? []) {
      const key = decodeKey(kv?.key)
      if (key === undefined || !this.#isWatched(key)) continue
      this.#changes.set(key, type === 'DELETE' ? null : decode(kv?.value))
    }
    if (response.fragment === true) return undefined
    const whole = this.#changes
    this.#changes = new Map()
    return whole
  }

  #isWatched(key: Key): boolean {
    for (const dir of selfAndAncestors(key)) if (this.dirs.has(dir)) return true
    return false
  }
}
