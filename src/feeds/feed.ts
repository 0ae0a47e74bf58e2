// A feed follows one store and maintains its mirror. If the store is read on demand, the feed passes the demand to the
// store, and the tree of the mirror records which part has been read. A feed outlives a generation if the settings and
// prefixes of the store do not change, so that a reload of conf.d does not read everything again.
import { lookUpOf } from '../core/catalog.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { includesAll, mapExtent, nothing, type Extent, type KnownExtent } from '../core/extent.ts'
import { isEntry, entryOf, joinKeys, relativeTo, type Key } from '../core/key.ts'
import { reduce, treeIn, type Changes, type Mirror } from '../core/mirror.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { withTable } from '../core/settings.ts'
import { emptyTree, type Tree } from '../core/tree.ts'
import { duration } from '../core/words.ts'
import { roundFault } from './round-fault.ts'
import { MutableDemand } from './demand.ts'
import { follow, type FollowEvent } from './follow.ts'
import type { AskedNodes } from './race.ts'
import { SizeLimit } from './size-limit.ts'
import { StoreReporter } from './store-reporter.ts'

export interface FeedListener {
  /**
   * Called for every change of the tree, including an empty first snapshot. After the first snapshot, `changes` is
   * empty if only the known extent of an on-demand store has grown or shrunk.
   */
  changed(feed: Feed, changes: Changes, first: boolean): void
  /** Called when the store has never been read, and all its nodes have failed or are silent. */
  missed?(): void
  /** Called with an exception that is not a fault. Such an exception is a bug in reconfd. */
  crashed(error: unknown): void
}

export interface FeedOptions {
  readonly store: Store
  /** The prefixes to follow, in the store's own keys. */
  readonly prefixes: readonly Key[]
  /** The directory of the store in the tree of all keys; `/` for the default store. */
  readonly root: Key
  /** The name of the store in logs and messages. */
  readonly name: string
  /** See StoreSettings. */
  readonly definedIn?: string | undefined
  readonly emit: Emit
  /** Maximum total size of all keys and values, in characters. */
  readonly most: number
  /** For a onetime run: stop after the first snapshot. */
  readonly once: boolean
  /** Read everything, even if the store could be read on demand. */
  readonly whole?: boolean | undefined
  /** Do not wait for the store if it is unreachable. */
  readonly isOptional?: boolean | undefined
}

/**
 * Maximum time to wait for the first read of a store, in milliseconds. After that, resources for which the store is
 * optional are rendered without it.
 */
const PATIENCE = 5000

/**
 * Milliseconds until an unreachable part is retried. This time appears only in messages, since the store itself
 * retries its parts.
 */
const PART_RETRY = 5000

export class Feed {
  /** The tree of this store, rooted at `root`. */
  mirror: Mirror = { kind: 'waiting' }
  listener: FeedListener | undefined
  readonly #reporter: StoreReporter
  readonly #asked: AskedNodes = new Map()
  /**
   * Parts of the store, such as datacenters, that are or were unreachable, by name. `why` is undefined once the part is
   * reachable again.
   */
  readonly #parts = new Map<
    string,
    { readonly reporter: StoreReporter; readonly why: string | undefined }
  >()
  readonly #sizeLimit: SizeLimit
  readonly #demand: MutableDemand | undefined
  /** The known part of an on-demand store, in its own keys. */
  #known: KnownExtent = nothing
  #connection = new AbortController()
  #closed = false
  #done: Promise<void> | undefined
  /** Whether the store has never been read, and all its nodes have failed or are silent. */
  #isMissed = false
  #patience: NodeJS.Timeout | undefined
  #hopeless: ((fault: Fault) => void) | undefined
  #read: (() => void) | undefined

  constructor(private readonly options: FeedOptions) {
    const { store, prefixes, root, name, emit, whole = false } = options
    if (!whole && store.startingWith !== undefined) {
      this.#demand = new MutableDemand(store.startingWith(prefixes))
    }
    const asked = prefixes.map((key) => moveKey(root, key))
    this.#reporter = new StoreReporter(name, emit, this.#demand === undefined ? asked : undefined)
    this.#sizeLimit = new SizeLimit(options.most)
  }

  get name(): string {
    return this.options.name
  }

