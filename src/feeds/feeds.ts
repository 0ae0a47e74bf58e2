// All stores of a generation, and the one tree of all their keys. The keys of the default store are at the root of that
// tree, and the keys of each named store are in a directory of their own (core/key.ts). Each store is followed
// separately: if one store is unreachable, only its own keys become stale.
import type { Emit, Event } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { mapExtent, union, type Extent } from '../core/extent.ts'
import { joinKeys, relativeTo, storeOf, storeRoot, type Key } from '../core/key.ts'
import { treeIn, type Changes } from '../core/mirror.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Reads } from '../core/reads.ts'
import { storeIdentity, withTable, type StoreSettings } from '../core/settings.ts'
import type { Store } from '../core/store.ts'
import { emptyTree, treeOf, type Tree } from '../core/tree.ts'
import { Demands } from './demands.ts'
import { Feed } from './feed.ts'

export interface FeedsListener {
  /**
   * See FeedListener.
   * @param store the name of the store in messages
   * @param before the previous tree of all stores
   */
  changed(store: string, changes: Changes, first: boolean, before: Tree): void
  /** Called when a store is unreachable and has never been read. */
  missed(): void
  /** Called with an exception that is not a fault. Such an exception is a bug in reconfd. */
  crashed(error: unknown): void
}

/** A store to follow. */
export interface WantedStore {
  readonly settings: StoreSettings
  /** The name of the store; absent for the default store. */
  readonly name?: string
  /** The prefixes to follow, in the store's own keys. */
  readonly prefixes: readonly Key[]
  /**
   * The prefixes of all stores with the same settings, if there are several such stores. Such stores share one
   * connection, unless they are read on demand.
   */
  readonly together?: readonly Key[]
  /** If the store is unreachable from the start, the resources that read it are rendered without it. */
  readonly isOptional?: true
}

export interface FeedsOptions {
  readonly open: (settings: StoreSettings) => Promise<Result<Store, Fault>>
  readonly emit: Emit
  readonly once: boolean
  /** Read everything below the prefixes, even from on-demand stores. */
  readonly whole?: boolean
}

interface OpenFeed {
  readonly feed: Feed
  /** The next generation takes over the feed if its store at the same root has the same identity. */
  readonly identity: string
}

const insecure = (store: string): Event => ({
  kind: 'notice',
  level: 'warn',
  message: `-client-insecure: the certificate of ${store} is not verified, so an impostor could supply keys and learn the credentials; use this option only for experiments`,
})

export class Feeds {
  listener: FeedsListener | undefined
  #tree: Tree
  /** Absent if no store is read on demand. */
  readonly #demands: Demands | undefined
  /** Whether this object was closed. From then on, the next generation sets the demand of the shared feeds. */
  #isRetired = false

  private constructor(
    private readonly entries: ReadonlyMap<Key, OpenFeed>,
    resources: readonly string[],
  ) {
    this.#tree = this.#mergeAll()
    const wanted = this.#wanted()
    if (wanted !== undefined) this.#demands = new Demands(resources, wanted)
  }

  /**
   * Opens the wanted stores. Takes over unchanged feeds from the previous generation.
   * @param resources names of the resources whose renders determine the demand
   */
  static async open(
    wanted: readonly WantedStore[],
    resources: readonly string[],
    former: Feeds | undefined,
    { open, emit, once, whole }: FeedsOptions,
  ): Promise<Result<Feeds, readonly Fault[]>> {
    const entries = new Map<Key, OpenFeed>()
    const faults: Fault[] = []
    for (const { settings, name, prefixes, together, isOptional } of wanted) {
      const root = name === undefined ? '/' : storeRoot(name)
      const identity = JSON.stringify([storeIdentity(settings), prefixes, together, isOptional])
      const known = former?.entries.get(root)
      if (known?.identity === identity) {
        entries.set(root, known)
        continue
      }
      const store = await open(settings)
      if (!store.ok) {
        faults.push(withTable(store.error, settings.definedIn))
        continue
      }
      const called = name ?? store.value.name
      if (settings.connection.clientInsecure === true) emit(insecure(called))
      const most = settings.limits.body
      const feed = new Feed({
        store: store.value,
        prefixes,
        root,
        name: called,
        definedIn: settings.definedIn,
        emit,
        most,
        once,
        whole,
        isOptional,
      })
      entries.set(root, { feed, identity })
    }
    return faults.length > 0 ? err(faults) : ok(new Feeds(entries, resources))
  }

  /** The keys of all stores. */
  get tree(): Tree {
    return this.#tree
  }

