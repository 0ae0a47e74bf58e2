import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countedKeys, inGroup, trips, type Footprint } from '../../src/core/guard.ts'
import { joinKeys, toKey, type Key } from '../../src/core/key.ts'
import { Reader } from '../../src/core/reader.ts'
import type { Scope } from '../../src/core/reads.ts'
import type { Guard, GuardGroup } from '../../src/core/resource.ts'
import { treeOf } from '../../src/core/tree.ts'

const bare: Guard = { allowEmpty: false, groups: [], settle: 5000 }
const half = { kind: 'share', percent: 50 } as const

function footprint(keys: readonly string[], size = 100): Footprint {
  return { keys: new Set(keys.map(toKey)), size }
}

describe('trips', () => {
  const abcd = footprint(['/a', '/b', '/c', '/d'], 900)
  const count = (most: number) => ({ kind: 'count', most }) as const
  type Case = [string, Partial<Guard>, Footprint | undefined, Footprint, string | undefined]
  it.each<Case>([
    ['nothing asked', {}, abcd, footprint(['/a'], 1), undefined],
    ['empty', {}, abcd, footprint([], 900), 'no key was found, and allow_empty is not set'],
    [
      'empty, the first time',
      {},
      undefined,
      footprint([]),
      'no key was found, and allow_empty is not set',
    ],
    ['empty, allowed', { allowEmpty: true }, abcd, footprint([], 900), undefined],
    ['few', { minKeys: 3 }, abcd, footprint(['/a', '/b']), '2 keys were read, but min_keys is 3'],
    ['one', { minKeys: 2 }, undefined, footprint(['/a']), '1 key was read, but min_keys is 2'],
    ['enough', { minKeys: 2 }, undefined, footprint(['/a', '/b']), undefined],
    [
      'few, empty allowed',
      { minKeys: 1, allowEmpty: true },
      abcd,
      footprint([]),
      '0 keys were read, but min_keys is 1',
    ],
    [
      'more than half gone',
      { maxRemoved: half },
      abcd,
      footprint(['/a']),
      '3 of 4 keys vanished, but max_removed is 50%',
    ],
    ['half gone', { maxRemoved: half }, abcd, footprint(['/a', '/b']), undefined],
    ['half replaced', { maxRemoved: half }, abcd, footprint(['/a', '/b', '/x', '/y']), undefined],
    [
      'all replaced',
      { maxRemoved: half },
      abcd,
      footprint(['/w', '/x', '/y', '/z']),
      '4 of 4 keys vanished, but max_removed is 50%',
    ],
    ['two gone of two', { maxRemoved: count(2) }, abcd, footprint(['/a', '/b']), undefined],
    [
      'two gone of one',
      { maxRemoved: count(1) },
      abcd,
      footprint(['/a', '/b']),
      '2 of 4 keys vanished, but max_removed is 1',
    ],
    [
      'none may go',
      { maxRemoved: count(0) },
      footprint(['/a']),
      footprint(['/b']),
      '1 of 1 key vanished, but max_removed is 0',
    ],
    [
      'none may go, the first time',
      { maxRemoved: count(0) },
      undefined,
      footprint(['/b']),
      undefined,
    ],
    ['nothing was there', { maxRemoved: half }, footprint([]), footprint(['/a']), undefined],
    [
      'shrunk',
      { maxShrink: half },
      abcd,
      footprint(['/a'], 100),
      'the file would shrink from 900 to 100 bytes, but max_shrink is 50%',
    ],
    ['shrunk by half', { maxShrink: half }, abcd, footprint(['/a'], 450), undefined],
    [
      'shrunk by bytes',
      { maxShrink: count(100) },
      abcd,
      footprint(['/a'], 799),
      'the file would shrink from 900 to 799 bytes, but max_shrink is 100 bytes',
    ],
    ['grown', { maxShrink: count(0) }, abcd, footprint(['/a'], 901), undefined],
    ['shrunk, the first time', { maxShrink: count(0) }, undefined, footprint(['/a'], 0), undefined],
    [
      'several at once',
      { minKeys: 1, maxRemoved: half, maxShrink: half },
      abcd,
      footprint([], 0),
      'no key was found, and allow_empty is not set; 0 keys were read, but min_keys is 1; ' +
        '4 of 4 keys vanished, but max_removed is 50%; the file would shrink from 900 to 0 bytes, but max_shrink is 50%',
    ],
  ])('%s', (_, guard, last, next, reason) => {
    expect(trips({ ...bare, ...guard }, last, next)?.reason).toBe(reason)
  })

  const web = footprint([
    '/services/web/1/host',
    '/services/web/1/port',
    '/services/web/2/host',
    '/services/db/1/host',
  ])
  it.each<[string, Partial<GuardGroup>, readonly string[], string | undefined]>([
    ['enough', { minKeys: 2 }, ['/services/web/1/host', '/services/web/2/host'], undefined],
    [
      'a match is one, however many keys are in it',
      { minKeys: 2 },
      ['/services/web/1/host', '/services/web/1/port', '/services/db/1/host'],
      '/services/web/*: 1 key was read, but min_keys is 2',
    ],
    ['half of two', { maxRemoved: half }, ['/services/web/2/host'], undefined],
    [
      'none of two',
      { maxRemoved: half },
      ['/services/db/1/host'],
      '/services/web/*: 2 of 2 keys vanished, but max_removed is 50%',
    ],
    [
      'every key of a directory',
      { pattern: '/services/web', maxRemoved: half },
      ['/services/web/2/host'],
      '/services/web: 2 of 3 keys vanished, but max_removed is 50%',
    ],
    [
      'below no match',
      { pattern: '/services/web/*/port', minKeys: 1 },
      ['/services/web/1/port'],
      undefined,
    ],
  ])('a group: %s', (_, group, next, reason) => {
    const groups = [{ pattern: '/services/web/*', ...group }]
    expect(trips({ ...bare, groups }, web, footprint(next))?.reason).toBe(reason)
  })

  it('names what has vanished', () => {
    const guard: Guard = { ...bare, minKeys: 3 }
    const tripped = trips(guard, abcd, footprint(['/b', '/x']))
    expect(tripped?.vanished).toEqual(['/a', '/c', '/d'])
    expect(trips(guard, undefined, footprint(['/b']))?.vanished).toEqual([])
  })

  it('property: a render that changes nothing trips no guard that compares', () => {
    const keys = fc.uniqueArray(fc.constantFrom('/a', '/b', '/c'), { minLength: 1 })
    const limit = fc.oneof(
      fc.nat(5).map(count),
      fc.nat(100).map((percent) => ({ kind: 'share', percent }) as const),
    )
    fc.assert(
      fc.property(keys, fc.nat(1000), limit, limit, (keys, size, maxRemoved, maxShrink) => {
        const same = footprint(keys, size)
        expect(trips({ ...bare, maxRemoved, maxShrink }, same, same)).toBeUndefined()
      }),
    )
  })
})