  get root(): Key {
    return this.options.root
  }

  get isMissed(): boolean {
    return this.#isMissed
  }

  /** The demand in the store's own keys; undefined if the store is not read on demand. */
  get wanted(): Extent | undefined {
    return this.#demand?.now
  }

  /** Sets the demand. @param extent in the store's own keys */
  want(extent: Extent): void {
    this.#demand?.set(extent)
  }

  /** Starts to follow the store, unless it is followed already. Contacts no node if there are no prefixes. */
  start(): void {
    if (this.options.prefixes.length === 0) this.mirror = { kind: 'live', tree: emptyTree }
    else this.#done ??= this.#run()
  }

  /** Reads everything again over a new connection. Until then, the mirror is unchanged. */
  resync(): void {
    this.#connection.abort()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#connection.abort()
    await this.#done
  }

  /**
   * Waits until the store has been read once; for an on-demand store, until everything in the demand has been read
   * once.
   * @param timeout milliseconds after `begin`
   * @param givenUp ends the wait early when it resolves
   * @param begin start of the wait, in milliseconds of `performance.now()`
   * @returns undefined if everything was read, the wait ended early, or the store is optional and unreachable;
   *   otherwise a fault, after the timeout or as soon as it is clear that a retry cannot help
   */
  async firstRead(
    timeout: number,
    givenUp: Promise<void>,
    begin: number,
  ): Promise<Fault | undefined> {
    if (this.#isRead || this.#isDone) return undefined
    let timer: NodeJS.Timeout | undefined
    const fault = await new Promise<Fault | undefined>((resolve) => {
      this.#read = () => {
        if (this.#isRead || this.#isDone) resolve(undefined)
      }
      // Resolve early if a retry cannot help.
      this.#hopeless = resolve
      const left = begin + timeout - performance.now()
      const isWaitedFor = this.options.isOptional !== true
      timer = setTimeout(() => {
        this.#miss()
        resolve(isWaitedFor ? this.#notInTime(timeout) : undefined)
      }, left)
      void givenUp.then(() => resolve(undefined))
    })
    clearTimeout(timer)
    this.#read = this.#hopeless = undefined
    return fault
  }

  get #isRead(): boolean {
    if (this.mirror.kind === 'waiting') return false
    if (this.#demand === undefined) return true
    return includesAll(this.#known, this.#demand.now)
  }

  /** Whether to stop waiting for the store, because it is optional and counts as missed (see FeedListener.missed). */
  get #isDone(): boolean {
    return this.options.isOptional === true && this.#isMissed
  }

  #notInTime(timeout: number): Fault {
    const { name, options } = this
    const waited = `${name} returned no keys within ${duration(timeout)}`
    const why = this.#asked.size === 0 ? undefined : roundFault(options.store.name, this.#asked)
    const nodes = options.store.nodes.join(', ')
    const unknown = {
      message: waited,
      hint: `check that the store is reachable at ${nodes}, or raise -timeout`,
    }
    const { message, hint } =
      why === undefined ? unknown : { ...why, message: `${waited}: ${why.message}` }
    const fault: Fault = { kind: 'store', message, ...(hint === undefined ? {} : { hint }) }
    return withTable(fault, options.definedIn)
  }

  async #run(): Promise<void> {
    this.#patience = setTimeout(() => this.#miss(), PATIENCE)
    try {
      while (!this.#closed && !(this.#isOnce && this.mirror.kind === 'live')) {
        this.#connection = new AbortController()
        await this.#follow(this.#connection.signal)
      }
    } catch (error) {
      this.listener?.crashed(error)
    } finally {
      clearTimeout(this.#patience)
    }
  }

  #miss(): void {
    if (this.mirror.kind !== 'waiting' || this.#isMissed) return
    this.#isMissed = true
    this.listener?.missed?.()
    this.#read?.()
  }

  /** Even a onetime run must follow an on-demand store, because the demand may grow. */
  get #isOnce(): boolean {
    return this.options.once && this.#demand === undefined
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { store, prefixes } = this.options
    const current = { get: (key: Key) => treeIn(this.mirror).get(moveKey(this.root, key)) }
    const steps = follow(store, prefixes, {
      signal,
      demand: this.#demand,
      behind: (lag) => this.#reporter.behind(lag),
      asked: this.#asked,
      refuse: (event, node) => this.#sizeLimit.accept(event, current, `${store.name} at ${node}`),
    })
    for await (const step of steps) {
      switch (step.kind) {
        case 'store':
          this.#take(step.event, step.node)
          if (this.#isOnce) return
          break
        case 'proven':
          this.#reporter.live(step.node, treeIn(this.mirror).size, true)
          break
        case 'passed':
          this.#reporter.notice(
            'warn',
            `${this.name}: ${step.fault.message}; using another node instead`,
          )
          break
        case 'bug':
          this.#reporter.notice('error', step.text)
          break
        case 'broken':
          this.#markStale({ ...step, fault: withTable(step.fault, this.options.definedIn) })
      }
    }
  }

