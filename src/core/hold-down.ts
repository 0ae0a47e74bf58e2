// Hold-down: a key that vanishes counts as present until it was gone for some time, so that an
// instance that flaps does not reload a balancer twice. It has no clock and no timers of its own:
// times come in (milliseconds of a monotonic clock), the next time to look goes out.
import type { Key } from './key.ts'
import type { Changes } from './mirror.ts'
import type { Tree } from './tree.ts'

interface Held {
  readonly value: string
  readonly until: number
}

/** A key that is gone from its store. */
export interface Gone {
  readonly value: string
  /** Since when, in milliseconds. */
  readonly since: number
}

type Change = 'added' | 'value' | 'removed'

export class HoldDown {
  /** In the order in which they vanished, which is that of their deadlines. */
  #held: Map<Key, Held>
  /** The last answer of tree(), which is asked for once a render and changes seldom. */
  #seen: { readonly of: Tree; readonly tree: Tree } | undefined

  /**
   * @param ms how long a key stays after it has vanished; 0 changes nothing at all
   * @param former what is held there stays held here
   */
  constructor(
    private readonly ms: number,
    former?: HoldDown,
  ) {
    this.#held = new Map(former === undefined ? [] : former.#held)
  }

  /**
   * Keys that were there when the store was seen last, before this one existed or while it is opened anew.
   * Those that found() does not find again count as gone since then.
   */
  expect(keys: ReadonlyMap<Key, Gone>, now: number): void {
    if (this.ms === 0) return
    for (const [key, { value, since }] of keys) {
      const until = since + this.ms
      if (until > now && !this.#held.has(key)) this.#held.set(key, { value, until })
    }
    this.#held = new Map([...this.#held].sort(([, a], [, b]) => a.until - b.until))
    this.#seen = undefined
  }

  /** Forgets the keys that the store has after all. */
  found(tree: Pick<Tree, 'get'>): void {
    for (const key of this.#held.keys()) {
      if (tree.get(key) === undefined) continue
      this.#held.delete(key)
      this.#seen = undefined
    }
  }

  /** The keys that are held. */
  *gone(): Generator<readonly [Key, Gone]> {
    for (const [key, { value, until }] of this.#held) yield [key, { value, since: until - this.ms }]
  }

  /**
   * What a change of the store is to those who look through this. A removal is not told before its
   * time is over. A key that comes back before that was never away: its value may differ.
   * Call it for every change and in order; what is overdue by `now` is told along with it.
   */
  apply(before: Tree, after: Tree, changes: Changes, now: number): Changes {
    if (this.ms === 0) return changes
    this.#seen = undefined
    const told = new Map<Key, Change>()
    for (const [key, how] of changes) {
      const held = this.#held.get(key)
      if (how === 'removed') {
        const value = before.get(key)
        if (value !== undefined) this.#held.set(key, { value, until: now + this.ms })
      } else if (held === undefined) {
        told.set(key, how)
      } else {
        this.#held.delete(key)
        if (after.get(key) !== held.value) told.set(key, 'value')
      }
    }
    for (const [key, how] of this.expire(now)) told.set(key, how)
    return told
  }

  /** The store's tree with the keys that are held put back. */
  tree(after: Tree): Tree {
    if (this.#held.size === 0) return after
    if (this.#seen?.of !== after) {
      const kept = new Map<Key, string>()
      for (const [key, { value }] of this.#held)
        if (after.get(key) === undefined) kept.set(key, value)
      this.#seen = { of: after, tree: after.with(kept, new Set()) }
    }
    return this.#seen.tree
  }

  /** The keys whose time is over: now they are removed. */
  expire(now: number): Changes {
    const gone = new Map<Key, Change>()
    for (const [key, { until }] of this.#held) {
      if (until > now) break
      this.#held.delete(key)
      gone.set(key, 'removed')
    }
    if (gone.size > 0) this.#seen = undefined
    return gone
  }

  /** When expire() will next have something, Infinity when nothing is held. */
  get next(): number {
    for (const { until } of this.#held.values()) return until
    return Infinity
  }
}
