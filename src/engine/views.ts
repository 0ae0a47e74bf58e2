// Views are the keys as seen by resources with different hold-downs. A resource without a hold-down sees the mirror
// itself. A resource with a hold-down continues to see vanished keys until the hold-down expires.
import { HoldDown, type Gone } from '../core/hold-down.ts'
import { storeOf, type Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import { resourceKeys, type Resource } from '../core/resource.ts'
import type { Tree } from '../core/tree.ts'

/** Changes as seen with each hold-down, by the hold-down in milliseconds. */
export type SeenChanges = ReadonlyMap<number, Changes>

export class Views {
  /** The distinct hold-downs, by their length in milliseconds. */
  readonly #holds: ReadonlyMap<number, HoldDown>
  /** The `keys` of all resources with a hold-down, including prefix and store. */
  readonly #keys: readonly Key[]

  /** @param former the views of the previous generation; the keys that they keep stay kept */
  constructor(resources: readonly Resource[], former?: Views) {
    this.#holds = new Map(
      resources.map(({ holdDown }) => [
        holdDown,
        new HoldDown(holdDown, former === undefined ? undefined : former.#holds.get(holdDown)),
      ]),
    )
    this.#keys = resourceKeys(resources.filter(({ holdDown }) => holdDown > 0))
  }

  /** Whether any resource has a hold-down. */
  get mayHold(): boolean {
    return this.#keys.length > 0
  }

  treeOf({ holdDown }: Resource, tree: Tree): Tree {
    return this.#holds.get(holdDown)?.tree(tree) ?? tree
  }

  /**
   * Returns the changes as seen with each hold-down. Call for every change in the stores, in order. Times are those
   * of a monotonic clock.
   */
  changed(changes: Changes, before: Tree, after: Tree, now: number): SeenChanges {
    return this.#each((hold) => hold.apply(before, after, changes, now))
  }

  /** Releases the keys whose hold-down has expired. Returns the changes that become visible. */
  expire(now: number): SeenChanges {
    return this.#each((hold) => hold.expire(now))
  }

  /** Adds keys that were visible before; see HoldDown.expect(). */
  expect(keys: ReadonlyMap<Key, Gone>, now: number): void {
    for (const hold of this.#holds.values()) hold.expect(keys, now)
  }

  /** Call after the first read of a store. Releases the kept keys that the store contains. */
  found(tree: Tree): void {
    for (const hold of this.#holds.values()) hold.found(tree)
  }

  /** Returns all kept keys, and all keys that would be kept if they vanished now. */
  all(tree: Tree, now: number): Map<Key, Gone> {
    const keys = this.gone()
    for (const root of this.#keys) {
      for (const [key, value] of tree.under(root)) {
        const isOwn = root !== '/' || storeOf(key) === undefined
        if (isOwn && !keys.has(key)) keys.set(key, { value, since: now })
      }
    }
    return keys
  }

  /** Returns the vanished keys that are kept. */
  gone(): Map<Key, Gone> {
    return new Map([...this.#holds.values()].flatMap((hold) => [...hold.gone()]))
  }

  /** Time at which expire() will next release a key; Infinity if none is kept. */
  get next(): number {
    return Math.min(Infinity, ...[...this.#holds.values()].map(({ next }) => next))
  }

  #each(act: (hold: HoldDown) => Changes): SeenChanges {
    return new Map([...this.#holds].map(([ms, hold]) => [ms, act(hold)]))
  }
}
