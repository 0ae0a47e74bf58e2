// Views: the keys as resources with different hold-downs see them. A resource without one sees the
// mirror itself; one with it sees keys that have vanished until they were gone that long.
import { HoldDown } from '../core/hold-down.ts'
import type { Changes } from '../core/mirror.ts'
import type { Resource } from '../core/resource.ts'
import type { Tree } from '../core/tree.ts'

/** By hold-down in milliseconds: what has changed for those who have it. */
export type SeenChanges = ReadonlyMap<number, Changes>

export class Views {
  /** One for each distinct hold-down. */
  readonly #holds: ReadonlyMap<number, HoldDown>

  /** @param former what is held in these stays held */
  constructor(resources: readonly Resource[], former?: Views) {
    this.#holds = new Map(
      resources.map(({ holdDown }) => [
        holdDown,
        new HoldDown(holdDown, former === undefined ? undefined : former.#holds.get(holdDown)),
      ]),
    )
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

  /** When expire() will next have something, Infinity when nothing is held. */
  get next(): number {
    return Math.min(Infinity, ...[...this.#holds.values()].map(({ next }) => next))
  }

  #each(act: (hold: HoldDown) => Changes): SeenChanges {
    return new Map([...this.#holds].map(([ms, hold]) => [ms, act(hold)]))
  }
}
