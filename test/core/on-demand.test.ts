// The reader of a partly known tree: which parts a render needs, and which of these are missing.
import { expect, test } from 'vitest'
import type { Extent } from '../../src/core/extent.ts'
import type { Fault } from '../../src/core/fault.ts'
import { entryOf, toKey, type Key } from '../../src/core/key.ts'
import { Reader } from '../../src/core/reader.ts'
import { treeOf } from '../../src/core/tree.ts'

const extent = (trees: readonly Key[], names: readonly Key[] = []): Extent => ({
  trees: new Set(trees),
  names: new Set(names),
})
/** In this tree, the names in `/s` are known: a, b and ab. Only the keys below a are known. */
const tree = treeOf(
  new Map<Key, string>([
    ...(['a', 'ab', 'b'] as const).map((name): [Key, string] => [entryOf(`/s/${name}`), name]),
    ['/s/a/1', 'one'],
    ['/consul:/s/a/1', 'of a store that is not read on demand'],
  ]),
).knowing(new Map([['/', extent(['/s/a'], ['/s'])]]))

const reader = (keys: readonly string[] = ['/', 'consul:/'], prefix = '/'): Reader =>
  new Reader(tree, { store: 'test', prefix: toKey(prefix), keys: keys.map(toKey) })

test.each<[string, (reader: Reader) => unknown, needs: Extent, missing: Extent]>([
  ['a key', (r) => r.get('/s/a/1'), extent(['/s/a/1']), extent([])],
  ['a key elsewhere', (r) => r.get('/s/b/1'), extent(['/s/b/1']), extent(['/s/b/1'])],
  ['a directory', (r) => r.under('/s/a'), extent(['/s/a']), extent([])],
  ['all of one that is only listed', (r) => r.under('/s'), extent(['/s']), extent(['/s'])],
  ['names', (r) => r.children('/s'), extent([], ['/s']), extent([])],
  ['names in what is known', (r) => r.children('/s/a'), extent([], ['/s/a']), extent([])],
  ['names elsewhere', (r) => r.children('/t'), extent([], ['/t']), extent([], ['/t'])],
  ['what a listing tells', (r) => r.entry('/s/b'), extent([], ['/s']), extent([])],
  ['a pattern of names', (r) => r.matches('/s/a*'), extent([], ['/s']), extent([])],
  [
    'a pattern of values',
    (r) => r.match('/s/a*/*'),
    extent(['/s/a', '/s/ab'], ['/s']),
    extent(['/s/ab']),
  ],
  ['a pattern of all values', (r) => r.match('/s/*'), extent(['/s']), extent(['/s'])],
  ['another store', (r) => r.get('consul:/s/b'), extent([]), extent([])],
])('%s', (_, look, needs, missing) => {
  const one = reader()
  look(one)
  expect(one.reads).toMatchObject({ needs, missing })
})

test('entries are seen by listings only', () => {
  const one = reader()
  expect(one.children('/s')).toEqual(['a', 'ab', 'b'])
  expect(one.matches('/s/*')).toEqual(['/s/a', '/s/ab', '/s/b'])
  expect(one.directories('/s')).toEqual(['a', 'ab', 'b'])
  expect(one.entry('/s/b')).toBe('b')
  expect(one.under('/s').flat()).toEqual([{ key: '/s/a/1', value: 'one' }])
  expect(one.match('/s/*/*').flat()).toEqual([{ key: '/s/a/1', value: 'one' }])
  expect(one.get('/s/b')).toBeUndefined()
})

test('a look-up outside of the keys needs nothing; one above them needs all of them', () => {
  const one = reader(['/s/a', '/s/b'])
  expect(one.get('/s/c')).toBeUndefined()
  // The names in `/s` are known because of other readers. This reader sees only what is known below its own keys.
  expect(one.children('/s')).toEqual(['a'])
  expect(one.entry('/s/b')).toBeUndefined()
  expect(one.reads).toMatchObject({
    needs: extent(['/s/a', '/s/b']),
    missing: extent(['/s/b']),
  })
})

test('a change of keys does not change which parts are known', () => {
  const changed = tree.with(new Map([['/s/a/2', 'two']]), new Set(['/s/a/1']))
  expect(changed.known).toBe(tree.known)
  expect(changed.knowing(undefined).get('/s/a/2')).toBe('two')
})

test('a look-up in a part that the store refuses throws its fault; others are unaffected', () => {
  const fault: Fault = { kind: 'store', message: 'denied access to b' }
  const known = {
    ...extent(['/s/a', '/s/b'], ['/s']),
    refused: new Map<Key, Fault>([['/s/b', fault]]),
  }
  const one = new Reader(tree.knowing(new Map([['/', known]])), {
    ...{ store: 'test', prefix: '/', keys: ['/'] },
  })
  expect(one.under('/s/a').flat()).toHaveLength(1)
  expect(one.children('/s')).toEqual(['a', 'ab', 'b'])
  for (const look of [
    () => one.get('/s/b/1'),
    () => one.under('/s/b'),
    () => one.under('/s'),
    () => one.children('/s/b'),
    () => one.match('/s/b*/*'),
  ]) {
    expect(look).toThrow('denied access to b')
  }
  const unlisted = { ...known, refused: new Map<Key, Fault>([['/s/', fault]]) }
  const two = new Reader(tree.knowing(new Map([['/', unlisted]])), one.scope)
  expect(two.under('/s/a')).toHaveLength(1)
  expect(() => two.children('/s')).toThrow('denied access to b')
})

test('a completely known tree records no needs', () => {
  const one = new Reader(treeOf(new Map()), { store: 'test', prefix: '/', keys: ['/'] })
  one.under('/')
  expect(one.reads.needs).toBeUndefined()
  expect(one.reads.missing).toBeUndefined()
})
