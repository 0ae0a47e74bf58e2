// The store consul: blocking queries on the KV store, compared with what they gave before.
//
// Each query returns everything below its directory; of the entries that are known by their ModifyIndex no
// value is made (consul-entries.ts). `/app` is asked for as `app?recurse`: one connection
// that gives the key `app` itself, too. Consul then also tells of `application`, which is dropped
// here; such neighbours cost time, never correctness.
//
// What the ACL keeps back must not look empty: Consul tells since 1.11 by a header. Older ones
// (Debian's 1.8.7) just leave it out; there we can see that nothing at all is readable, but not
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

/** Queries per root: this many in a row at once, then this many a second. */
const BURST = 20
const PER_SECOND = 10

/** Nothing is to be told of an answer. */
const ANYTHING: Knowledge = { next: undefined, isKnown: () => true }

/** A directory with a blocking query of its own, and what is known below it. */
interface Root {
  readonly path: Key
  /** What the keys in Consul begin with. */
  readonly start: string
  readonly bucket: TokenBucket
  /** What to block on; 0 asks for the present state. */
  index: number
  readonly held: HeldEntries
}

interface Answer {
  readonly root: Root
  readonly page: Page
}

export function open(
  settings: StoreSettings,
  env: Readonly<Record<string, string | undefined>> = process.env,
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
      follow(() => new ConsulApi(http, credentials(), indexes, of), prefixes, signal),
  })
}

/** @param connect as whom we are at the moment: a token in a file may be rotated */
async function* follow(
  connect: () => ConsulApi,
  prefixes: readonly Key[],
  signal: AbortSignal,
): AsyncGenerator<StoreEvent> {
  const wanted = coveredBy(prefixes)
  const inbox = new Completions<Answer>()
  const ask = async (root: Root): Promise<Answer> => {
    await root.bucket.take(signal)
    // One for both questions: what may be read has to be known of the token that has read.
    const api = connect()
    try {
      const begin = (anew: boolean): Knowledge => root.held.begin(anew)
      const page = await api.list(root.start, root.index, begin, signal)
      if (
        page.filtered ||
        (page.entries.count === 0 && (root.index === 0 || page.anew || root.held.size > 0))
      ) {
        await expectReadable(api, root.path, signal)
      }
      return { root, page }
    } catch (error) {
      const denied = error instanceof FaultError && error.fault.permanent === true
      // The old token was refused while the new one was on its way.
      if (denied && !connect().isAs(api)) return ask(root)
      throw error
    }
  }

  const roots = rootsOf(prefixes).map((path): Root => {
    // A parent of many prefixes is no key of ours: with its slash it leaves out the neighbours.
    const start = wanted(path) || path === '/' ? path.slice(1) : `${path.slice(1)}/`
    const held = new HeldEntries(start, wanted)
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

/** Brings a root up to date and tells what that changed. */
function update(root: Root, { entries, index, wrong }: Page): Delta {
  const changes = expecting(wrong, () => root.held.take(entries))
  root.index = index
  return changes
}

/**
 * Throws when something of ours may have been kept back. What a listing of `app` leaves out may be
 * a neighbour's (`application`), and a policy for `app/` does not cover the key `app`: neither is
 * a failure.
 */
async function expectReadable(api: ConsulApi, path: Key, signal: AbortSignal): Promise<void> {
  // In the whole store any key will do: only a policy for the empty prefix covers them all.
  const dir = path === '/' ? '' : `${path.slice(1)}/`
  const below = await api.list(dir, 0, () => ANYTHING, signal)
  const probes = path === '/' ? ['reconfd'] : [path.slice(1), dir]
  const readable = await Promise.all(probes.map((key) => api.mayRead(key, signal)))
  if (below.filtered || !readable.includes(true)) throw api.denied(`${path} and below`)
}
