// Parts of a tree: what is wanted of a store that is read on demand, and what is known of it.
import type { Fault } from './fault.ts'
import { covers, entryOf, isEntry, selfAndAncestors, storeOf, storeRoot, type Key } from './key.ts'

export interface Extent {
  /** Keys and directories that are meant with all that is below them. */
  readonly trees: ReadonlySet<Key>
  /** Directories of which the names directly below are meant, and nothing else. */
  readonly names: ReadonlySet<Key>
}

/** What a store that is read on demand has told. */
export interface KnownExtent extends Extent {
  /**
   * What it will not tell, and why: directories with all that is below them, or the entry of a directory
   * for the names in it. Whoever looks there gets the fault; the rest is as good as ever.
   */
  readonly refused?: ReadonlyMap<Key, Fault>
  /**
   * Parts of the store that cannot be reached while the rest of it can, by name, such as another datacenter: what
   * is known of them is old, or nothing.
   */
  readonly away?: ReadonlyMap<string, Fault>
}

/** What is known of each store that is read on demand, by its root. Of other stores everything is. */
export type Known = ReadonlyMap<Key, KnownExtent>

export const nothing: Extent = { trees: new Set(), names: new Set() }

/** Of the store that a full key is in; undefined when that one is not read on demand. */
export function extentOf(known: Known | undefined, key: Key): KnownExtent | undefined {
  if (known === undefined) return undefined
  const store = storeOf(key)
  return known.get(store === undefined ? '/' : storeRoot(store))
}

/** Whether all of a directory, or the names in it, are part of an extent. */
export function includes(extent: Extent, kind: keyof Extent, dir: Key): boolean {
  for (const at of selfAndAncestors(dir)) if (extent.trees.has(at)) return true
  return kind === 'names' && extent.names.has(dir)
}

/** Why all of a directory, or the names in it, cannot be told although the rest is known. */
export function refusalOf(
  { refused }: KnownExtent,
  kind: keyof Extent,
  dir: Key,
): Fault | undefined {
  for (const [part, fault] of refused ?? []) {
    const isNames = part === entryOf(dir) || (kind === 'trees' && covers(dir, part))
    if (isEntry(part) ? isNames : covers(part, dir) || (kind === 'trees' && covers(dir, part)))
      return fault
  }
  return undefined
}

const every = (
  { trees, names }: Extent,
  holds: (kind: keyof Extent, dir: Key) => boolean,
): boolean =>
  [...trees].every((dir) => holds('trees', dir)) && [...names].every((dir) => holds('names', dir))

export const includesAll = (extent: Extent, part: Extent): boolean =>
  every(part, (kind, dir) => includes(extent, kind, dir))

/** Whether all of a part, which may be of several stores, is known. */
export const isKnown = (known: Known | undefined, part: Extent): boolean =>
  every(part, (kind, dir) => {
    const extent = extentOf(known, dir)
    return extent === undefined || includes(extent, kind, dir)
  })

export const isSame = (a: Extent, b: Extent): boolean =>
  a.trees.size === b.trees.size &&
  a.names.size === b.names.size &&
  every(a, (kind, dir) => b[kind].has(dir))

export const isNothing = ({ trees, names }: Extent): boolean => trees.size + names.size === 0

export function union(extents: Iterable<Extent>): Extent {
  const trees = new Set<Key>()
  const names = new Set<Key>()
  for (const extent of extents) {
    for (const dir of extent.trees) trees.add(dir)
    for (const dir of extent.names) names.add(dir)
  }
  return { trees, names }
}

/** The directories that are kept, under another name. */
export function mapExtent({ trees, names }: Extent, rename: (dir: Key) => Key | undefined): Extent {
  const renamed = (dirs: ReadonlySet<Key>): ReadonlySet<Key> =>
    new Set([...dirs].flatMap((dir) => rename(dir) ?? []))
  return { trees: renamed(trees), names: renamed(names) }
}
