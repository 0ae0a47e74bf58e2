// A feed: one store, followed, and the mirror of it. Outlives a generation when the store's options
// and prefixes stay the same, so that a reload of conf.d does not fetch everything anew.
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { reduce, treeIn, type Changes, type Mirror } from '../core/mirror.ts'
import type { Notice, Store } from '../core/store.ts'
import { emptyTree, type Tree } from '../core/tree.ts'
import { follow } from './follow.ts'

export interface FeedListener {
  /** The tree is another one than `before`; also called for the first snapshot, even an empty one. */
  changed(changes: Changes, first: boolean, before: Tree): void
  broken(fault: Fault): void
  /** A bug: something other than a fault was thrown. */
  crashed(error: unknown): void
}

export class Feed {
  mirror: Mirror = { kind: 'waiting' }
  listener: FeedListener | undefined
  #connection = new AbortController()
  #closed = false
  #done: Promise<void> | undefined
  readonly #told = new Set<string>()

  constructor(
    private readonly store: Store,
    private readonly prefixes: readonly Key[],
    private readonly emit: Emit,
    /** For a onetime run: the first snapshot is all that is wanted, so no watch is opened behind it. */
    private readonly once = false,
  ) {}

  get name(): string {
    return this.store.name
  }

  get nodes(): readonly string[] {
    return this.store.nodes
  }

  /** Begins to follow; does nothing when it already does. Where no key is wanted no store is asked. */
  start(): void {
    if (this.prefixes.length === 0) this.mirror = { kind: 'live', tree: emptyTree }
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

  async #run(): Promise<void> {
    try {
      while (!this.#closed && !(this.once && this.mirror.kind === 'live')) {
        this.#connection = new AbortController()
        await this.#follow(this.#connection.signal)
      }
    } catch (error) {
      this.listener?.crashed(error)
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for await (const step of follow(this.store, this.prefixes, { signal })) {
      if (step.kind === 'broken') {
        this.#markStale(step.fault)
        const { node, fault, retryIn } = step
        const known = this.mirror.kind !== 'waiting'
        this.emit({ kind: 'store-stale', store: this.store.name, node, fault, known, retryIn })
        this.listener?.broken(step.fault)
        continue
      }
      if (step.event.kind === 'snapshot') this.#tell(step.event.notices ?? [])
      const before = this.mirror
      const { tree, changes } = reduce(treeIn(before), step.event)
      this.mirror = { kind: 'live', tree }
      if (before.kind !== 'live') {
        this.emit({ kind: 'store-live', store: this.store.name, node: step.node, keys: tree.size })
      }
      if (changes.size > 0 || before.kind === 'waiting') {
        this.listener?.changed(changes, before.kind === 'waiting', treeIn(before))
      }
      if (this.once) return
    }
  }

  /** Once each, however often the store is opened anew. */
  #tell(notices: readonly Notice[]): void {
    for (const { level, message } of notices) {
      if (this.#told.has(message)) continue
      this.#told.add(message)
      this.emit({ kind: 'notice', level, message })
    }
  }

  #markStale(fault: Fault): void {
    if (this.mirror.kind === 'waiting') return
    const since = this.mirror.kind === 'stale' ? this.mirror.since : Date.now()
    this.mirror = { kind: 'stale', tree: this.mirror.tree, since, fault }
  }
}
