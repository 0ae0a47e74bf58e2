// The store etcdv2: list with a quorum, then long polls from the index of that listing on.
// Each event is asked for by the index behind the one before, so none is missed; when etcd has
// forgotten it (it keeps 1,000 events of the whole cluster), the watch is outdated: all is read again.
//
// Deviation of the protocol: hidden keys (`/app/_x` and what is below) are in no listing and no
// event of etcd, so they are seen only when a prefix itself names one.
import type { Fault } from '../core/fault.ts'
import { covers, type Key } from '../core/key.ts'
import type { Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { isEmptyDelta, type Delta } from './delta.ts'
import { EtcdV2Api, type WaitAnswer } from './etcdv2-api.ts'
import { openHttpStore } from './http-store.ts'
import { Completions } from './completions.ts'
import { coveredBy, rootsOf } from './roots.ts'
import { basicAuth } from './secrets.ts'
import { TokenBucket } from './token-bucket.ts'

/** Below what proxies usually allow a silent connection; in milliseconds. */
const POLL_LIFE = 50_000

/** Polls that end without an event: this many in a row at once, then this many a second. */
const QUIET_BURST = 5
const QUIET_PER_SECOND = 0.5

/** A directory with a poll of its own, and what is known below it. */
interface Root {
  readonly path: Key
  /** The index to wait from. */
  next: number
  readonly values: Map<Key, string>
  /** A server, or a proxy, may end each poll at once. */
  readonly quiet: TokenBucket
}

/** @param pollLife milliseconds until a silent poll is asked anew and the quorum checked */
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
  const wanted = coveredBy(prefixes)
  const inbox = new Completions<{ readonly root: Root; readonly answer: WaitAnswer }>()
  const list = async (path: Key): Promise<Root> => {
    const { index, entries } = await api.list(path, signal)
    for (const key of entries.keys()) if (!wanted(key)) entries.delete(key)
    const quiet = new TokenBucket(QUIET_BURST, QUIET_PER_SECOND)
    return { path, next: index + 1, values: entries, quiet }
  }
  const ask = async (root: Root) => ({ root, answer: await api.wait(root.path, root.next, signal) })

  const roots = await Promise.all(rootsOf(prefixes).map(list))
  for (const root of roots) inbox.collect(ask(root))
  yield { kind: 'snapshot', entries: new Map(roots.flatMap((root) => [...root.values])) }

  const quiet = async (root: Root): Promise<void> => {
    await root.quiet.take(signal)
    await api.proveQuorum(root.path, signal)
  }
  for (;;) {
    const { root, answer } = await inbox.next()
    root.next = answer.index + 1
    if (answer.kind === 'quiet') {
      inbox.collect(quiet(root).then(() => ask(root)))
      continue
    }
    const changes = changesOf(answer, root, wanted)
    inbox.collect(ask(root))
    if (!isEmptyDelta(changes)) yield { kind: 'delta', ...changes }
  }
}

/** What an event means for the keys of one root, which are brought up to date. */
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
  // The directory may lie above the root; etcd tells `/application` of the end of `/app`, too.
  const dir = event.kind === 'remove' && event.dir
  const gone = dir ? [...values.keys()].filter((key) => covers(event.key, key)) : [event.key]
  for (const key of gone) if (values.delete(key)) del.add(key)
  return { put, del }
}
