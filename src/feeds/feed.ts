// A feed: one store, followed, and the mirror of it. Of a store that is read on demand it is told what is
// wanted, and the mirror knows what of that has been read. Outlives a generation when the store's options
// and prefixes stay the same, so that a reload of conf.d does not fetch everything anew.
import { lookUpOf } from '../core/catalog.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { includesAll, mapExtent, nothing, type Extent, type KnownExtent } from '../core/extent.ts'
import { isEntry, entryOf, joinKeys, relativeTo, type Key } from '../core/key.ts'
import { reduce, treeIn, type Changes, type Mirror } from '../core/mirror.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { emptyTree, type Tree } from '../core/tree.ts'
import { duration } from '../core/words.ts'
import { allOf } from './asked.ts'
import { Demand } from './demand.ts'
import { follow, type FollowEvent } from './follow.ts'
import type { Asked } from './race.ts'
import { Room } from './room.ts'
import { Telling } from './telling.ts'

export interface FeedListener {
  /** The tree is another one, if only in what of it is known (then there are no changes); also called for the first snapshot, even an empty one. */
  changed(feed: Feed, changes: Changes, first: boolean): void
  /** It was not read yet, and no node of it can be, or says anything. */
  missed?(): void
  /** A bug: something other than a fault was thrown. */
  crashed(error: unknown): void
}

export interface FeedOptions {
  readonly store: Store
  /** Of the store's own keys. */
  readonly prefixes: readonly Key[]
  /** Where the store's keys lie in the tree of all keys: `/` for the default store. */
  readonly root: Key
  /** As it is called in logs and messages. */
  readonly name: string
  readonly emit: Emit
  /** The most that its keys and values may be together, in characters. */
  readonly most: number
  /** For a onetime run: the first snapshot is all that is wanted, so no watch is opened behind it. */
  readonly once: boolean
  /** Everything is wanted, even of a store that could be read on demand. */
  readonly whole?: boolean | undefined
  /** It is not waited for when it is unreachable. */
  readonly isOptional?: boolean | undefined
}

/** Milliseconds until a store that says nothing counts as missed: who can do without it is rendered so. */
const PATIENCE = 5000

/** Milliseconds: the store itself asks its parts again. */
const PART_RETRY = 5000

export class Feed {
  /** Of the keys below the root. */
  mirror: Mirror = { kind: 'waiting' }
  listener: FeedListener | undefined
  readonly #telling: Telling
  /** What the nodes did that were asked since it was heard last. */
  readonly #asked: Asked = new Map()
  /** Its parts that have been away, by name, and why they are. */
  readonly #parts = new Map<
    string,
    { readonly telling: Telling; readonly why: string | undefined }
  >()
  readonly #room: Room
  readonly #demand: Demand | undefined
  /** What of the store's own keys is, if it is read on demand. */
  #known: KnownExtent = nothing
  #connection = new AbortController()
  #closed = false
  #done: Promise<void> | undefined
  /** It was never read, and a whole round over its nodes was in vain, or none has said anything for long. */
  #isMissed = false
  #patience: NodeJS.Timeout | undefined
  #hopeless: ((fault: Fault) => void) | undefined
  #read: (() => void) | undefined

  constructor(private readonly options: FeedOptions) {
    const { store, prefixes, root, name, emit, whole = false } = options
    if (!whole && store.startingWith !== undefined) {
      this.#demand = new Demand(store.startingWith(prefixes))
    }
    const asked = prefixes.map((key) => moveKey(root, key))
    this.#telling = new Telling(name, emit, this.#demand === undefined ? asked : undefined)
    this.#room = new Room(options.most)
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

  /** Of the store's own keys; undefined when it is not read on demand. */
  get wanted(): Extent | undefined {
    return this.#demand?.now
  }

  /** @param extent of the store's own keys */
  want(extent: Extent): void {
    this.#demand?.set(extent)
  }

  /** Begins to follow; does nothing when it already does. Where no key is wanted no store is asked. */
  start(): void {
    if (this.options.prefixes.length === 0) this.mirror = { kind: 'live', tree: emptyTree }
    else this.#done ??= this.#run()
  }

  /** Reads everything again over a new connection; the mirror stays until that has been read. */
  resync(): void {
    this.#connection.abort()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#connection.abort()
    await this.#done
  }

  /**
   * Resolves with undefined when all that is wanted has been read, if only once, or `given up` was, else
   * with the fault why they will not be, so many milliseconds after the beginning (of `performance`) or
   * as soon as that is certain.
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
      // Trying again will not mend it: there is no reason to wait for the timeout.
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

  /** There is no reason to wait for it. */
  get #isDone(): boolean {
    return this.options.isOptional === true && this.#isMissed
  }

