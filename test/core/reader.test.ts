// Reader.matches finds keys and directories by a pattern. A model that visits every key gives the expected results.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileGlob } from '../../src/core/glob.ts'
import {
  compareText,
  covers,
  joinKeys,
  selfAndAncestors,
  toKey,
  type Key,
} from '../../src/core/key.ts'
import { Reader } from '../../src/core/reader.ts'
import type { Scope } from '../../src/core/reads.ts'
import { treeOf } from '../../src/core/tree.ts'

const readerOf = (keys: readonly string[], prefix = '/', watched: readonly string[] = ['/']) =>
  new Reader(treeOf(new Map(keys.map((key) => [toKey(key), '']))), {
    store: 'test',
    prefix: toKey(prefix),
    keys: watched.map(toKey),
  })

const path = (segment: fc.Arbitrary<string>, maxLength: number) =>
  fc.array(segment, { maxLength }).map((parts) => toKey(parts.join('/')))
const plain = path(fc.constantFrom('a', 'b', 'ab', 'a-b', 'a*', 'é😀'), 4)
const pattern = path(fc.constantFrom('a', 'b', '*', '?', 'a?', '[a-b]*', 'a\\*', '*😀', 'a*b'), 4)

it('finds the same as a scan of every visible key and its directories', () => {
  fc.assert(
    fc.property(
      fc.array(plain, { maxLength: 12 }),
      fc.constantFrom('/', '/a', '/a*'),
      fc.array(plain, { minLength: 1, maxLength: 2 }),
      pattern,
      (keys, prefix, watched, pattern) => {
        const roots = watched.map((key) => joinKeys(prefix, key))
        const paths = keys
          .filter((key) => roots.some((root) => covers(root, key)))
          .flatMap((key) => [...selfAndAncestors(key)])
          .filter((key) => covers(toKey(prefix), key))
          .map((key) => toKey(prefix === '/' ? key : key.slice(prefix.length)))
          .filter((key) => key !== '/' && compileGlob(pattern).test(key))
        const found = readerOf(keys, prefix, watched).matches(pattern)
        expect(found).toEqual([...new Set(paths)].sort(compareText))
      },
    ),
    { numRuns: 2000 },
  )
})

it('returns a key that is also a directory once, in key order', () => {
  const reader = readerOf(['/v/b/x', '/v/b', '/v/a/x', '/v/a-b', '/v/a', '/other'])
  expect(reader.matches('/v/*')).toEqual(['/v/a', '/v/a-b', '/v/b'])
  expect(reader.matches('/v/*/x')).toEqual(['/v/a/x', '/v/b/x'])
  expect(reader.matches('v/b/')).toEqual(['/v/b'])
  expect(reader.matches('/v')).toEqual(['/v'])
  expect(reader.matches('/none')).toEqual([])
  expect(reader.matches('/')).toEqual([])
})

it('records one listing, the directory that all matches lie below', () => {
  const reader = readerOf(['/p/v/a/x'], '/p')
  reader.matches('/v/*/x')
  expect(reader.reads.listings).toEqual(new Set(['/p/v']))
  expect(reader.reads.keys.size + reader.reads.trees.size + reader.reads.patterns.size).toBe(0)
})

it.each(['/v/[', '/none/*/[b-', '/v/a\\'])('refuses the malformed pattern %s', (pattern) => {
  expect(() => readerOf(['/v/a']).matches(pattern)).toThrow('syntax error in pattern')
})

describe('keys of named stores', () => {
  const all = treeOf(
    new Map<Key, string>([
      ['/production/app/name', 'default'],
      ['/vault2:/secret/app/password', 's3cret'],
      ['/vault2:/secret/application', 'other'],
    ]),
  )
  const scope = { store: 'etcdv3', prefix: '/production', keys: ['/app', '/vault2:/secret/app'] }
  const reader = new Reader(all, scope as Scope)

  it('have no prefix, and are found by the name of their store', () => {
    expect(reader.get('/app/name')).toBe('default')
    expect(reader.get('vault2:/secret/app/password')).toBe('s3cret')
    expect(reader.get('/vault2:/secret/application')).toBeUndefined()
    expect(reader.under('vault2:/secret').flat()).toEqual([
      { key: '/vault2:/secret/app/password', value: 's3cret' },
    ])
    expect(reader.match('vault2:/secret/*/pass*').flat()).toHaveLength(1)
    expect(reader.children('vault2:/secret/app')).toEqual(['password'])
  })

  it('are not below the root of the default store', () => {
    const wide = new Reader(all, { ...scope, prefix: '/', keys: ['/', '/vault2:/'] })
    expect(wide.under('/').flat()).toEqual([{ key: '/production/app/name', value: 'default' }])
    expect(wide.children('/')).toEqual(['production'])
    expect(wide.under('vault2:/').flat()).toHaveLength(2)
    const narrow = new Reader(all, { ...scope, prefix: '/', keys: ['/'] })
    expect(narrow.get('vault2:/secret/app/password')).toBeUndefined()
  })
})
