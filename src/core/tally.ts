// The tally of one render: what it found, store by store, and by name where a guard wants to know. Each
// look-up counts once, however often the template repeats it.
import { storeOf, storeRoot, type Key } from './key.ts'
import { noSupply, plus, type Supplies, type Supply } from './supply.ts'

/** What guards know of a render. */
export interface Tallied {
  readonly supplies: Supplies
  /** The keys that were found; present when they are counted by name. */
  readonly found?: ReadonlySet<Key>
  /** The listed names in which the store shows something, as paths; present likewise. */
  readonly listed?: ReadonlySet<Key>
}

export class Tally {
  readonly supplies = new Map<Key, Supply>()
  readonly found: Set<Key> | undefined
  readonly listed: Set<Key> | undefined
  readonly #looks = new Set<string>()

  /** @param byName keys are remembered, and not only counted */
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

  /** One key was looked up, for the first time. */
  key(full: Key, isThere: boolean): void {
    this.#add(full, isThere ? 1 : 0)
    if (isThere) this.found?.add(full)
  }

  /**
   * A look-up of many keys.
   * @param look tells it from others
   * @param at where it looked
   * @param count of the keys that it found
   */
  keys(look: string, at: Key, count: number, found: () => readonly Key[]): void {
    if (this.#isKnown(look)) return
    this.#add(at, count)
    if (this.found !== undefined) for (const key of found()) this.found.add(key)
  }

  /**
   * A list of names.
   * @param count of the names in which the store shows something
   * @param more how many others there are
   * @param shown the paths of those `count`
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
