// Hold-down: a vanished key counts as present until it has been missing for some time, so that a flapping instance does
// not cause two reloads of a load balancer. Has no clock and no timers: times are passed in (monotonic milliseconds),
// and the next deadline is returned.
import type { Key } from './key.ts'
import type { Changes } from './mirror.ts'
import type { Tree } from './tree.ts'

interface KeptKey {
  readonly value: string
  readonly until: number
}

/** A vanished key that still counts as present. */
export interface Gone {
  readonly value: string
  /** Time at which the key vanished, in milliseconds: monotonic here, since the Unix epoch in the state file. */
  readonly since: number
}

type KeyChange = 'added' | 'value' | 'removed'

export class HoldDown {
  /** The kept keys, in the order in which they vanished, which is also the order of their deadlines. */
  #kept: Map<Key, KeptKey>
  /** Cached result of tree(), which is called for every render and rarely changes. */
  #seen: { readonly of: Tree; readonly tree: Tree } | undefined

  /**
   * @param ms milliseconds for which a vanished key counts as present; 0: no hold-down
   * @param previous the hold-down whose vanished keys are carried over
   */
  constructor(
    private readonly ms: number,
    previous?: HoldDown,
  ) {
    this.#kept = new Map(previous === undefined ? [] : previous.#kept)
  }

  /**
   * Adds keys that were visible before a restart, or before the store was reopened. Until found() sees them, they count
   * as vanished since the recorded time.
   */
  expect(keys: ReadonlyMap<Key, Gone>, now: number): void {
    if (this.ms === 0) return
    for (const [key, { value, since }] of keys) {
      const until = since + this.ms
      if (until > now && !this.#kept.has(key)) this.#kept.set(key, { value, until })
    }
    this.#kept = new Map([...this.#kept].sort(([, a], [, b]) => a.until - b.until))
    this.#seen = undefined
  }

  /** Releases the kept keys that the store contains again. */
  found(tree: Pick<Tree, 'get'>): void {
    for (const key of this.#kept.keys()) {
      if (tree.get(key) === undefined) continue
      this.#kept.delete(key)
      this.#seen = undefined
    }
  }

  /** Yields the kept keys with the times at which they vanished. */
  *gone(): Generator<readonly [Key, Gone]> {
    for (const [key, { value, until }] of this.#kept) yield [key, { value, since: until - this.ms }]
  }

  /**
   * Translates changes in the store to changes in the view. Delays removals until their deadline; a key that comes
   * back earlier counts as changed only if its value differs. Must be called for all changes, in order. Also returns
   * removals whose deadline has passed.
   */
  apply(before: Tree, after: Tree, changes: Changes, now: number): Changes {
    if (this.ms === 0) return changes
    this.#seen = undefined
    const visible = new Map<Key, KeyChange>()
    for (const [key, how] of changes) {
      const kept = this.#kept.get(key)
      if (how === 'removed') {
        const value = before.get(key)
        if (value !== undefined) this.#kept.set(key, { value, until: now + this.ms })
      } else if (kept === undefined) {
        visible.set(key, how)
      } else {
        this.#kept.delete(key)
        if (after.get(key) !== kept.value) visible.set(key, 'value')
      }
    }
    for (const [key, how] of this.expire(now)) visible.set(key, how)
    return visible
  }

  /** The store's tree plus the kept keys. */
  tree(after: Tree): Tree {
    if (this.#kept.size === 0) return after
    if (this.#seen?.of !== after) {
      const missing = new Map<Key, string>()
      for (const [key, { value }] of this.#kept)
        if (after.get(key) === undefined) missing.set(key, value)
      this.#seen = { of: after, tree: after.with(missing, new Set()) }
    }
    return this.#seen.tree
  }

  /** Releases the keys whose deadline has passed. Returns their removals as changes. */
  expire(now: number): Changes {
    const gone = new Map<Key, KeyChange>()
    for (const [key, { until }] of this.#kept) {
      if (until > now) break
      this.#kept.delete(key)
      gone.set(key, 'removed')
    }
    if (gone.size > 0) this.#seen = undefined
    return gone
  }

  /** The next deadline; Infinity if no key is kept. */
  get next(): number {
    for (const { until } of this.#kept.values()) return until
    return Infinity
  }
}
