// The causes of a render: which keys and files they name, how they are merged, and how many names they keep.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  causeOf,
  causeOfFiles,
  CAUSES_NAMED,
  isNoCause,
  mergeCauses,
  noCause,
  type Cause,
} from '../../src/core/cause.ts'
import type { Key } from '../../src/core/key.ts'

const of = (...keys: Key[]): Cause => causeOf(new Map(keys.map((key) => [key, 'value'])))
const numbered = (count: number, from = 0): Key[] =>
  Array.from({ length: count }, (_, n): Key => `/k${from + n}`)

describe('a cause', () => {
  it('names the keys or the files that have changed', () => {
    expect(of('/x', '/y')).toEqual({ keys: ['/x', '/y'], files: [], more: 0 })
    expect(causeOfFiles(new Set(['/t.njk']))).toEqual({ keys: [], files: ['/t.njk'], more: 0 })
  })

  it('names the first of many, and counts the rest', () => {
    const more = 15 - CAUSES_NAMED
    expect(of(...numbered(15))).toEqual({ keys: numbered(CAUSES_NAMED), files: [], more })
    const files = numbered(15)
    expect(causeOfFiles(files)).toEqual({ keys: [], files: numbered(CAUSES_NAMED), more })
  })

  it('may be none', () => {
    expect([isNoCause(noCause), isNoCause(of()), isNoCause(causeOfFiles([]))]).toEqual([
      true,
      true,
      true,
    ])
    expect([isNoCause(of('/x')), isNoCause(causeOfFiles(['/t']))]).toEqual([false, false])
  })
})

describe('of several changes before one render', () => {
  it('all keys are the cause, each once', () => {
    expect(mergeCauses(of('/x', '/y'), of('/y', '/z'))).toEqual({
      keys: ['/x', '/y', '/z'],
      files: [],
      more: 0,
    })
  })

  it('keys and files are the cause together', () => {
    expect(mergeCauses(of('/x'), causeOfFiles(['/t.njk']))).toEqual({
      keys: ['/x'],
      files: ['/t.njk'],
      more: 0,
    })
  })

  it('none changes nothing', () => {
    const cause = of(...numbered(15))
    expect(mergeCauses(noCause, cause)).toEqual(cause)
    expect(mergeCauses(cause, noCause)).toEqual(cause)
  })

  it('no more names are kept than of one change, and the rest is counted', () => {
    const [a, b] = [of(...numbered(8)), of(...numbered(8, 6))]
    expect(mergeCauses(a, b)).toEqual({ keys: numbered(10), files: [], more: 4 })
    expect(mergeCauses(of(...numbered(15)), of(...numbered(15, 100)))).toEqual({
      keys: numbered(10),
      files: [],
      more: 20,
    })
  })

  it('no name is lost if none was left out, in any order', () => {
    const key = fc.nat(12).map((n): Key => `/k${n}`)
    const change = fc.record({
      keys: fc.uniqueArray(key, { maxLength: 15 }),
      files: fc.uniqueArray(key, { maxLength: 3 }),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 6 }), (changes) => {
        const merged = changes.reduce(
          (all, { keys, files }) => mergeCauses(mergeCauses(all, of(...keys)), causeOfFiles(files)),
          noCause,
        )
        const keys = new Set(changes.flatMap((one) => one.keys))
        const files = new Set(changes.flatMap((one) => one.files))
        expect(merged.keys.length).toBe(Math.min(CAUSES_NAMED, keys.size))
        expect(merged.files.length).toBe(Math.min(CAUSES_NAMED, files.size))
        for (const name of merged.keys) expect(keys.has(name)).toBe(true)
        // A name that was left out more than once may be counted more than once.
        expect(merged.more).toBeGreaterThanOrEqual(Math.max(0, keys.size - CAUSES_NAMED))
        if (Math.max(keys.size, files.size) <= CAUSES_NAMED) expect(merged.more).toBe(0)
      }),
    )
  })
})