describe('what a reader has found', () => {
  const entries = new Map<Key, string>([
    ['/p/web/a/host', '1'],
    ['/p/web/a/port', '2'],
    ['/p/web/b/host', '3'],
    ['/p/web/c', '4'],
    ['/p/webs', '5'],
    ['/p/db', '6'],
    ['/other', '7'],
  ])
  const through = (keys: readonly Key[], look: (reader: Reader) => unknown): Key[] => {
    const tree = treeOf(entries)
    const scope: Scope = { store: 'test', prefix: '/p', keys, counts: true }
    const reader = new Reader(tree, scope)
    look(reader)
    return [...countedKeys([reader.reads])].sort()
  }

  it.each<[string, readonly Key[], (reader: Reader) => unknown, Key[]]>([
    ['a key', ['/'], (reader) => reader.get('/db'), ['/p/db']],
    ['a missing key', ['/'], (reader) => reader.get('/dbx'), []],
    ['a key outside of `keys`', ['/web'], (reader) => reader.get('/db'), []],
    [
      'a tree',
      ['/'],
      (reader) => reader.under('/web'),
      ['/p/web/a/host', '/p/web/a/port', '/p/web/b/host', '/p/web/c'],
    ],
    [
      'a tree above `keys`',
      ['/web/b', '/db'],
      (reader) => reader.under('/'),
      ['/p/db', '/p/web/b/host'],
    ],
    [
      'a pattern',
      ['/'],
      (reader) => reader.match('/web/*/host'),
      ['/p/web/a/host', '/p/web/b/host'],
    ],
    [
      'a pattern above `keys`',
      ['/web/b'],
      (reader) => reader.match('/web/*/host'),
      ['/p/web/b/host'],
    ],
    [
      'a listing: each name is one',
      ['/'],
      (reader) => reader.children('/web'),
      ['/p/web/a', '/p/web/b', '/p/web/c'],
    ],
    ['a listing above `keys`', ['/web/b', '/x'], (reader) => reader.children('/'), ['/p/web']],
    [
      'a listing and what is in it: each key is one',
      ['/'],
      (reader) => [reader.children('/web'), reader.under('/web/a')],
      ['/p/web/a/host', '/p/web/a/port', '/p/web/b', '/p/web/c'],
    ],
    [
      'names that say nothing of what is in them',
      ['/'],
      (reader) => reader.children('/', true),
      ['/p/db', '/p/webs'],
    ],
    ['nothing', ['/'], () => undefined, []],
  ])('%s', (_, keys, look, expected) => {
    expect(through(keys, look)).toEqual(expected)
  })

  it('a prefix with the characters of a pattern', () => {
    const tree = treeOf(
      new Map<Key, string>([
        ['/p*/a', '1'],
        ['/px/a', '2'],
      ]),
    )
    const scope: Scope = { store: 'test', prefix: '/p*', keys: ['/'], counts: true }
    const reader = new Reader(tree, scope)
    reader.match('/*')
    expect([...(reader.reads.found ?? [])]).toEqual(['/p*/a'])
  })

  const part = fc.constantFrom('a', 'b', 'ab')
  const path = fc.array(part, { maxLength: 3 }).map((parts) => toKey(parts.join('/')))
  const pattern = fc
    .array(fc.constantFrom('a', 'b', '*', 'a*'), { minLength: 1, maxLength: 3 })
    .map((parts) => toKey(parts.join('/')))
  const lookup = fc.oneof(
    fc.record({ kind: fc.constantFrom('get', 'under', 'children'), path }),
    fc.record({ kind: fc.constant('match'), path: pattern }),
  )

  it('property: it is exactly what the reader gave out', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(path, fc.constant('v')), { maxLength: 15 }),
        fc.constantFrom<Key>('/', '/a'),
        fc.array(path, { maxLength: 3 }),
        fc.array(lookup, { maxLength: 4 }),
        (pairs, prefix, keys, lookups) => {
          const tree = treeOf(new Map(pairs))
          const scope: Scope = { store: 'test', prefix, keys, counts: true }
          const reader = new Reader(tree, scope)
          const given = new Set<Key>()
          const listed = new Set<Key>()
          for (const { kind, path } of lookups) {
            if (kind === 'get') {
              if (reader.get(path) !== undefined) given.add(joinKeys(prefix, path))
            } else if (kind === 'children') {
              for (const name of reader.children(path)) listed.add(joinKeys(prefix, path, name))
            } else {
              const found = (kind === 'under' ? reader.under(path) : reader.match(path)).flat()
              for (const { key } of found) given.add(joinKeys(prefix, key))
            }
          }
          expect(reader.reads).toMatchObject({ found: given, listed })
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('what is looked up with options counts in a group', () => {
  const of = (...keys: readonly Key[]): readonly string[] =>
    [...inGroup({ pattern: '/services/web/*' }, new Set(keys))].sort()

  it.each<readonly [what: string, keys: readonly Key[], counted: number]>([
    ['with a health status', ['/services@;health=any/web/n1:a'], 1],
    ['in two ways, once', ['/services/web/n1:a', '/services@;health=any/web/n1:a'], 1],
    ['in two datacenters, each', ['/services/web/n1:a', '/services@dc2;health=any/web/n1:a'], 2],
    ['another service, not', ['/services@dc2/api/n1:a', '/services@dc2/web-2/n1:a'], 0],
  ])('%s', (_, keys, counted) => {
    expect(of(...keys)).toHaveLength(counted)
  })

  it('of a named store, and of a directory without a pattern', () => {
    const keys = new Set<Key>(['/far:/services@dc2/web/n1:a', '/services@dc2/web/n1:b'])
    expect([...inGroup({ pattern: '/far:/services/web' }, keys)]).toEqual([
      '/far:/services@dc2/web/n1:a',
    ])
    expect([...inGroup({ pattern: '/far:/services/*' }, keys)]).toEqual(['/far:/services@dc2/web'])
  })

  it('a pattern that names the look-up is used unchanged', () => {
    const keys = new Set<Key>(['/services@dc2/web/n1:a', '/services/web/n1:a'])
    const counted = inGroup({ pattern: '/services@dc2/web/*' }, keys)
    expect([...counted]).toEqual(['/services@dc2/web/n1:a'])
  })
})
