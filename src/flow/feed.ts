// A feed: one store, followed, and the mirror of it. Outlives a generation when the store's options
// and prefixes stay the same, so that a reload of conf.d does not fetch everything anew.
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { joinKeys, type Key } from '../core/key.ts'
import { reduce, treeIn, type Changes, type Mirror } from '../core/mirror.ts'
import type { Notice, Store, StoreEvent } from '../core/store.ts'
import { emptyTree } from '../core/tree.ts'
import { follow } from './follow.ts'

export interface FeedListener {
  /** The tree is another one; also called for the first snapshot, even an empty one. */
  changed(feed: Feed, changes: Changes, first: boolean): void
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
  /** For a onetime run: the first snapshot is all that is wanted, so no watch is opened behind it. */
  readonly once: boolean
}

export class Feed {
  /** Of the keys below the root. */
  mirror: Mirror = { kind: 'waiting' }
  listener: FeedListener | undefined
  readonly #told = new Set<string>()
  #connection = new AbortController()
  #closed = false
  #done: Promise<void> | undefined
  #broken: ((fault: Fault) => void) | undefined
  #read: (() => void) | undefined

  constructor(private readonly options: FeedOptions) {}

  get name(): string {
    return this.options.name
  }

  get root(): Key {
    return this.options.root
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
   * Resolves with undefined when the keys have been read for the first time, or `given up` was, else
   * with the fault why they will not be, after so many milliseconds or as soon as that is certain.
   */
  async firstRead(timeout: number, givenUp: Promise<void>): Promise<Fault | undefined> {
    if (this.mirror.kind !== 'waiting') return undefined
    let last: Fault | undefined
    let hopeless = 0
    let timer: NodeJS.Timeout | undefined
    const fault = await new Promise<Fault | undefined>((resolve) => {
      this.#read = () => resolve(undefined)
      this.#broken = (broken) => {
        last = broken
        // Trying again will not mend it: there is no reason to wait for the timeout.
        hopeless = broken.permanent === true ? hopeless + 1 : 0
        if (hopeless >= this.options.store.nodes.length) resolve(broken)
      }
      timer = setTimeout(() => resolve(this.#notInTime(timeout, last)), timeout)
      void givenUp.then(() => resolve(undefined))
    })
    clearTimeout(timer)
    this.#read = this.#broken = undefined
    return fault
  }

  #notInTime(timeout: number, last: Fault | undefined): Fault {
    const waited = `${this.name} gave no keys within ${timeout / 1000} s`
    const nodes = this.options.store.nodes.join(', ')
    return {
      kind: 'store',
      message: last === undefined ? waited : `${waited}: ${last.message}`,
      hint: last?.hint ?? `Is it reachable at ${nodes}? -timeout sets how long to wait.`,
    }
  }

  async #run(): Promise<void> {
    try {
      while (!this.#closed && !(this.options.once && this.mirror.kind === 'live')) {
        this.#connection = new AbortController()
        await this.#follow(this.#connection.signal)
      }
    } catch (error) {
      this.listener?.crashed(error)
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { store, prefixes, root, name, emit, once } = this.options
    for await (const step of follow(store, prefixes, { signal })) {
      if (step.kind === 'broken') {
        this.#markStale(step.fault)
        const { node, fault, retryIn } = step
        const known = this.mirror.kind !== 'waiting'
        emit({ kind: 'store-stale', store: name, node, fault, known, retryIn })
        this.#broken?.(fault)
        continue
      }
      if (step.event.kind === 'snapshot') this.#tell(step.event.notices ?? [])
      const before = this.mirror
      const { tree, changes } = reduce(treeIn(before), rooted(step.event, root))
      this.mirror = { kind: 'live', tree }
      if (before.kind !== 'live') {
        emit({ kind: 'store-live', store: name, node: step.node, keys: tree.size })
      }
      if (changes.size > 0 || before.kind === 'waiting') {
        this.listener?.changed(this, changes, before.kind === 'waiting')
      }
      this.#read?.()
      if (once) return
    }
  }

  /** Once each, however often the store is opened anew. */
  #tell(notices: readonly Notice[]): void {
    for (const { level, message } of notices) {
      if (this.#told.has(message)) continue
      this.#told.add(message)
      this.options.emit({ kind: 'notice', level, message })
    }
  }

  #markStale(fault: Fault): void {
    if (this.mirror.kind === 'waiting') return
    const since = this.mirror.kind === 'stale' ? this.mirror.since : Date.now()
    this.mirror = { kind: 'stale', tree: this.mirror.tree, since, fault }
  }
}

/** The event with its keys where they lie in the tree of all keys. */
function rooted(event: StoreEvent, root: Key): StoreEvent {
  if (root === '/') return event
  const moved = (entries: ReadonlyMap<Key, string>): ReadonlyMap<Key, string> =>
    new Map([...entries].map(([key, value]) => [joinKeys(root, key), value]))
  return event.kind === 'snapshot'
    ? { ...event, entries: moved(event.entries) }
    : {
        ...event,
        put: moved(event.put),
        del: new Set([...event.del].map((key) => joinKeys(root, key))),
      }
}
