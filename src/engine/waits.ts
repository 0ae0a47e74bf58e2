// The units that wait for the first read of keys that their templates looked up. Each read may lead to new look-ups,
// so a unit may wait for several rounds, up to ROUNDS_MOST.
import type { Tree } from '../core/tree.ts'
import type { Missing } from '../feeds/demands.ts'
import type { Unit } from './unit.ts'

/** Maximum number of rounds. A template that needs more is faulty. */
const ROUNDS_MOST = 100

export class Waits {
  readonly #units = new Set<Unit>()

  get isEmpty(): boolean {
    return this.#units.size === 0
  }

  /** @returns false if the unit has reached the maximum number of rounds */
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

  /**
   * Returns the units whose awaited keys are known in this tree. Later calls do not return them again for the same
   * wait.
   */
  over(tree: Tree): readonly Unit[] {
    return [...this.#units].filter(({ wait }) => {
      if (wait === undefined || wait.isOver || !wait.missing.isKnownIn(tree)) return false
      wait.isOver = true
      return true
    })
  }
}
