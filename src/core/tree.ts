// The immutable key tree: all pairs in key order, in short leaves that versions of the tree share. A change copies the
// list of leaves and the leaves that it touches. The keys below a directory form a range.
import type { Known } from './extent.ts'
import { compareText, covers, type Key } from './key.ts'

export interface TreePair {
  readonly key: Key
  readonly value: string
}

/** Neighbouring pairs in key order, never empty. Leaves are immutable, so the same object always has the same pairs. */
export type Leaf = readonly TreePair[]

export interface Tree {
  readonly size: number
  /** Known extents of on-demand stores. Keys outside them are missing here but may exist in the store. */
  readonly known?: Known | undefined
  get(key: Key): string | undefined
  /** The key itself, if it has a value, and everything below it, in key order. */
  under(dir: Key): Iterable<readonly [Key, string]>
  /** The leaves that contain the keys of a directory, in order. They may contain other pairs, too. */
  leaves(dir: Key): readonly Leaf[]
  /** The names directly below a directory, each once, in order. */
  children(dir: Key): readonly string[]
  /** Returns the tree with changes applied; the same object if nothing differs. */
  with(put: ReadonlyMap<Key, string>, del: ReadonlySet<Key>): Tree
  /** Returns a tree with the same keys and another known extent. */
  knowing(known: Known | undefined): Tree
}

/** Maximum number of pairs in a leaf. A larger leaf is split. */
const MOST = 64
/** Usual number of pairs in a leaf after a split. */
const USUAL = 48
/** Two neighbours are joined if they have no more pairs than this in total. */
const FEW = 32

/** A key with its new value; undefined if the key is removed. */
type Edit = readonly [key: Key, value: string | undefined]

/** The number of items before a key, in a sorted list. */
function countBefore<T>(items: readonly T[], keyOf: (item: T) => string, key: string): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareText(keyOf(items[middle] as T), key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

const keyOf = (pair: TreePair): Key => pair.key
const firstOf = (leaf: Leaf): Key => (leaf[0] as TreePair).key

/** The first key that may lie below a directory. */
const startOf = (dir: Key): string => (dir === '/' ? '/' : `${dir}/`)

class LeafTree implements Tree {
  constructor(
    private readonly all: readonly Leaf[],
    readonly size: number,
    readonly known?: Known,
  ) {}

  get(key: Key): string | undefined {
    const leaf = this.all[this.#placeOf(key)]
    if (leaf === undefined) return undefined
    const pair = leaf[countBefore(leaf, keyOf, key)]
    return pair?.key === key ? pair.value : undefined
  }

  *under(dir: Key): Generator<readonly [Key, string]> {
    for (const leaf of this.leaves(dir)) {
      for (const { key, value } of leaf) if (covers(dir, key)) yield [key, value]
    }
  }

  leaves(dir: Key): readonly Leaf[] {
    if (dir === '/') return this.all
    const from = this.#placeOf(`${dir}/`)
    // `0` is the character after `/`.
    const to = countBefore(this.all, firstOf, `${dir}0`)
    const below = this.all.slice(from, to)
    // `/a-b` sorts between `/a` and `/a/b`, so the key of the directory itself may lie in an earlier leaf.
    const own = this.#placeOf(dir)
    return own < from ? [this.all[own] as Leaf, ...below] : below
  }

  children(dir: Key): readonly string[] {
    const start = startOf(dir).length
    const names: string[] = []
    let from = startOf(dir)
    for (;;) {
      const key = this.#firstFrom(from)
      if (key === undefined || !covers(dir, key)) break
      const end = key.indexOf('/', start)
      const name = end < 0 ? key.slice(start) : key.slice(start, end)
      if (name !== '') names.push(name)
      // Skips everything below this child. A sibling such as `x-1` sorts between `x` and `x/`, so after a plain key
      // only the key itself is skipped.
      const path = key.slice(0, start) + name
      from = end < 0 ? `${path}\0` : `${path}0`
    }
    return [...new Set(names)].sort(compareText)
  }

  with(put: ReadonlyMap<Key, string>, del: ReadonlySet<Key>): Tree {
    const edits: Edit[] = [...put]
    for (const key of del) if (!put.has(key)) edits.push([key, undefined])
    edits.sort((a, b) => compareText(a[0], b[0]))
    let next: Leaf[] | undefined
    let { size } = this
    // Applies the edits from the end, so that the indices of earlier leaves stay valid.
    for (let end = edits.length; end > 0;) {
      const place = this.#placeOf((edits[end - 1] as Edit)[0])
      const begin = place === 0 ? 0 : beginOf(edits, end, firstOf(this.all[place] as Leaf))
      const leaf = (next ?? this.all)[place] ?? []
      const edited = applied(leaf, edits, begin, end)
      end = begin
      if (edited === leaf) continue
      size += edited.length - leaf.length
      next = replace(next ?? [...this.all], place, edited)
    }
    return next === undefined ? this : new LeafTree(next, size, this.known)
  }

  knowing(known: Known | undefined): Tree {
    return known === this.known ? this : new LeafTree(this.all, this.size, known)
  }

  /** The index of the leaf that a key is in, or would be in. */
  #placeOf(key: string): number {
    const { all } = this
    const before = countBefore(all, firstOf, key)
    const next = all[before]
    return next !== undefined && firstOf(next) === key ? before : Math.max(0, before - 1)
  }

  #firstFrom(key: string): Key | undefined {
    const place = this.#placeOf(key)
    const leaf = this.all[place]
    if (leaf === undefined) return undefined
    return (leaf[countBefore(leaf, keyOf, key)] ?? this.all[place + 1]?.[0])?.key
  }
}