  #take(event: StoreEvent, node: string): void {
    for (const { level, message } of event.notices ?? []) this.#reporter.notice(level, message)
    const before = this.mirror
    const { tree: next, changes } = reduce(treeIn(before), rooted(event, this.root))
    const tree = this.#withKnown(next, event.known)
    this.mirror = { kind: 'live', tree }
    this.#isMissed = false
    this.#reporter.live(node, tree.size, false)
    this.#reportParts(event.known?.away ?? new Map(), node)
    if (tree !== treeIn(before) || before.kind === 'waiting') {
      this.listener?.changed(this, changes, before.kind === 'waiting')
    }
    this.#read?.()
  }

  #withKnown(tree: Tree, known: KnownExtent | undefined): Tree {
    if (this.#demand === undefined || known === undefined || known === this.#known) return tree
    this.#known = known
    const { root } = this.options
    const refused = [...(known.refused ?? [])].map(
      ([dir, why]) => [moveKey(root, dir), why] as const,
    )
    const extent = mapExtent(known, (dir) => joinKeys(root, dir))
    return tree.knowing(new Map([[root, { ...extent, refused: new Map(refused) }]]))
  }

  /**
   * Reports each unreachable part of a reachable store, such as another datacenter, as if the part were a separate
   * store.
   */
  #reportParts(away: NonNullable<KnownExtent['away']>, node: string): void {
    for (const part of new Set([...this.#parts.keys(), ...away.keys()])) {
      const fault = away.get(part)
      const known = this.#parts.get(part) ?? {
        reporter: new StoreReporter(`${this.name}@${part}`, this.options.emit, undefined),
        why: undefined,
      }
      if (known.why === fault?.message) continue
      this.#parts.set(part, { ...known, why: fault?.message })
      const keys = [...treeIn(this.mirror).under('/')].filter(([key]) => this.#isInPart(part, key))
      if (fault === undefined) known.reporter.live(node, keys.length, true)
      else known.reporter.broken({ node, fault, retryIn: PART_RETRY }, keys.length > 0)
    }
  }

  #isInPart(part: string, key: Key): boolean {
    return lookUpOf(relativeTo(this.root, key))?.dc === part
  }

  #markStale(broken: Extract<FollowEvent, { kind: 'broken' }>): void {
    const { fault, isAll } = broken
    const { mirror } = this
    if (mirror.kind === 'live') this.mirror = { kind: 'stale', tree: mirror.tree }
    this.#reporter.broken(broken, mirror.kind !== 'waiting')
    if (!isAll) return
    if (fault.permanent !== true) return this.#miss()
    // A permanent fault, such as denied access, is reported even if the store is optional. So the store does not count
    // as missed.
    clearTimeout(this.#patience)
    this.#hopeless?.(fault)
  }
}

/** Converts the keys in an event to keys in the tree of all stores. */
function rooted(event: StoreEvent, root: Key): StoreEvent {
  if (root === '/') return event
  const moved = (entries: ReadonlyMap<Key, string>): ReadonlyMap<Key, string> =>
    new Map([...entries].map(([key, value]) => [moveKey(root, key), value]))
  return event.kind === 'snapshot'
    ? { ...event, entries: moved(event.entries) }
    : {
        ...event,
        put: moved(event.put),
        del: new Set([...event.del].map((key) => moveKey(root, key))),
      }
}

const moveKey = (root: Key, key: Key): Key =>
  isEntry(key) ? entryOf(joinKeys(root, key)) : joinKeys(root, key)
