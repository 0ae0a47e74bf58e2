// All stores of a generation, and the one tree of all their keys. The default store's keys lie at its
// root, those of the others below a directory of their own (core/key.ts). Each is followed by itself:
// one that is away makes stale what comes from it and nothing else.
import type { Emit, Event } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { mapExtent, union, type Extent } from '../core/extent.ts'
import { joinKeys, relativeTo, storeOf, storeRoot, type Key } from '../core/key.ts'
import { treeIn, type Changes } from '../core/mirror.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Reads } from '../core/reads.ts'
import { storeIdentity, type StoreSettings } from '../core/settings.ts'
import type { Store } from '../core/store.ts'
import { emptyTree, treeOf, type Tree } from '../core/tree.ts'
import { Demands } from './demands.ts'
import { Feed } from './feed.ts'

export interface FeedsListener {
  /** The tree was `before`; without changes more or less of it is known. Also called for each store's first snapshot, even an empty one. */
  changed(store: string, changes: Changes, first: boolean, before: Tree): void
  /** A store that was not read yet is unreachable. */
  missed(): void
  /** A bug: something other than a fault was thrown. */
  crashed(error: unknown): void
}

/** A store that is wanted. */
export interface Wanted {
  readonly settings: StoreSettings
  /** Of the named stores; absent for the default one. */
  readonly name?: string
  /** Of the store's own keys. */
  readonly prefixes: readonly Key[]
  /** Of all names that the store goes by, where it goes by several: they are read together. */
  readonly together?: readonly Key[]
  /** While it is unreachable, whoever reads it is rendered without it. */
  readonly isOptional?: true
}

export interface FeedsOptions {
  readonly open: (settings: StoreSettings) => Promise<Result<Store, Fault>>
  readonly emit: Emit
  readonly once: boolean
  /** Stores that are read on demand are read as far as `prefixes` go. */
  readonly whole?: boolean
}

interface Entry {
  readonly feed: Feed
  /** Equal for two that can share one connection. */
  readonly identity: string
}

const insecure = (store: string): Event => ({
  kind: 'notice',
  level: 'warn',
  message: `-client-insecure: whoever answers in place of ${store} is believed, and is told our credentials; for trying things out only`,
})

export class Feeds {
  listener: FeedsListener | undefined
  #tree: Tree
  /** Absent where no store is read on demand. */
  readonly #demands: Demands | undefined
  /** The next generation has its own demands on the same stores. */
  #isRetired = false

  private constructor(
    private readonly entries: ReadonlyMap<Key, Entry>,
    resources: readonly string[],
  ) {
    this.#tree = this.#all()
    const wanted = this.#wanted()
    if (wanted !== undefined) this.#demands = new Demands(resources, wanted)
  }

  /**
   * Opens what is wanted; what a former generation has open and is wanted again is taken over.
   * @param resources the names of those whose renders decide what is read on demand
   */
  static async open(
    wanted: readonly Wanted[],
    resources: readonly string[],
    former: Feeds | undefined,
    { open, emit, once, whole }: FeedsOptions,
  ): Promise<Result<Feeds, readonly Fault[]>> {
    const entries = new Map<Key, Entry>()
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
        faults.push(store.error)
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

  /** All keys that are known, of all stores. */
  get tree(): Tree {
    return this.#tree
  }

  /**
   * Takes in what a render looked up: of stores that are read on demand, that decides what they read.
   * @param whole the render came to its end, of what is known: another one would look up the same
   */
  took(resource: string, reads: readonly Reads[], whole: boolean): void {
    if (this.#demands === undefined || this.#isRetired) return
    if (this.#demands.rendered(resource, reads, whole)) this.#want(this.#demands.all)
  }

  /** As full keys; undefined when no store is read on demand. */
  #wanted(): Extent | undefined {
    const wanted = [...this.entries.values()].flatMap(({ feed }) => {
      const own = feed.wanted
      return own === undefined ? [] : [mapExtent(own, (dir) => joinKeys(feed.root, dir))]
    })
    return wanted.length === 0 ? undefined : union(wanted)
  }

  /** From here on this is wanted of the stores, and nothing else. */
  #want(extent: Extent): void {
    for (const { feed } of this.entries.values()) {
      const isOwn = (key: Key): boolean => this.#feedOf(key) === feed
      feed.want(mapExtent(extent, (key) => (isOwn(key) ? relativeTo(feed.root, key) : undefined)))
    }
  }

  /** Whether the store of a full key has been read, if only once. */
  isRead(key: Key): boolean {
    return this.#feedOf(key)?.mirror.kind !== 'waiting'
  }

  /** Whether the store of a full key could not be read so far. */
  isMissed(key: Key): boolean {
    return this.#feedOf(key)?.isMissed === true
  }

  /** How the store of a full key is called. */
  nameOf(key: Key): string {
    return this.#feedOf(key)?.name ?? 'the store'
  }

  /** How many keys each store has, by what it is called; without those that were never read. */
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
    this.#tree = this.#all()
  }

  resync(): void {
    for (const { feed } of this.entries.values()) feed.resync()
  }

  /** @param next takes over what it has of these */
  async close(next?: Feeds): Promise<void> {
    this.#isRetired = true
    for (const [root, { feed }] of this.entries) {
      if (next?.entries.get(root)?.feed !== feed) await feed.close()
    }
  }

  /**
   * The faults of the stores that could not be read in time, when all others have been. Of those that
   * are read on demand: as far as is wanted now. As Feed.firstRead has it.
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

  #all(): Tree {
    const [first, ...more] = [...this.entries.values()].map(({ feed }) => treeIn(feed.mirror))
    if (more.length === 0) return first ?? emptyTree
    const all = [first ?? emptyTree, ...more].flatMap((tree) => [...tree.under('/')])
    return this.#knowing(treeOf(new Map(all)))
  }

  #knowing(tree: Tree): Tree {
    const known = [...this.entries.values()].flatMap(({ feed }) => [
      ...(treeIn(feed.mirror).known ?? []),
    ])
    return known.length === 0 ? tree : tree.knowing(new Map(known))
  }

  #merge(feed: Feed, changes: Changes): Tree {
    const tree = treeIn(feed.mirror)
    // Most have one store: its tree is the tree.
    if (this.entries.size === 1) return tree
    const put = new Map<Key, string>()
    const del = new Set<Key>()
    for (const [key, how] of changes) {
      if (how === 'removed') del.add(key)
      else put.set(key, tree.get(key) as string)
    }
    return this.#knowing(this.#tree.with(put, del))
  }
}
