// Views: the keys as seen by resources with different hold-downs. A resource without one sees the mirror itself. With
// one, it sees vanished keys for that long.
import { HoldDown, type Gone } from '../core/hold-down.ts'
import { storeOf, type Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import { resourceKeys, type Resource } from '../core/resource.ts'
import type { Tree } from '../core/tree.ts'

/** By hold-down in milliseconds: what has changed for those who have it. */
export type SeenChanges = ReadonlyMap<number, Changes>

export class Views {
  /** One for each distinct hold-down. */
  readonly #holds: ReadonlyMap<number, HoldDown>
  /** What the resources with a hold-down see; empty where there are none. */
  readonly #keys: readonly Key[]

  /** @param former what is held in these stays held */
  constructor(resources: readonly Resource[], former?: Views) {
    this.#holds = new Map(
      resources.map(({ holdDown }) => [
        holdDown,
        new HoldDown(holdDown, former === undefined ? undefined : former.#holds.get(holdDown)),
      ]),
    )
    this.#keys = resourceKeys(resources.filter(({ holdDown }) => holdDown > 0))
  }

  /** Whether a key may be held at all. */
  get mayHold(): boolean {
    return this.#keys.length > 0
  }

  treeOf({ holdDown }: Resource, tree: Tree): Tree {
    return this.#holds.get(holdDown)?.tree(tree) ?? tree
  }

  /** To be called for every change of the store, in order. Times are those of a monotonic clock. */
  changed(changes: Changes, before: Tree, after: Tree, now: number): SeenChanges {
    return this.#each((hold) => hold.apply(before, after, changes, now))
  }

  /** Keys whose time is over: for some they are gone only now. */
  expire(now: number): SeenChanges {
    return this.#each((hold) => hold.expire(now))
  }

  /** Keys that were there the last time; until found() sees them again they count as gone since then. */
  expect(keys: ReadonlyMap<Key, Gone>, now: number): void {
    for (const hold of this.#holds.values()) hold.expect(keys, now)
  }

  /** A store was read for the first time: what it has is not gone. */
  found(tree: Tree): void {
    for (const hold of this.#holds.values()) hold.found(tree)
  }

  /** All keys that are held, and all that would be if they vanished now. */
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

  /** The keys that are held. */
  gone(): Map<Key, Gone> {
    return new Map([...this.#holds.values()].flatMap((hold) => [...hold.gone()]))
  }

  /** When expire() will next have something, Infinity when nothing is held. */
  get next(): number {
    return Math.min(Infinity, ...[...this.#holds.values()].map(({ next }) => next))
  }

  #each(act: (hold: HoldDown) => Changes): SeenChanges {
    return new Map([...this.#holds].map(([ms, hold]) => [ms, act(hold)]))
  }
}
