// The position of the first error in invalid JSON, which must be the same in every runtime.
import { describe, expect, it } from 'vitest'
import { brokenAt, parseJson } from '../../src/core/json.ts'

describe('brokenAt', () => {
  it.each([
    ['', 0],
    ['{', 1],
    ['{bad', 1],
    ['{"a": "x', 8],
    ['{"a": "x\\q"}', 8],
    ['"\n"', 1],
    ['[1,]', 3],
    ['{"a": 1}x', 8],
    ['{"a":\n 01}', 8],
  ])('%j at %i', (text, at) => {
    expect(() => JSON.parse(text) as unknown).toThrow()
    expect(brokenAt(text)).toBe(at)
  })

  it('is undefined where the text is JSON', () => {
    expect(brokenAt('{"a": ["\\u00e9", 1e3, true, null]}')).toBeUndefined()
  })
})

it('strings of several megabytes with and without escapes are read', () => {
  const values = ['x'.repeat(4e6), 'ü"\\\n'.repeat(1e6)]
  expect(parseJson(JSON.stringify(values))).toEqual(values)
})
