// Patterns on which a backtracking engine would never return. The tests check that our engine returns. The vectors in
// test/vectors compare its matches with Go's.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { find, Re2Error, replaceAll, test } from '../../src/templates/functions/re2.ts'

const SIZE = 50_000
const many = 'a'.repeat(SIZE)

it.each([
  ['(a+)+$', true],
  ['(a|aa)+$', true],
  ['^(a|b|ab)*$', true],
  ['((a+)+)+$', true],
  ['(?i)(A+)+$', true],
  ['(a*)*b', false],
  ['(a|a)*b', false],
  ['(a*)(a*)(a*)(a*)(a*)b', false],
  ['^(a?){300}a{300}$', false],
  ['(a|b)*a(a|b){100}c', false],
])('%s ends, on 50,000 letters', (pattern, whole) => {
  expect(test(pattern, many)).toBe(whole)
  expect(find(pattern, many)).toBe(whole ? many : '')
  expect(test(pattern, `${many}!`)).toBe(false)
})

it('replaces many matches in a long text', () => {
  const pairs = 'a.b'.repeat(SIZE)
  expect(replaceAll('(?:xx|yy|zz).q|a(.)b', pairs, '$1')).toBe('.'.repeat(SIZE))
  expect(replaceAll('x*', many, '-')).toHaveLength(2 * SIZE + 1)
})

it('terminates for nested repetitions', () => {
  const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom('a', 'b', '[ab]', 'aa', ''),
      fc
        .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '*?', '{2,}', '{0,3}'))
        .map(([inner, repeat]) => `(${inner})${repeat}`),
      fc.tuple(tie('pattern'), tie('pattern')).map((two) => `(${two.join('|')})`),
      fc.tuple(tie('pattern'), tie('pattern')).map((two) => two.join('')),
    ),
  }))
  // None of these patterns can match the last letter.
  const text = `${'a'.repeat(2000)}c`
  const comesBack = (source: string) => {
    expect(test(`^(?:${source})$`, text)).toBe(false)
    expect(find(`^(?:${source})$`, text)).toBe('')
  }
  fc.assert(fc.property(pattern, comesBack), { numRuns: 300 })
})

it.each(['[[:]a[[:alpha:]]', '[[:]a:]', '(?<', '(?P<n>a)(?P<n>b'])('%s is refused', (pattern) => {
  expect(() => test(pattern, 'a')).toThrow(Re2Error)
})

it.each(['(', '[', '[:', '[[:', '(?P<n>', '\\Q(', '[\\', '\\', '(?', 'a{'])(
  'takes or refuses a pattern of many %s',
  (piece) => {
    try {
      test(piece.repeat(5000), many)
    } catch (error) {
      expect(error).toBeInstanceOf(Re2Error)
    }
  },
)