  #notInTime(timeout: number): Fault {
    const { name, options } = this
    const waited = `${name} gave no keys within ${duration(timeout)}`
    const why = this.#asked.size === 0 ? undefined : allOf(options.store.name, this.#asked)
    const nodes = options.store.nodes.join(', ')
    return {
      kind: 'store',
      message: why === undefined ? waited : `${waited}: ${why.message}`,
      hint: why?.hint ?? `Is it reachable at ${nodes}? -timeout sets how long to wait.`,
    }
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

  /** Of what is read on demand a onetime run may want more than it did at first. */
  get #isOnce(): boolean {
    return this.options.once && this.#demand === undefined
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { store, prefixes } = this.options
    const held = { get: (key: Key) => treeIn(this.mirror).get(moveKey(this.root, key)) }
    const steps = follow(store, prefixes, {
      signal,
      demand: this.#demand,
      behind: (lag) => this.#telling.behind(lag),
      asked: this.#asked,
      refuse: (event, node) => this.#room.take(event, held, `${store.name} at ${node}`),
    })
    for await (const step of steps) {
      switch (step.kind) {
        case 'store':
          this.#take(step.event, step.node)
          if (this.#isOnce) return
          break
        case 'proven':
          this.#telling.live(step.node, treeIn(this.mirror).size, true)
          break
        case 'passed':
          this.#telling.notice(
            'warn',
            `${this.name}: ${step.fault.message}; another node was asked`,
          )
          break
        case 'bug':
          this.#telling.notice('error', step.text)
          break
        case 'broken':
          this.#markStale(step)
      }
    }
  }

  #take(event: StoreEvent, node: string): void {
    for (const { level, message } of event.notices ?? []) this.#telling.notice(level, message)
    const before = this.mirror
    const { tree: next, changes } = reduce(treeIn(before), rooted(event, this.root))
    const tree = this.#knowing(next, event.known)
    this.mirror = { kind: 'live', tree }
    this.#isMissed = false
    this.#telling.live(node, tree.size, false)
    this.#tellParts(event.known?.away ?? new Map(), node)
    if (tree !== treeIn(before) || before.kind === 'waiting') {
      this.listener?.changed(this, changes, before.kind === 'waiting')
    }
    this.#read?.()
  }

  #knowing(tree: Tree, known: KnownExtent | undefined): Tree {
    if (this.#demand === undefined || known === undefined || known === this.#known) return tree
    this.#known = known
    const { root } = this.options
    const refused = [...(known.refused ?? [])].map(
      ([dir, why]) => [moveKey(root, dir), why] as const,
    )
    const extent = mapExtent(known, (dir) => joinKeys(root, dir))
    return tree.knowing(new Map([[root, { ...extent, refused: new Map(refused) }]]))
  }

  /** Of parts that are away while the rest is not, such as another datacenter: as of a store of their own. */
  #tellParts(away: NonNullable<KnownExtent['away']>, node: string): void {
    for (const part of new Set([...this.#parts.keys(), ...away.keys()])) {
      const fault = away.get(part)
      const known = this.#parts.get(part) ?? {
        telling: new Telling(`${this.name}@${part}`, this.options.emit, undefined),
        why: undefined,
      }
      if (known.why === fault?.message) continue
      this.#parts.set(part, { ...known, why: fault?.message })
      const keys = [...treeIn(this.mirror).under('/')].filter(([key]) => this.#isOf(part, key))
      if (fault === undefined) known.telling.live(node, keys.length, true)
      else known.telling.broken({ node, fault, retryIn: PART_RETRY }, keys.length > 0)
    }
  }

  #isOf(part: string, key: Key): boolean {
    return lookUpOf(relativeTo(this.root, key))?.dc === part
  }

  #markStale(broken: Extract<FollowEvent, { kind: 'broken' }>): void {
    const { fault, isAll } = broken
    const { mirror } = this
    if (mirror.kind === 'live') this.mirror = { kind: 'stale', tree: mirror.tree }
    this.#telling.broken(broken, mirror.kind !== 'waiting')
    if (!isAll) return
    if (fault.permanent !== true) return this.#miss()
    // What is denied is no absence.
    clearTimeout(this.#patience)
    this.#hopeless?.(fault)
  }
}

/** The event with its keys where they lie in the tree of all keys. */
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
