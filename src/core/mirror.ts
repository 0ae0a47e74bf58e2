// The mirror of one store: reduces its events to a tree and the changes in it.
import type { Key } from './key.ts'
import type { StoreEvent } from './store.ts'
import { emptyTree, treeOf, type Tree } from './tree.ts'

export type Mirror =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'live'; readonly tree: Tree }
  | { readonly kind: 'stale'; readonly tree: Tree }

/** The changed keys. Listings are affected only by `added` and `removed`. */
export type Changes = ReadonlyMap<Key, 'added' | 'value' | 'removed'>

export const treeIn = (mirror: Mirror): Tree =>
  mirror.kind === 'waiting' ? emptyTree : mirror.tree

/** Applies an event. Returns the next tree (the same object if nothing changed) and the changed keys. */
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
