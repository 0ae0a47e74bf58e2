// The mirror: what is known of one store. Reduces a store's events to a tree and to what changed in it.
import type { Key } from './key.ts'
import type { StoreEvent } from './store.ts'
import { emptyTree, treeOf, type Tree } from './tree.ts'

export type Mirror =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'live'; readonly tree: Tree }
  | { readonly kind: 'stale'; readonly tree: Tree }

/** How a key changed: a new or vanished name matters to listings, a new value does not. */
export type Changes = ReadonlyMap<Key, 'added' | 'value' | 'removed'>

export const treeIn = (mirror: Mirror): Tree =>
  mirror.kind === 'waiting' ? emptyTree : mirror.tree

/** The next tree, the very same one when the event changes nothing, and the keys that differ. */
export function reduce(
  tree: Tree,
  event: StoreEvent,
): { readonly tree: Tree; readonly changes: Changes } {
  const changes = new Map<Key, 'added' | 'value' | 'removed'>()
  const put = event.kind === 'snapshot' ? event.entries : event.put
  for (const [key, value] of put) {
    const known = tree.get(key)
    if (known !== value) changes.set(key, known === undefined ? 'added' : 'value')
  }
  if (event.kind === 'delta') {
    for (const key of event.del)
      if (!put.has(key) && tree.get(key) !== undefined) changes.set(key, 'removed')
  } else {
    for (const [key] of tree.under('/')) if (!put.has(key)) changes.set(key, 'removed')
  }
  if (changes.size === 0) return { tree, changes }
  if (event.kind === 'snapshot') {
    if (tree.size === 0) return { tree: treeOf(event.entries).knowing(tree.known), changes }
  }
  const changed = new Map<Key, string>()
  const gone = new Set<Key>()
  for (const [key, how] of changes) {
    if (how === 'removed') gone.add(key)
    else changed.set(key, put.get(key) as string)
  }
  return { tree: tree.with(changed, gone), changes }
}
