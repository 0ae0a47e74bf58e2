import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globEscape } from '../../src/core/glob.ts'
import { toKey, type Key } from '../../src/core/key.ts'
import { countOf, joined, Matches, ofEach } from '../../src/core/matches.ts'
import { Reader } from '../../src/core/reader.ts'
import type { Scope } from '../../src/core/reads.ts'
import { emptyTree, treeOf, type Leaf } from '../../src/core/tree.ts'

const name = fc.constantFrom('a', 'b', 'a-b', 'a0', 'ä', '😀', 'x1', 'x2', 'vault:', '1', '10')
const key = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => toKey(parts.join('/')))
const entries = fc
  .array(fc.tuple(key, fc.constantFrom('1', '2')), { maxLength: 300 })
  .map((pairs) => new Map(pairs))
const change = fc.record({
  put: fc.array(fc.tuple(key, fc.string()), { maxLength: 40 }).map((pairs) => new Map(pairs)),
  del: fc.array(key, { maxLength: 40 }).map((keys) => new Set(keys)),
})
const segment = fc.oneof(name.map(globEscape), fc.constantFrom('*', '?', 'x[12]', 'a*'))
const pattern = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const scope = fc.record({
  store: fc.constant('test'),
  prefix: fc.constantFrom<Key>('/', '/a', '/a/b', '/none'),
  keys: fc
    .array(key, { minLength: 1, maxLength: 3 })
    .chain((keys) => fc.constantFrom<readonly Key[]>(['/'], keys)),
})
const look = fc.record({ scope, kind: fc.constantFrom('match', 'under'), path: pattern })

type Look = { readonly scope: Scope; readonly kind: string; readonly path: string }

describe('the cache of look-ups', () => {
  it('returns what a fresh look-up finds, whatever has changed and whoever looks', () => {
    fc.assert(
      fc.property(
        entries,
        fc.array(look, { minLength: 1, maxLength: 6 }),
        fc.array(change, { maxLength: 8 }),
        fc.constantFrom(0, 20, 1000),
        (first, looks: readonly Look[], changes, most) => {
          const earlier = new Matches(most)
          let tree = treeOf(first)
          for (const { put, del } of [
            { put: new Map<Key, string>(), del: new Set<Key>() },
            ...changes,
          ]) {
            const before = tree
            tree = tree.with(put, del)
            // Also looks up keys in the previous tree, because a render that began before a change still reads that
            // tree.
            for (const one of [tree, before, tree]) {
              for (const { scope, kind, path } of looks) {
                const found = [new Reader(one, scope, earlier), new Reader(one, scope)].map(
                  (reader) => [
                    (kind === 'match' ? reader.match(path) : reader.under(path)).flat(),
                    reader.reads,
                  ],
                )
                expect(found[0]).toEqual(found[1])
              }
            }
          }
        },
      ),
    )
  })

  it('visits again only the leaves that have changed', () => {
    const pairs = Array.from({ length: 1000 }, (_, n) => [`/k/${1000 + n}`, 'v'] as [Key, string])
    const tree = treeOf(new Map(pairs))
    const changed = tree.with(new Map<Key, string>([['/k/1500', 'w']]), new Set())
    const matches = new Matches()
    let looked = 0
    const select = (leaf: Leaf): Leaf => {
      looked += leaf.length
      return leaf
    }
    expect(countOf(matches.find('all', tree.leaves('/'), select))).toBe(1000)
    expect(looked).toBe(1000)
    expect(countOf(matches.find('all', changed.leaves('/'), select))).toBe(1000)
    expect(looked).toBeLessThan(1100)
  })

  it('evicts one look-up after the other, but never the last one', () => {
    const pairs = Array.from({ length: 100 }, (_, n) => [`/k/${100 + n}`, 'v'] as [Key, string])
    const leaves = treeOf(new Map(pairs)).leaves('/')
    const matches = new Matches(150)
    const looked: string[] = []
    const find = (name: string): unknown =>
      matches.find(name, leaves, (leaf) => {
        if (leaf === leaves[0]) looked.push(name)
        return leaf
      })
    for (const name of ['a', 'a', 'b', 'b', 'a']) find(name)
    expect(looked).toEqual(['a', 'b', 'a'])
    expect(matches.find('none', emptyTree.leaves('/'), (leaf) => leaf)).toEqual([])
  })
})

it('computes the values of each leaf once', () => {
  let made = 0
  const valuesOf = ofEach(({ value }) => `${++made}${value}`)
  const [one, two] = [[{ key: '/a', value: 'x' }] as const, [{ key: '/b', value: 'y' }] as const]
  expect(joined(valuesOf([one]))).toEqual(['1x'])
  expect(joined(valuesOf([one, two]))).toEqual(['1x', '2y'])
  expect(joined(valuesOf([two]))).toEqual(['2y'])
})
