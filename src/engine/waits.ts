// The units that wait for the first reading of something their templates have come to look up. What is read
// may make them look up something else: so it goes in rounds, and there is a limit to these.
import type { Tree } from '../core/tree.ts'
import type { Missing } from '../feeds/demands.ts'
import type { Unit } from './unit.ts'

/** How often what a unit looks up may become something else before it counts as a fault. */
const ROUNDS_MOST = 100

export class Waits {
  readonly #units = new Set<Unit>()

  get isEmpty(): boolean {
    return this.#units.size === 0
  }

  /** @returns false when what the unit looks up seems to change for ever */
  begin(unit: Unit, missing: Missing): boolean {
    const { rounds = 0, isOver = false } = unit.wait ?? {}
    unit.wait = { missing, rounds: isOver ? rounds + 1 : rounds, isOver: false }
    this.#units.add(unit)
    return unit.wait.rounds < ROUNDS_MOST
  }

  end(unit: Unit): void {
    unit.wait = undefined
    this.#units.delete(unit)
  }

  clear(): void {
    this.#units.clear()
  }

  /** The units that wait for nothing more in this tree, each once. */
  over(tree: Tree): readonly Unit[] {
    return [...this.#units].filter(({ wait }) => {
      if (wait === undefined || wait.isOver || !wait.missing.isKnownIn(tree)) return false
      wait.isOver = true
      return true
    })
  }
}
