import fc from 'fast-check'
import { expect, test } from 'vitest'
import { includesText, indexOf, splitAt } from '../../src/templates/search.ts'

/** Strings of few letters with many repetitions, so that long parts match. */
const texts = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'ab', 'aab'), fc.integer({ min: 0, max: 70 })))
  .map((parts) => parts.map(([unit, times]) => unit.repeat(times)).join(''))

test('the search finds the same as the native one', () => {
  fc.assert(
    fc.property(texts, texts, fc.nat(100), (text, part, from) => {
      expect(indexOf(text, part, from)).toBe(text.indexOf(part, from))
      expect(includesText(text + part + text, part)).toBe(true)
      if (part !== '')
        expect(splitAt(text + part + text, part)).toEqual((text + part + text).split(part))
    }),
  )
})
