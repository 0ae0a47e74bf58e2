// Caches the results of look-ups that return many keys, separately for each leaf of the tree. A tree shares most leaves
// with its previous version, so a look-up that is repeated after a change searches only the changed leaves.
import type { Leaf, TreePair } from './tree.ts'

/** Pairs in key order, as a list of runs. Runs are immutable, so the same object always contains the same pairs. */
export type Runs = readonly (readonly TreePair[])[]

/** Maximum number of cached pairs. */
const MOST = 250_000

interface Found {
  /** The results by leaf; each is dropped when the tree drops its leaf. */
  readonly runs: WeakMap<Leaf, readonly TreePair[]>
  size: number
}

export class Matches {
  /** Results by look-up, the least recently used first. */
  readonly #found = new Map<string, Found>()
  #size = 0

  constructor(private readonly most = MOST) {}

  /**
   * The result of a look-up in these leaves.
   * @param look identifies the look-up; calls with the same `look` must pass an equivalent `select`
   * @param select returns the matching pairs of a leaf, in order
   */
  find(look: string, leaves: readonly Leaf[], select: (leaf: Leaf) => readonly TreePair[]): Runs {
    const found = this.#found.get(look) ?? { runs: new WeakMap(), size: 0 }
    const runs: (readonly TreePair[])[] = []
    let size = 0
    for (const leaf of leaves) {
      let run = found.runs.get(leaf)
      if (run === undefined) found.runs.set(leaf, (run = select(leaf)))
      size += run.length
      if (run.length > 0) runs.push(run)
    }
    this.#size += size - found.size
    found.size = size
    this.#found.delete(look)
    this.#found.set(look, found)
    this.#forget()
    return runs
  }

  /** Evicts the least recently used look-ups, but always keeps one. */
  #forget(): void {
    for (const [look, { size }] of this.#found) {
      if (this.#size <= this.most || this.#found.size === 1) return
      this.#found.delete(look)
      this.#size -= size
    }
  }
}

/**
 * Returns a function that converts the pairs of runs. The function converts each run only once and caches the result.
 */
export function ofEach<T>(make: (pair: TreePair) => T): (runs: Runs) => readonly (readonly T[])[] {
  const known = new WeakMap<readonly TreePair[], readonly T[]>()
  return (runs) =>
    runs.map((run) => {
      let made = known.get(run)
      if (made === undefined) known.set(run, (made = run.map(make)))
      return made
    })
}

/** Concatenates the runs, faster than flat(). */
export function joined<T>(runs: readonly (readonly T[])[]): T[] {
  // Allocated at its final size, because an array that grows leaves its smaller versions to the garbage collector.
  const all = new Array<T>(countOf(runs))
  let at = 0
  for (const run of runs) for (const one of run) all[at++] = one
  return all
}

/** The total number of items in the runs. */
export function countOf(runs: readonly (readonly unknown[])[]): number {
  let count = 0
  for (const { length } of runs) count += length
  return count
}
