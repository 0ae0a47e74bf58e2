// Reduces many prefixes to few directories, for stores that need one connection for each watched directory.
import { outermost, selfAndAncestors, type Key } from '../core/key.ts'

const depth = (key: Key): number => (key === '/' ? 0 : key.split('/').length - 1)
const parent = (key: Key): Key => (key.slice(0, key.lastIndexOf('/')) || '/') as Key

/**
 * Replaces the deepest prefixes with their parent directories until at most `most` directories are left. For example,
 * 500 prefixes such as `/services/x` become the one directory `/services`.
 */
export function rootsOf(prefixes: readonly Key[], most = 8): readonly Key[] {
  let roots = outermost(prefixes)
  while (roots.length > most) {
    const deepest = Math.max(...roots.map(depth))
    roots = outermost(roots.map((root) => (depth(root) === deepest ? parent(root) : root)))
  }
  return roots
}

/**
 * Returns a function that tests whether a prefix covers a key. The cost of a test depends only on the depth of the key.
 */
export function coveredBy(prefixes: readonly Key[]): (key: Key) => boolean {
  const set = new Set(prefixes)
  return (key) => {
    for (const dir of selfAndAncestors(key)) if (set.has(dir)) return true
    return false
  }
}
