// Shares one watch among several configured names of the same store. Each name receives only its own keys, and
// feeds/follow.ts treats it as a separate store.
import { FaultError } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Notice, Store, StoreEvent, WatchOptions } from '../core/store.ts'
import { difference } from './delta.ts'
import { ChangeBuffer } from './change-buffer.ts'
import { coveredBy } from './roots.ts'

/**
 * Returns a store whose watches share one watch of `store`. Does not support on-demand stores.
 * @param prefixes the prefixes of all configured store names that share the watch; each name watches some of them
 */
export function share(store: Store, prefixes: readonly Key[]): Store {
  const watches = new Map<string, SharedWatch>()
  const watch: Store['watch'] = (node, own, signal, options) => {
    let shared = watches.get(node)
    if (shared === undefined || shared.isOver) {
      shared = new SharedWatch(store, node, prefixes)
      watches.set(node, shared)
    }
    return shared.follow(own, signal, options)
  }
  const find = store.findNodes?.bind(store)
  return {
    name: store.name,
    get nodes() {
      return store.nodes
    },
    ...(find === undefined ? {} : { findNodes: find }),
    watch,
  }
}

interface Follower {
  readonly wanted: (key: Key) => boolean
  readonly mailbox: ChangeBuffer
  readonly options: WatchOptions
}

/**
 * One watch of the store. Starts with its first follower. Ends when its last follower leaves, or when the watch breaks.
 */
class SharedWatch {
  readonly #followers = new Set<Follower>()
  readonly #abort = new AbortController()
  #entries: Map<Key, string> | undefined
  #notices: readonly Notice[] = []
  #done: Promise<void> | undefined
  #first = (): void => {}
  readonly #begun = new Promise<void>((resolve) => (this.#first = resolve))
  /** Whether this watch accepts no further followers. */
  #over = false

  constructor(
    private readonly store: Store,
    private readonly node: string,
    private readonly prefixes: readonly Key[],
  ) {}

  get isOver(): boolean {
    return this.#over
  }

  async *follow(
    own: readonly Key[],
    signal: AbortSignal,
    options: WatchOptions = {},
  ): AsyncGenerator<StoreEvent> {
    if (signal.aborted) return
    const follower = { wanted: coveredBy(own), mailbox: new ChangeBuffer(), options }
    this.#followers.add(follower)
    this.#done ??= this.#run()
    const aborted = new Promise<void>((resolve) => {
      const leave = (): void => {
        // The next follower may want to read everything again (a resync), so it must not join this watch.
        this.#over = true
        follower.mailbox.fail(signal.reason)
        resolve()
      }
      signal.addEventListener('abort', leave, { once: true })
    })
    try {
      await Promise.race([this.#begun, aborted])
      // Changes that are already in the buffer are in the entries, too. Applying them twice is harmless.
      if (this.#entries !== undefined && !signal.aborted) yield this.#snapshotFor(follower)
      yield* follower.mailbox.deltas()
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#followers.delete(follower)
      if (this.#followers.size === 0) {
        this.#over = true
        this.#abort.abort()
        await this.#done
      }
    }
  }

  async #run(): Promise<void> {
    const { store, node, prefixes } = this
    let end: unknown
    try {
      const heard = (): void => this.#followers.forEach(({ options }) => options.heard?.())
      const behind = (lag: number | undefined): void =>
        this.#followers.forEach(({ options }) => options.behind?.(lag))
      const events = store.watch(node, prefixes, this.#abort.signal, { heard, behind })
      for await (const event of events) this.#take(event)
      end = new FaultError({ kind: 'store', message: `${store.name} at ${node} closed the watch` })
    } catch (error) {
      end = error
    }
    this.#over = true
    for (const { mailbox } of this.#followers) mailbox.fail(end)
    this.#first()
  }

  #take(event: StoreEvent): void {
    if (this.#entries === undefined) {
      if (event.kind === 'snapshot') this.#notices = event.notices ?? []
      this.#entries = new Map(event.kind === 'snapshot' ? event.entries : event.put)
      this.#first()
      return
    }
    const { put, del } = event.kind === 'delta' ? event : difference(this.#entries, event.entries)
    const changes = new Map<Key, string | null>(put)
    for (const key of del) if (!put.has(key)) changes.set(key, null)
    for (const [key, value] of changes) {
      if (value === null) this.#entries.delete(key)
      else this.#entries.set(key, value)
    }
    for (const { wanted, mailbox } of this.#followers) {
      mailbox.put(new Map([...changes].filter(([key]) => wanted(key))))
    }
  }

  #snapshotFor({ wanted }: Follower): StoreEvent {
    const entries = new Map([...(this.#entries ?? [])].filter(([key]) => wanted(key)))
    return { kind: 'snapshot', entries, notices: this.#notices }
  }
}
