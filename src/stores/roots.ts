// Where to wait: few directories for many prefixes, for stores that need a connection for each.
import { outermost, selfAndAncestors, type Key } from '../core/key.ts'

const depth = (key: Key): number => (key === '/' ? 0 : key.split('/').length - 1)
const parent = (key: Key): Key => (key.slice(0, key.lastIndexOf('/')) || '/') as Key

/**
 * The prefixes themselves while there are few; else the deepest of them give way to their parent
 * directories until at most `most` are left. 500 prefixes `/services/x` become one `/services`.
 */
export function rootsOf(prefixes: readonly Key[], most = 8): readonly Key[] {
  let roots = outermost(prefixes)
  while (roots.length > most) {
    const deepest = Math.max(...roots.map(depth))
    roots = outermost(roots.map((root) => (depth(root) === deepest ? parent(root) : root)))
  }
  return roots
}

/** Whether one of the prefixes covers a key; the cost follows the key's depth, not their number. */
export function coveredBy(prefixes: readonly Key[]): (key: Key) => boolean {
  const set = new Set(prefixes)
  return (key) => {
    for (const dir of selfAndAncestors(key)) if (set.has(dir)) return true
    return false
  }
}
