import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareText,
  covers,
  joinKeys,
  outermost,
  relativeTo,
  selfAndAncestors,
  toKey,
} from '../../src/core/key.ts'

describe('keys', () => {
  it.each([
    ['', '/'],
    ['/', '/'],
    ['a/b', '/a/b'],
    ['/a//b/', '/a/b'],
  ])('toKey(%j) is %s', (path, key) => expect(toKey(path)).toBe(key))

  it('joins a global and a resource prefix', () => {
    expect(joinKeys('/production', '/myapp')).toBe('/production/myapp')
    expect(joinKeys('/', 'x')).toBe('/x')
  })

  it.each([
    ['/app', '/app', true],
    ['/app', '/app/x', true],
    ['/app', '/application', false],
    ['/app', '/ap', false],
    ['/', '/anything', true],
  ] as const)('%s covers %s: %s', (dir, key, expected) => expect(covers(dir, key)).toBe(expected))

  it('sees a key from its prefix', () => {
    expect(relativeTo('/production', '/production/app/x')).toBe('/app/x')
    expect(relativeTo('/', '/app')).toBe('/app')
    expect(relativeTo('/app', '/app')).toBe('/')
  })

  it('walks up to the root', () => {
    expect([...selfAndAncestors('/a/b/c')]).toEqual(['/a/b/c', '/a/b', '/a', '/'])
    expect([...selfAndAncestors('/')]).toEqual(['/'])
  })

  it('keeps only the outermost paths', () => {
    expect(outermost(['/b/c', '/b', '/a/x', '/b', '/bc'])).toEqual(['/a/x', '/b', '/bc'])
    expect(outermost(['/x', '/'])).toEqual(['/'])
    expect(outermost([])).toEqual([])
  })

  it('orders text by its UTF-8 bytes, as Go does', () => {
    expect(compareText('\ue000', '\u{10000}')).toBeLessThan(0)
    expect(compareText('\u{10000}', '\uffff')).toBeGreaterThan(0)
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(
          Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))),
        )
      }),
    )
    expect(compareText('\u{1F600}', '\uFFFD')).toBeGreaterThan(0)
    expect(compareText('a\u{1F600}', 'a\u{1F601}')).toBeLessThan(0)
  })
})
