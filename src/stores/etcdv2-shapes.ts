// The answers of etcd's v2 API: listings and events. See https://etcd.io/docs/v2.3/api/.
import type { Key } from '../core/key.ts'
import {
  anything,
  count,
  each,
  bool,
  isAmbiguous,
  listOf,
  Mismatch,
  nullable,
  optional,
  record,
  text,
  textLike,
} from './shape.ts'

const nodeShape = record({
  /** Absent at the root. */
  key: optional(text),
  value: optional(text),
  dir: optional(bool),
  modifiedIndex: optional(count),
  /** Checked one level at a time, because the server determines the depth, and a recursion could exhaust the stack. */
  nodes: nullable(listOf(anything)),
})

export const listingShape = record({ action: textLike(/^get$/, 'get'), node: nodeShape })

export const eventShape = record({
  action: textLike(
    /^(?:set|create|update|compareAndSwap|delete|expire|compareAndDelete)$/,
    'an action of etcd',
  ),
  node: record({ key: text, value: optional(text), dir: optional(bool), modifiedIndex: count }),
  prevNode: nullable(record({ dir: optional(bool) })),
})

type Node = ReturnType<typeof nodeShape>

/** Returns all keys at and below `root`, except those with an ambiguous name. Throws a Mismatch if the listing is invalid. */
export function listedEntries(top: Node, root: Key): Map<Key, string> {
  const entries = new Map<Key, string>()
  /** A queue: the iteration also reaches directories that are added while it runs. */
  const directories = new Map<Key, readonly unknown[]>()
  const take = (node: Node, key: Key): void => {
    const { size } = entries
    if (node.dir === true) {
      if (!entries.has(key) && !directories.has(key))
        return void directories.set(key, node.nodes ?? [])
    } else {
      entries.set(key, text(node.value))
      if (entries.size > size && !directories.has(key)) return
    }
    throw new Mismatch('appears twice').within('key')
  }
  const key = expectPath(top.key ?? '/')
  if (key !== root) throw outsideOfDirectory().within('node')
  take(top, key)
  for (const [dir, nodes] of directories) {
    const start = dir === '/' ? '/' : `${dir}/`
    const child = (value: unknown): void => {
      const node = nodeShape(value)
      const name = text(node.key)
      const isPart = name.length > start.length && name.lastIndexOf('/') === start.length - 1
      if (!isPart || !name.startsWith(start)) throw outsideOfDirectory()
      if (!isAmbiguous(name)) take(node, name as Key)
    }
    each(nodes, child, dir)
  }
  return entries
}

/** Returns the name as a key. Throws a Mismatch if the name is not a path. */
export function expectPath(name: string): Key {
  if (name === '/' || /^(?:\/[^/]+)+$/s.test(name)) return name as Key
  throw new Mismatch('is not a path').within('key')
}

export const outsideOfDirectory = (): Mismatch =>
  new Mismatch('is outside of the requested directory').within('key')
