// The units that wait for the first reading of something their templates have come to look up. What is
// read may make them look up something else: so it goes in rounds, and there is a limit to these.
import { isKnown, type Extent, type Known } from '../core/extent.ts'

const MOST_ROUNDS = 100

interface Wait {
  readonly missing: Extent
  /** How often what was missing has become known, and then something else was missing. */
  readonly rounds: number
  /** All of it is known by now. */
  isOver: boolean
}

export class Waits {
  readonly #waits = new Map<string, Wait>()

  get isEmpty(): boolean {
    return this.#waits.size === 0
  }

  /** @param missing what has to be known before another render is worth anything */
  begin(unit: string, missing: Extent): void {
    const { rounds = 0, isOver = false } = this.#waits.get(unit) ?? {}
    this.#waits.set(unit, { missing, rounds: isOver ? rounds + 1 : rounds, isOver: false })
  }

  /** Whether what a unit looks up seems to become another for ever. */
  isEndless(unit: string): boolean {
    return (this.#waits.get(unit)?.rounds ?? 0) >= MOST_ROUNDS
  }

  end(unit: string): void {
    this.#waits.delete(unit)
  }

  /** The units that wait for nothing more; each is told once. */
  over(known: Known | undefined): readonly string[] {
    const units: string[] = []
    for (const [unit, wait] of this.#waits) {
      if (wait.isOver || !isKnown(known, wait.missing)) continue
      wait.isOver = true
      units.push(unit)
    }
    return units
  }
}
