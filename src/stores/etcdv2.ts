// The store etcdv2: a quorum listing, then long polls from the index of that listing. Each poll requests the index
// after the previous event, so that no event is missed. etcd keeps only the last 1,000 events of the whole cluster. If
// etcd no longer has the requested event, the watch is outdated, and everything is read again.
//
// During a silent poll, etcd may have been restored from a backup and have written past the index of the poll, without
// any sign on the connection. So after each silent poll, the keys are read again if the index has changed.
//
// Unlike in other stores, hidden keys (`/app/_x` and everything below) are visible only if a prefix itself is hidden,
// because etcd omits hidden keys from all other listings and events.
import type { Fault } from '../core/fault.ts'
import { covers, type Key } from '../core/key.ts'
import type { Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { difference, isEmptyDelta, type Delta } from './delta.ts'
import { EtcdV2Api, type WaitAnswer } from './etcdv2-api.ts'
import { openHttpStore } from './http-store.ts'
import { Completions } from './completions.ts'
import { coveredBy, rootsOf } from './roots.ts'
import { basicAuth } from './secrets.ts'
import { isAmbiguous } from './shape.ts'
import { TokenBucket } from './token-bucket.ts'

/** Longest duration of a poll, in milliseconds. Below the usual timeout of proxies for a silent connection. */
const POLL_LIFE = 50_000

/** Rate limit of polls that end without an event: the size of a burst and the number of polls per second. */
const QUIET_BURST = 5
const QUIET_PER_SECOND = 0.5

const NO_CHANGES: Delta = { put: new Map(), del: new Set() }

/** A directory with its own poll, and the known keys below it. */
interface Root {
  readonly path: Key
  /** The index to wait from. */
  next: number
  values: Map<Key, string>
  /** Limits the rate if a server or proxy ends each poll immediately. */
  readonly quiet: TokenBucket
}

/**
 * Opens the store of `-backend etcdv2`. Returns a fault if a setting is invalid. Does not connect yet.
 * @param pollLife milliseconds until a silent poll is repeated, after a check of the quorum
 */
export function open(settings: StoreSettings, pollLife = POLL_LIFE): Result<Store, Fault> {
  const { connection } = settings
  return openHttpStore({
    name: 'etcdv2',
    product: 'etcd',
    port: 2379,
    settings,
    follow: (http, prefixes, signal) =>
      follow(new EtcdV2Api(http, () => basicAuth(connection), pollLife), prefixes, signal),
  })
}

async function* follow(
  api: EtcdV2Api,
  prefixes: readonly Key[],
  signal: AbortSignal,
): AsyncGenerator<StoreEvent> {
  const covered = coveredBy(prefixes)
  const wanted = (key: Key): boolean => covered(key) && !isAmbiguous(key)
  const read = async (path: Key) => {
    const { index, entries } = await api.list(path, signal)
    for (const key of entries.keys()) if (!wanted(key)) entries.delete(key)
    return { next: index + 1, values: entries }
  }
  const list = async (path: Key): Promise<Root> => {
    const quiet = new TokenBucket(QUIET_BURST, QUIET_PER_SECOND)
    return { path, quiet, ...(await read(path)) }
  }
  const checkHistory = async (root: Root): Promise<Delta> => {
    await root.quiet.take(signal)
    const index = await api.proveQuorum(root.path, signal)
    if (index === root.next - 1) return NO_CHANGES
    const { values } = root
    Object.assign(root, await read(root.path))
    return difference(values, root.values)
  }
  const poll = async (root: Root): Promise<{ readonly root: Root; readonly changes: Delta }> => {
    const answer = await api.wait(root.path, root.next, signal)
    root.next = answer.index + 1
    const changes =
      answer.kind === 'quiet' ? await checkHistory(root) : changesOf(answer, root, wanted)
    return { root, changes }
  }

  const roots = await Promise.all(rootsOf(prefixes).map(list))
  const inbox = new Completions<Awaited<ReturnType<typeof poll>>>()
  for (const root of roots) inbox.collect(poll(root))
  yield { kind: 'snapshot', entries: new Map(roots.flatMap((root) => [...root.values])) }
  for (;;) {
    const { root, changes } = await inbox.next()
    inbox.collect(poll(root))
    if (!isEmptyDelta(changes)) yield { kind: 'delta', ...changes }
  }
}

/** Applies an event to the keys of one root and returns the changes. */
function changesOf(
  event: Extract<WaitAnswer, { kind: 'put' | 'remove' }>,
  { path, values }: Root,
  wanted: (key: Key) => boolean,
): Delta {
  const put = new Map<Key, string>()
  const del = new Set<Key>()
  if (event.kind === 'put' && event.value !== undefined) {
    const { key, value } = event
    if (covers(path, key) && wanted(key) && values.get(key) !== value) {
      put.set(key, value)
      values.set(key, value)
    }
    return { put, del }
  }
  // The removed directory may be above the root. For the root `/application`, etcd even reports the removal of
  // `/app`.
  const dir = event.kind === 'remove' && event.dir
  const gone = dir ? [...values.keys()].filter((key) => covers(event.key, key)) : [event.key]
  for (const key of gone) if (values.delete(key)) del.add(key)
  return { put, del }
}
