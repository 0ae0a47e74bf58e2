// The immutable key tree: an AVL tree ordered by key, which shares unchanged nodes with its previous version.
// A change costs O(log n); a directory is a range of keys.
import type { Known } from './extent.ts'
import { compareText, covers, type Key } from './key.ts'

interface TreeNode {
  readonly key: Key
  readonly value: string
  readonly left: TreeNode | null
  readonly right: TreeNode | null
  readonly height: number
  readonly size: number
}

export interface Tree {
  readonly size: number
  /** Known extents of on-demand stores. Keys outside them are missing here but may exist in the store. */
  readonly known?: Known | undefined
  get(key: Key): string | undefined
  /** The key itself, if it has a value, and everything below it, in key order. */
  under(dir: Key): Iterable<readonly [Key, string]>
  /** The names directly below a directory, each once, in order. */
  children(dir: Key): readonly string[]
  /** Returns the tree with changes applied; the same object if nothing differs. */
  with(put: ReadonlyMap<Key, string>, del: ReadonlySet<Key>): Tree
  /** Returns the same keys with another known extent. */
  knowing(known: Known | undefined): Tree
}

const height = (node: TreeNode | null): number => node?.height ?? 0
const size = (node: TreeNode | null): number => node?.size ?? 0

function make(key: Key, value: string, left: TreeNode | null, right: TreeNode | null): TreeNode {
  return {
    key,
    value,
    left,
    right,
    height: Math.max(height(left), height(right)) + 1,
    size: size(left) + size(right) + 1,
  }
}

/** make(), with one or two rotations if the heights of both sides differ by two. */
function balance(key: Key, value: string, left: TreeNode | null, right: TreeNode | null): TreeNode {
  const lean = height(left) - height(right)
  if (lean > 1 && left !== null) {
    if (height(left.left) >= height(left.right)) {
      return make(left.key, left.value, left.left, make(key, value, left.right, right))
    }
    const mid = left.right as TreeNode
    return make(
      mid.key,
      mid.value,
      make(left.key, left.value, left.left, mid.left),
      make(key, value, mid.right, right),
    )
  }
  if (lean < -1 && right !== null) {
    if (height(right.right) >= height(right.left)) {
      return make(right.key, right.value, make(key, value, left, right.left), right.right)
    }
    const mid = right.left as TreeNode
    return make(
      mid.key,
      mid.value,
      make(key, value, left, mid.left),
      make(right.key, right.value, mid.right, right.right),
    )
  }
  return make(key, value, left, right)
}

function insert(node: TreeNode | null, key: Key, value: string): TreeNode {
  if (node === null) return make(key, value, null, null)
  const order = compareText(key, node.key)
  if (order === 0) return node.value === value ? node : make(key, value, node.left, node.right)
  if (order < 0) {
    const left = insert(node.left, key, value)
    return left === node.left ? node : balance(node.key, node.value, left, node.right)
  }
  const right = insert(node.right, key, value)
  return right === node.right ? node : balance(node.key, node.value, node.left, right)
}

function remove(node: TreeNode | null, key: Key): TreeNode | null {
  if (node === null) return null
  const order = compareText(key, node.key)
  if (order < 0) {
    const left = remove(node.left, key)
    return left === node.left ? node : balance(node.key, node.value, left, node.right)
  }
  if (order > 0) {
    const right = remove(node.right, key)
    return right === node.right ? node : balance(node.key, node.value, node.left, right)
  }
  if (node.left === null) return node.right
  if (node.right === null) return node.left
  let next = node.right
  while (next.left !== null) next = next.left
  return balance(next.key, next.value, node.left, remove(node.right, next.key))
}

/** All nodes from key `from` on, in order. Uses a stack, because nested generators are slow. */
function* scan(root: TreeNode | null, from: string): Generator<TreeNode> {
  const stack: TreeNode[] = []
  let node = root
  while (node !== null) {
    if (compareText(from, node.key) <= 0) {
      stack.push(node)
      node = node.left
    } else {
      node = node.right
    }
  }
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    yield next
    for (let below = next.right; below !== null; below = below.left) stack.push(below)
  }
}

class AvlTree implements Tree {
  constructor(
    private readonly root: TreeNode | null,
    readonly known?: Known,
  ) {}

  get size(): number {
    return size(this.root)
  }

  get(key: Key): string | undefined {
    let node = this.root
    while (node !== null) {
      const order = compareText(key, node.key)
      if (order === 0) return node.value
      node = order < 0 ? node.left : node.right
    }
    return undefined
  }

  *under(dir: Key): Generator<readonly [Key, string]> {
    const own = this.get(dir)
    if (own !== undefined) yield [dir, own]
    // `/a-b` sorts between `/a` and `/a/b`, so the subtree is the contiguous range from `/a/` on.
    for (const node of scan(this.root, dir === '/' ? '/' : `${dir}/`)) {
      if (!covers(dir, node.key)) return
      if (node.key !== dir) yield [node.key, node.value]
    }
  }

  children(dir: Key): readonly string[] {
    const start = dir === '/' ? 1 : dir.length + 1
    const names: string[] = []
    let from = dir === '/' ? '/' : `${dir}/`
    for (;;) {
      const next = scan(this.root, from).next()
      if (next.done === true || !covers(dir, next.value.key)) break
      const end = next.value.key.indexOf('/', start)
      const name = end < 0 ? next.value.key.slice(start) : next.value.key.slice(start, end)
      if (name !== '') names.push(name)
      // Skips everything below this child: `0` is the character after `/`. A sibling such as `x-1` sorts between `x`
      // and `x/`, so a plain key skips only itself.
      const path = next.value.key.slice(0, start) + name
      from = end < 0 ? `${path}\0` : `${path}0`
    }
    return [...new Set(names)].sort(compareText)
  }

  with(put: ReadonlyMap<Key, string>, del: ReadonlySet<Key>): Tree {
    let root = this.root
    for (const key of del) root = remove(root, key)
    for (const [key, value] of put) root = insert(root, key, value)
    return root === this.root ? this : new AvlTree(root, this.known)
  }

  knowing(known: Known | undefined): Tree {
    return known === this.known ? this : new AvlTree(this.root, known)
  }
}

function build(
  entries: readonly (readonly [Key, string])[],
  from: number,
  to: number,
): TreeNode | null {
  if (from >= to) return null
  const middle = (from + to) >> 1
  const [key, value] = entries[middle] as readonly [Key, string]
  return make(key, value, build(entries, from, middle), build(entries, middle + 1, to))
}

export function treeOf(entries: ReadonlyMap<Key, string>): Tree {
  const sorted = [...entries].sort((a, b) => compareText(a[0], b[0]))
  return new AvlTree(build(sorted, 0, sorted.length))
}

export const emptyTree: Tree = new AvlTree(null)
