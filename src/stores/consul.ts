// The store consul: blocking queries on the KV store, whose answers are compared with the previous ones.
//
// Each query returns everything below its directory; entries with a known ModifyIndex are skipped (consul-entries.ts).
// `/app` is queried as `app?recurse`, so that one connection also covers the key `app` itself. The answer then also
// contains neighbours such as `application`, which are dropped here. Neighbours cost time, but are harmless.
//
// Denied keys must not look like missing keys. Consul 1.11 and later report denied keys in a header. Older versions,
// such as Debian's 1.8.7, silently omit them. With an older version, reconfd detects that no key is readable, but not
// that a policy covers only some of the keys.
import { FaultError, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { ConsulApi, type Page } from './consul-api.ts'
import type { Knowledge } from './consul-entries.ts'
import { HeldEntries } from './consul-held.ts'
import { Indexes } from './consul-index.ts'
import { isEmptyDelta, type Delta } from './delta.ts'
import { openHttpStore } from './http-store.ts'
import { Completions } from './completions.ts'
import { coveredBy, rootsOf } from './roots.ts'
import { consulCredentials } from './secrets.ts'
import { expecting } from './shape.ts'
import { TokenBucket } from './token-bucket.ts'

/** Rate limit of queries per root: the size of a burst and the number of queries per second. */
const BURST = 20
const PER_SECOND = 10

/** Milliseconds after which all values are compared again, even those with a known ModifyIndex. */
const COMPARE_EVERY = 60_000

/** Skips all entries of an answer. */
const ANYTHING: Knowledge = { next: undefined, isKnown: () => true }

/** A directory with its own blocking query, and the known keys below it. */
interface Root {
  readonly path: Key
  /** Prefix of the keys in Consul. */
  readonly start: string
  readonly bucket: TokenBucket
  /** The index to block on; 0 for an immediate answer. */
  index: number
  readonly held: HeldEntries
}

interface Answer {
  readonly root: Root
  readonly page: Page
}

/**
 * Opens the store of `-backend consul`. Returns a fault if a setting is invalid. Does not connect yet.
 * @param compareEvery set only by tests
 */
export function open(
  settings: StoreSettings,
  env: Readonly<Record<string, string | undefined>> = process.env,
  compareEvery = COMPARE_EVERY,
): Result<Store, Fault> {
  const { connection, catalog: of = { maxStale: 0 } } = settings
  const credentials = () => consulCredentials(connection, env)
  const indexes = new Indexes()
  return openHttpStore({
    name: 'consul',
    product: 'Consul',
    port: 8500,
    settings,
    check: () => void credentials(),
    follow: (http, prefixes, signal) =>
      follow(() => new ConsulApi(http, credentials(), indexes, of), prefixes, compareEvery, signal),
  })
}

/**
 * @param connect returns a client with the current credentials; called for each query, because a token in a file may
 *   be rotated
 */
async function* follow(
  connect: () => ConsulApi,
  prefixes: readonly Key[],
  compareEvery: number,
  signal: AbortSignal,
): AsyncGenerator<StoreEvent> {
  const wanted = coveredBy(prefixes)
  const inbox = new Completions<Answer>()
  const ask = async (root: Root): Promise<Answer> => {
    await root.bucket.take(signal)
    // The listing and the check of permissions must use the same token.
    const api = connect()
    try {
      const begin = (isReset: boolean): Knowledge => root.held.begin(isReset)
      const page = await api.list(root.start, root.index, begin, signal)
      if (
        page.filtered ||
        (page.entries.count === 0 && (root.index === 0 || page.isReset || root.held.size > 0))
      ) {
        await expectReadable(api, root.path, signal)
      }
      return { root, page }
    } catch (error) {
      const denied = error instanceof FaultError && error.fault.permanent === true
      // If the token was rotated meanwhile, retry with the new one.
      if (denied && !connect().isAs(api)) return ask(root)
      throw error
    }
  }

  const roots = rootsOf(prefixes).map((path): Root => {
    // A common parent of many prefixes is not wanted itself. A slash after its name excludes neighbours that begin with
    // that name.
    const start = wanted(path) || path === '/' ? path.slice(1) : `${path.slice(1)}/`
    const held = new HeldEntries(start, wanted, compareEvery)
    return { path, start, bucket: new TokenBucket(BURST, PER_SECOND), index: 0, held }
  })
  const entries = new Map<Key, string>()
  for (const { root, page } of await Promise.all(roots.map(ask))) {
    for (const [key, value] of update(root, page).put) entries.set(key, value)
    inbox.collect(ask(root))
  }
  yield { kind: 'snapshot', entries }

  for (;;) {
    const { root, page } = await inbox.next()
    const changes = update(root, page)
    inbox.collect(ask(root))
    if (!isEmptyDelta(changes)) yield { kind: 'delta', ...changes }
  }
}

/** Updates a root and returns the changes. */
function update(root: Root, { entries, index, wrong }: Page): Delta {
  const changes = expecting(wrong, () => root.held.take(entries))
  root.index = index
  return changes
}

/**
 * Throws if wanted keys may have been omitted. It is not a failure if the listing of `app` omits a neighbour
 * (`application`), or if a policy for `app/` does not cover the key `app`.
 */
async function expectReadable(api: ConsulApi, path: Key, signal: AbortSignal): Promise<void> {
  // For `/`, tests an arbitrary key. Usually, only a policy for the empty prefix covers that key.
  const dir = path === '/' ? '' : `${path.slice(1)}/`
  const below = await api.list(dir, 0, () => ANYTHING, signal)
  const probes = path === '/' ? ['reconfd'] : [path.slice(1), dir]
  const readable = await Promise.all(probes.map((key) => api.mayRead(key, signal)))
  if (below.filtered || !readable.includes(true)) throw api.denied(`${path} and below`)
}
