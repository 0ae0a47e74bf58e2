// The tally of one render: counts found keys by store, and records them by name for guards. Repeated look-ups count
// once.
import { storeOf, storeRoot, type Key } from './key.ts'
import { noSupply, plus, type Supplies, type Supply } from './supply.ts'

/** The data about a render that guards use. */
export interface Tallied {
  readonly supplies: Supplies
  /** Found keys; present if keys are recorded by name. */
  readonly found?: ReadonlySet<Key>
  /** Listed names that count as found keys, as paths; present if keys are recorded by name. */
  readonly listed?: ReadonlySet<Key>
}

export class Tally {
  readonly supplies = new Map<Key, Supply>()
  readonly found: Set<Key> | undefined
  readonly listed: Set<Key> | undefined
  readonly #looks = new Set<string>()

  /** @param byName whether keys are recorded by name, in addition to being counted */
  constructor(byName: boolean) {
    if (byName) {
      this.found = new Set()
      this.listed = new Set()
    }
  }

  get all(): Tallied {
    const { supplies, found, listed } = this
    return found === undefined || listed === undefined ? { supplies } : { supplies, found, listed }
  }

  /** Counts a look-up of one key. Call only for the first look-up of each key. */
  key(full: Key, isThere: boolean): void {
    this.#add(full, isThere ? 1 : 0)
    if (isThere) this.found?.add(full)
  }

  /**
   * Counts a look-up of many keys.
   * @param look identifies the look-up
   * @param at directory of the look-up
   * @param count number of keys found
   */
  keys(look: string, at: Key, count: number, found: () => readonly Key[]): void {
    if (this.#isKnown(look)) return
    this.#add(at, count)
    if (this.found !== undefined) for (const key of found()) this.found.add(key)
  }

  /**
   * Counts a listing.
   * @param count number of names that count as found keys
   * @param more number of other names
   * @param shown returns the paths of the counted names
   */
  names(look: string, at: Key, count: number, more: number, shown: () => readonly Key[]): void {
    if (this.#isKnown(look)) return
    this.#add(at, count, more)
    if (this.listed !== undefined) for (const key of shown()) this.listed.add(key)
  }

  #isKnown(look: string): boolean {
    const isKnown = this.#looks.has(look)
    this.#looks.add(look)
    return isKnown
  }

  #add(at: Key, keys: number, names = 0): void {
    const store = storeOf(at)
    const root = store === undefined ? '/' : storeRoot(store)
    this.supplies.set(root, plus(this.supplies.get(root) ?? noSupply, { keys, names }))
  }
}
