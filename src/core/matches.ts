// What look-ups of many keys have found, remembered leaf by leaf of the tree. A tree shares its leaves with the one
// before it, so a look-up that is repeated after a change goes only through the leaves that the change has met.
import type { Leaf, Pair } from './tree.ts'

/** Pairs in key order, in runs. A run is never changed: the same object always means the same pairs. */
export type Runs = readonly (readonly Pair[])[]

/** Pairs that are remembered, of all look-ups together. */
const MOST = 250_000

interface Found {
  /** An entry lives as long as a tree with its leaf. */
  readonly runs: WeakMap<Leaf, readonly Pair[]>
  size: number
}

export class Matches {
  /** By look-up; the one that was repeated last is the last. */
  readonly #found = new Map<string, Found>()
  #size = 0

  constructor(private readonly most = MOST) {}

  /**
   * What a look-up finds in these leaves.
   * @param look tells it from others: it always gets the same `select`
   * @param select the pairs of a leaf that it finds, in order
   */
  find(look: string, leaves: readonly Leaf[], select: (leaf: Leaf) => readonly Pair[]): Runs {
    const found = this.#found.get(look) ?? { runs: new WeakMap(), size: 0 }
    const runs: (readonly Pair[])[] = []
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

  /** Forgets those that were not repeated for longest, but never the last one. */
  #forget(): void {
    for (const [look, { size }] of this.#found) {
      if (this.#size <= this.most || this.#found.size === 1) return
      this.#found.delete(look)
      this.#size -= size
    }
  }
}

/** Makes something of each pair, once for each run: from the same run comes the same list. */
export function ofEach<T>(make: (pair: Pair) => T): (runs: Runs) => readonly (readonly T[])[] {
  const known = new WeakMap<readonly Pair[], readonly T[]>()
  return (runs) =>
    runs.map((run) => {
      let made = known.get(run)
      if (made === undefined) known.set(run, (made = run.map(make)))
      return made
    })
}

/** As flat(), which takes five times as long. */
export function joined<T>(runs: readonly (readonly T[])[]): T[] {
  const all: T[] = []
  for (const run of runs) for (const one of run) all.push(one)
  return all
}

/** How many pairs there are. */
export function countOf(runs: Runs): number {
  let count = 0
  for (const { length } of runs) count += length
  return count
}
