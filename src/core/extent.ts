// Extents: the wanted and the known parts of an on-demand store.
import type { Fault } from './fault.ts'
import { covers, entryOf, isEntry, selfAndAncestors, storeOf, storeRoot, type Key } from './key.ts'

export interface Extent {
  /** Keys and directories, including everything below them. */
  readonly trees: ReadonlySet<Key>
  /** Directories for which only the names directly below are included. */
  readonly names: ReadonlySet<Key>
}

/** The known part of an on-demand store. */
export interface KnownExtent extends Extent {
  /**
   * Parts to which the store denies access, with the faults. A directory means everything below it, and the entry of a
   * directory means the names in it. Reading a denied part raises its fault; other parts are unaffected.
   */
  readonly refused?: ReadonlyMap<Key, Fault>
  /**
   * Unreachable parts of a reachable store, such as another datacenter, by name. The known keys of these parts are
   * stale or missing.
   */
  readonly away?: ReadonlyMap<string, Fault>
}

/** The known extents of on-demand stores, by root. Other stores are fully known. */
export type Known = ReadonlyMap<Key, KnownExtent>

export const nothing: Extent = { trees: new Set(), names: new Set() }

/** The known extent of the store that a full key belongs to; undefined if that store is not on-demand. */
export function extentOf(known: Known | undefined, key: Key): KnownExtent | undefined {
  if (known === undefined) return undefined
  const store = storeOf(key)
  return known.get(store === undefined ? '/' : storeRoot(store))
}

/** Whether an extent includes a directory (`trees`), or its names (`names`). */
export function extentIncludes(extent: Extent, kind: keyof Extent, dir: Key): boolean {
  for (const at of selfAndAncestors(dir)) if (extent.trees.has(at)) return true
  return kind === 'names' && extent.names.has(dir)
}

/** The fault if the store denies access to a directory, or to the names in it. */
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
  every(part, (kind, dir) => extentIncludes(extent, kind, dir))

/** Whether a part, which may span several stores, is completely known. */
export const isKnown = (known: Known | undefined, part: Extent): boolean =>
  every(part, (kind, dir) => {
    const extent = extentOf(known, dir)
    return extent === undefined || extentIncludes(extent, kind, dir)
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

/** Renames the directories and drops those for which `rename` returns undefined. */
export function mapExtent({ trees, names }: Extent, rename: (dir: Key) => Key | undefined): Extent {
  const renamed = (dirs: ReadonlySet<Key>): ReadonlySet<Key> =>
    new Set([...dirs].flatMap((dir) => rename(dir) ?? []))
  return { trees: renamed(trees), names: renamed(names) }
}
