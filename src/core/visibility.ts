// Restricts the templates of a resource to the keys below its `keys`. All keys are full keys, with the prefix.
import { DATACENTERS, isOfLookUp, plainKey } from './catalog.ts'
import {
  covers,
  fullKey,
  isEntry,
  joinKeys,
  outermost,
  relativeTo,
  storeOf,
  storeRoot,
  type Key,
} from './key.ts'

export class Visibility {
  readonly #roots: readonly Key[]

  /** @param keys without the prefix */
  constructor(
    private readonly prefix: Key,
    keys: readonly Key[],
  ) {
    this.#roots = outermost(keys.map((key) => fullKey(prefix, key)))
  }

  /** Whether a key, or a directory above it, is literally among the `keys`. */
  isNamed(full: Key): boolean {
    return this.#roots.some((root) => covers(root, full))
  }

  /** Whether a key is visible. A key of a look-up with options is visible if its plain form is visible. */
  includes(full: Key): boolean {
    const sees = (key: Key): boolean =>
      this.#roots.some((root) => covers(root, key) && isOf(root, key))
    if (sees(full)) return true
    if (!full.includes('@')) return false
    const [base, own] = this.inStore(full)
    if (covers(DATACENTERS, own)) return this.#roots.some((root) => isOfCatalog(base, root))
    return sees(joinKeys(base, plainKey(own)))
  }

  /** Returns the visible parts of a directory: the directory itself, or the resource's keys below it. */
  parts(dir: Key): readonly Key[] {
    if (this.includes(dir)) return [dir]
    const [base, own] = this.inStore(dir)
    const plain = joinKeys(base, plainKey(own))
    const inside = this.#roots.filter((root) => covers(plain, root) && isOf(plain, root))
    return plain === dir ? inside : inside.map((root) => joinKeys(dir, relativeTo(plain, root)))
  }

  /** Splits a full key into a base and the key below it. The base is the root of its store, the prefix, or else `/`. */
  inStore(full: Key): readonly [base: Key, own: Key] {
    const store = storeOf(full)
    const base = store === undefined ? this.prefix : storeRoot(store)
    return covers(base, full) ? [base, relativeTo(base, full)] : ['/', full]
  }

  /** Whether a key belongs to a look-up with options. */
  isOfLookUp(full: Key): boolean {
    return full.includes('@') && isOfLookUp(this.inStore(full)[1])
  }

  /**
   * Whether a look-up in this directory may see the key: keys of look-ups with options are visible only in
   * directories of such look-ups.
   */
  isAlike(dir: Key, key: Key): boolean {
    return !this.isOfLookUp(key) || this.isOfLookUp(dir)
  }

  /** Whether a look-up in a part sees a key below that part. */
  isIn(part: Key, key: Key): boolean {
    return !isEntry(key) && isOf(part, key) && this.isAlike(part, key)
  }
}

/**
 * Whether a key below a directory belongs to the same store: `/` is the root of the default store, without the keys
 * of other stores.
 */
export const isOf = (dir: Key, key: string): boolean => dir !== '/' || storeOf(key) === undefined

/** Whether a key belongs to the catalog at `base`. */
const isOfCatalog = (base: Key, key: Key): boolean =>
  covers(base, key) && /^\/(?:services|nodes)(?:[@/]|$)/.test(relativeTo(base, key))

export const parentOf = (key: Key): Key => (key.slice(0, key.lastIndexOf('/')) || '/') as Key
