// Guards: whether a change may go ahead unasked. Pure: compares what the last applied render read
// and made with what the next one did, and tells the operator in words why one is held.
import { globBase, compileGlob } from './glob.ts'
import { covers, fullKey, isEntry, joinKeys, outermost, toKey, type Key } from './key.ts'
import type { Reads, Scope } from './reader.ts'
import type { Guard, Limit } from './resource.ts'
import type { Tree } from './tree.ts'

/** What a guard knows of one render: which keys it read, and how many bytes it made. */
export interface Footprint {
  readonly keys: ReadonlySet<Key>
  readonly size: number
}

/**
 * The keys that have a value and that these reads touched; full keys. A listing reads names, not
 * values: each name counts as one key, by its path, be it a key, a directory or both.
 * The cost follows what was read, not the size of the tree.
 * @param scope the one that the reads were made through: what it hides was not found
 */
export function keysRead(
  tree: Tree,
  scope: Pick<Scope, 'prefix' | 'keys'>,
  reads: readonly Reads[],
): ReadonlySet<Key> {
  const roots = outermost(scope.keys.map((key) => fullKey(scope.prefix, key)))
  const found = new Set<Key>()
  for (const one of reads) {
    for (const key of one.keys) {
      if (isEntry(key)) continue
      if (isVisible(roots, key) && tree.get(key) !== undefined) found.add(key)
    }
    for (const dir of one.trees) {
      for (const key of keysUnder(tree, roots, dir)) if (key !== dir) found.add(key)
    }
    for (const pattern of one.patterns) {
      const expression = compileGlob(pattern)
      for (const key of keysUnder(tree, roots, toKey(globBase(pattern)))) {
        if (key !== scope.prefix && expression.test(key)) found.add(key)
      }
    }
    for (const dir of one.listings) for (const key of children(tree, roots, dir)) found.add(key)
  }
  return found
}

const isVisible = (roots: readonly Key[], key: Key): boolean =>
  roots.some((root) => covers(root, key))

/** The visible ones of a directory: all of it, or what the roots inside of it name. */
function* keysUnder(tree: Tree, roots: readonly Key[], dir: Key): Generator<Key> {
  const dirs = isVisible(roots, dir) ? [dir] : roots.filter((root) => covers(dir, root))
  for (const one of dirs) for (const [key] of tree.under(one)) if (!isEntry(key)) yield key
}

/** The visible names directly below a directory, as paths. */
function* children(tree: Tree, roots: readonly Key[], dir: Key): Generator<Key> {
  if (isVisible(roots, dir)) {
    for (const name of tree.children(dir)) yield joinKeys(dir, name)
    return
  }
  const start = dir === '/' ? 1 : dir.length + 1
  for (const root of roots) {
    if (!covers(dir, root)) continue
    const [first] = tree.under(root)
    const end = root.indexOf('/', start)
    if (first !== undefined) yield toKey(end < 0 ? root : root.slice(0, end))
  }
}

/** Why a change is held. Names keys and numbers, never a value. */
export interface Tripped {
  /** In words, for the operator; several reasons are separated by `; `. */
  readonly reason: string
  /** The keys that the last render read and the next one did not, in the order of the last. */
  readonly vanished: readonly Key[]
}

/**
 * Whether a guard holds a change.
 * @param last what was applied last; undefined before the first time, when there is nothing that could
 *   vanish or shrink
 */
export function trips(
  guard: Guard,
  last: Footprint | undefined,
  next: Footprint,
): Tripped | undefined {
  const { minKeys, maxRemoved, maxShrink } = guard
  const vanished = [...(last?.keys ?? [])].filter((key) => !next.keys.has(key))
  const reasons: string[] = []
  if (next.keys.size === 0 && !guard.allowEmpty) {
    reasons.push('no key was found, and allow_empty is not set')
  }
  if (minKeys !== undefined && next.keys.size < minKeys) {
    const { size } = next.keys
    reasons.push(`${size} ${size === 1 ? 'key was' : 'keys were'} read, min_keys is ${minKeys}`)
  }
  if (last !== undefined) {
    const { keys, size } = last
    if (maxRemoved !== undefined && exceeds(vanished.length, maxRemoved, keys.size)) {
      const of = `${vanished.length} of ${keys.size} ${keys.size === 1 ? 'key' : 'keys'}`
      reasons.push(`${of} vanished, max_removed is ${inWords(maxRemoved)}`)
    }
    if (maxShrink !== undefined && exceeds(size - next.size, maxShrink, size)) {
      const most = inWords(maxShrink) + (maxShrink.kind === 'count' ? ' bytes' : '')
      reasons.push(
        `the file would shrink from ${size} to ${next.size} bytes, max_shrink is ${most}`,
      )
    }
  }
  return reasons.length === 0 ? undefined : { reason: reasons.join('; '), vanished }
}

/** Exactly as much as the limit is still good. */
const exceeds = (lost: number, limit: Limit, whole: number): boolean =>
  lost > 0 && (limit.kind === 'count' ? lost > limit.most : lost * 100 > limit.percent * whole)

const inWords = (limit: Limit): string =>
  limit.kind === 'count' ? String(limit.most) : `${limit.percent}%`
