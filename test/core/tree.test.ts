import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareText, covers, toKey, type Key } from '../../src/core/key.ts'
import { reduce } from '../../src/core/mirror.ts'
import { emptyTree, treeOf, type Tree } from '../../src/core/tree.ts'

const names = ['a', 'b', 'a-b', 'a.b', 'a0', 'ä', '\ue000', '😀', 'x', '__proto__', '1', '10', '2']
const segment = fc.constantFrom(...names)
const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => toKey(parts.join('/')))
const entries = fc
  .array(fc.tuple(key, fc.string()), { maxLength: 400 })
  .map((pairs) => new Map(pairs))
const change = fc.record({
  put: entries,
  del: fc.array(key, { maxLength: 20 }).map((keys) => new Set(keys)),
})

function sorted(map: ReadonlyMap<Key, string>, dir: Key): [Key, string][] {
  const found = [...map].filter(([k]) => covers(dir, k)).sort((a, b) => compareText(a[0], b[0]))
  return [...found.filter(([k]) => k === dir), ...found.filter(([k]) => k !== dir)]
}

function childrenOf(map: ReadonlyMap<Key, string>, dir: Key): string[] {
  const below = [...map.keys()].filter((k) => covers(dir, k) && k !== dir)
  const names = below.map((k) => k.slice(dir === '/' ? 1 : dir.length + 1).split('/')[0] as string)
  return [...new Set(names)].sort(compareText)
}

function expectSame(tree: Tree, map: ReadonlyMap<Key, string>, dirs: readonly Key[]): void {
  expect(tree.size).toBe(map.size)
  for (const [k, value] of map) expect(tree.get(k)).toBe(value)
  for (const dir of ['/' as const, ...dirs]) {
    expect([...tree.under(dir)]).toEqual(sorted(map, dir))
    expect(tree.children(dir)).toEqual(childrenOf(map, dir))
  }
}

describe('the tree', () => {
  it('is a Map with directories, whatever happens to it', () => {
    fc.assert(
      fc.property(
        entries,
        fc.array(change, { maxLength: 8 }),
        fc.array(key, { maxLength: 6 }),
        (first, changes, dirs) => {
          const map = new Map(first)
          let tree = treeOf(first)
          expectSame(tree, map, dirs)
          for (const { put, del } of changes) {
            const before = tree
            const beforeMap = new Map(map)
            tree = tree.with(put, del)
            for (const k of del) map.delete(k)
            for (const [k, value] of put) map.set(k, value)
            expectSame(tree, map, dirs)
            expectSame(before, beforeMap, dirs)
          }
        },
      ),
    )
  })

  it('is the same object when nothing differs', () => {
    const tree = treeOf(new Map<Key, string>([['/a', '1']]))
    expect(tree.with(new Map<Key, string>([['/a', '1']]), new Set<Key>(['/b']))).toBe(tree)
  })

  it('stays shallow: 100,000 sorted insertions', () => {
    let tree = emptyTree
    for (let n = 0; n < 100_000; n++)
      tree = tree.with(new Map<Key, string>([[`/k/${String(n).padStart(6, '0')}`, 'v']]), new Set())
    expect(tree.size).toBe(100_000)
    expect(tree.get('/k/099999')).toBe('v')
  })
})

describe('the mirror', () => {
  it('reports exactly the keys that differ, for deltas and for snapshots', () => {
    fc.assert(
      fc.property(entries, entries, change, (first, second, delta) => {
        let map = new Map(first)
        let tree = reduce(emptyTree, { kind: 'snapshot', entries: first }).tree
        const after = new Map(second)
        const step = reduce(tree, { kind: 'snapshot', entries: second })
        expectSame(step.tree, after, [])
        expect(new Set(step.changes.keys())).toEqual(differing(map, after))
        map = after
        tree = step.tree
        const next = new Map(map)
        for (const k of delta.del) if (!delta.put.has(k)) next.delete(k)
        for (const [k, value] of delta.put) next.set(k, value)
        const moved = reduce(tree, { kind: 'delta', ...delta })
        expectSame(moved.tree, next, [])
        expect(new Set(moved.changes.keys())).toEqual(differing(map, next))
        if (moved.changes.size === 0) expect(moved.tree).toBe(tree)
      }),
    )
  })
})

function differing(a: ReadonlyMap<Key, string>, b: ReadonlyMap<Key, string>): Set<Key> {
  return new Set([...a.keys(), ...b.keys()].filter((k) => a.get(k) !== b.get(k)))
}