  /**
   * Records the look-ups of a render, which determine the demand of on-demand stores.
   * @param whole whether the render was complete, so that repeating it would look up the same keys
   */
  took(resource: string, reads: readonly Reads[], whole: boolean): void {
    if (this.#demands === undefined || this.#isRetired) return
    if (this.#demands.rendered(resource, reads, whole)) this.#want(this.#demands.all)
  }

  /** The demand in full keys; undefined if no store is read on demand. */
  #wanted(): Extent | undefined {
    const wanted = [...this.entries.values()].flatMap(({ feed }) => {
      const own = feed.wanted
      return own === undefined ? [] : [mapExtent(own, (dir) => joinKeys(feed.root, dir))]
    })
    return wanted.length === 0 ? undefined : union(wanted)
  }

  /** Sets the demand of all stores. */
  #want(extent: Extent): void {
    for (const { feed } of this.entries.values()) {
      const isOwn = (key: Key): boolean => this.#feedOf(key) === feed
      feed.want(mapExtent(extent, (key) => (isOwn(key) ? relativeTo(feed.root, key) : undefined)))
    }
  }

  /** Whether the store to which a full key belongs has been read at least once. */
  isRead(key: Key): boolean {
    return this.#feedOf(key)?.mirror.kind !== 'waiting'
  }

  /** Whether the store to which a full key belongs has never been read and is unreachable. */
  isMissed(key: Key): boolean {
    return this.#feedOf(key)?.isMissed === true
  }

  /** The name of the store to which a full key belongs, for messages. */
  nameOf(key: Key): string {
    return this.#feedOf(key)?.name ?? 'the store'
  }

  /** The number of keys in each store, by the name of the store. Omits stores that have never been read. */
  get sizes(): ReadonlyMap<string, number> {
    const feeds = [...this.entries.values()].map(({ feed }) => feed)
    return new Map(
      feeds.flatMap(({ name, mirror }) =>
        mirror.kind === 'waiting' ? [] : [[name, mirror.tree.size] as const],
      ),
    )
  }

  /** Whether all stores have been read. */
  get areRead(): boolean {
    return [...this.entries.values()].every(({ feed }) => feed.mirror.kind !== 'waiting')
  }

  start(): void {
    for (const { feed } of this.entries.values()) {
      feed.listener = {
        changed: (changed, changes, first) => {
          const before = this.#tree
          this.#tree = this.#merge(changed, changes)
          this.listener?.changed(changed.name, changes, first, before)
        },
        missed: () => this.listener?.missed(),
        crashed: (error) => this.listener?.crashed(error),
      }
      feed.start()
    }
    this.#tree = this.#mergeAll()
  }

  resync(): void {
    for (const { feed } of this.entries.values()) feed.resync()
  }

  /** @param next the next generation; the feeds that it has taken over stay open */
  async close(next?: Feeds): Promise<void> {
    this.#isRetired = true
    for (const [root, { feed }] of this.entries) {
      if (next?.entries.get(root)?.feed !== feed) await feed.close()
    }
  }

  /**
   * Waits for the first read of all stores. See Feed.firstRead.
   * @returns the faults of the stores that could not be read
   */
  async firstReads(
    timeout: number,
    givenUp: Promise<void>,
    begin = performance.now(),
  ): Promise<readonly Fault[]> {
    const reads = [...this.entries.values()].map(({ feed }) =>
      feed.firstRead(timeout, givenUp, begin),
    )
    return (await Promise.all(reads)).filter((fault) => fault !== undefined)
  }

  #feedOf(key: Key): Feed | undefined {
    const store = storeOf(key)
    const named = store === undefined ? undefined : this.entries.get(storeRoot(store))
    return (named ?? this.entries.get('/'))?.feed
  }

  #mergeAll(): Tree {
    const [first, ...more] = [...this.entries.values()].map(({ feed }) => treeIn(feed.mirror))
    if (more.length === 0) return first ?? emptyTree
    const all = [first ?? emptyTree, ...more].flatMap((tree) => [...tree.under('/')])
    return this.#withKnown(treeOf(new Map(all)))
  }

  #withKnown(tree: Tree): Tree {
    const known = [...this.entries.values()].flatMap(({ feed }) => [
      ...(treeIn(feed.mirror).known ?? []),
    ])
    return known.length === 0 ? tree : tree.knowing(new Map(known))
  }

  #merge(feed: Feed, changes: Changes): Tree {
    const tree = treeIn(feed.mirror)
    // Usually there is only one store.
    if (this.entries.size === 1) return tree
    const put = new Map<Key, string>()
    const del = new Set<Key>()
    for (const [key, how] of changes) {
      if (how === 'removed') del.add(key)
      else put.set(key, tree.get(key) as string)
    }
    return this.#withKnown(this.#tree.with(put, del))
  }
}