/** Returns the index of the first edit at or after `key`. Edit `end - 1` must be at or after `key`. */
function beginOf(edits: readonly Edit[], end: number, key: Key): number {
  let begin = end - 1
  while (begin > 0 && compareText((edits[begin - 1] as Edit)[0], key) >= 0) begin--
  return begin
}

/** Replaces a leaf with as many leaves as the pairs need. Merges a small leaf with a small neighbour. */
function replace(leaves: Leaf[], place: number, pairs: Leaf): Leaf[] {
  const pieces = split(pairs)
  // Avoids splice(), because there may be more pieces than a call can have arguments.
  if (pieces.length > 1) return [...leaves.slice(0, place), ...pieces, ...leaves.slice(place + 1)]
  leaves.splice(place, 1, ...pieces)
  if (pairs.length > FEW) return leaves
  for (const at of [place, place - 1]) {
    const [one, next] = [leaves[at], leaves[at + 1]]
    if (one === undefined || next === undefined || one.length + next.length > FEW) continue
    leaves.splice(at, 2, [...one, ...next])
  }
  return leaves
}

function split(pairs: Leaf): readonly Leaf[] {
  if (pairs.length <= MOST) return pairs.length === 0 ? [] : [pairs]
  const count = Math.ceil(pairs.length / USUAL)
  const start = (n: number): number => Math.floor((n * pairs.length) / count)
  return Array.from({ length: count }, (_, n) => pairs.slice(start(n), start(n + 1)))
}

/** Applies edits `from` to `to - 1` to a leaf. Returns the same object if nothing differs. */
function applied(leaf: Leaf, edits: readonly Edit[], from: number, to: number): Leaf {
  const pairs: TreePair[] = []
  let differs = false
  let at = 0
  for (let n = from; n < to; n++) {
    const [key, value] = edits[n] as Edit
    for (; at < leaf.length; at++) {
      const pair = leaf[at] as TreePair
      if (compareText(pair.key, key) >= 0) break
      pairs.push(pair)
    }
    const old = leaf[at]?.key === key ? (leaf[at++] as TreePair) : undefined
    if (old?.value === value) {
      if (old !== undefined) pairs.push(old)
    } else {
      differs = true
      if (value !== undefined) pairs.push({ key, value })
    }
  }
  if (!differs) return leaf
  for (; at < leaf.length; at++) pairs.push(leaf[at] as TreePair)
  return pairs
}

export const emptyTree: Tree = new LeafTree([], 0)

export const treeOf = (entries: ReadonlyMap<Key, string>): Tree =>
  emptyTree.with(entries, new Set())
