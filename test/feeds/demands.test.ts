// What templates need of stores that are read on demand: how the demand grows and shrinks, and when what
// is missing is known.
import { describe, expect, test } from 'vitest'
import { nothing, type Extent, type Known } from '../../src/core/extent.ts'
import type { Key } from '../../src/core/key.ts'
import type { Reads } from '../../src/core/reads.ts'
import { emptyTree, type Tree } from '../../src/core/tree.ts'
import { MutableDemand } from '../../src/feeds/demand.ts'
import { Demands, missingOf } from '../../src/feeds/demands.ts'

const trees = (...dirs: readonly Key[]): Extent => ({ trees: new Set(dirs), names: new Set() })
const sorted = (extent: Extent): string[] => [...extent.trees].sort()
const knowing = (...dirs: readonly Key[]): Tree => {
  const known: Known = new Map([['/', trees(...dirs)]])
  return emptyTree.knowing(known)
}
const readNothing: Reads = {
  keys: new Set(),
  trees: new Set(),
  listings: new Set(),
  patterns: new Set(),
  files: new Set(),
  supplies: new Map(),
}
const needs = (...dirs: readonly Key[]): Reads => ({ ...readNothing, needs: trees(...dirs) })
const misses = (...dirs: readonly Key[]): Reads => ({ ...readNothing, missing: trees(...dirs) })

describe('the demands of all resources', () => {
  test('the former ones are kept until each has been rendered to its end', () => {
    const demands = new Demands(['a', 'b'], trees('/old'))
    expect(sorted(demands.all)).toEqual(['/old'])
    expect(demands.rendered('a', [needs('/a')], true)).toBe(true)
    expect(demands.rendered('b', [needs('/b')], false)).toBe(true)
    expect(sorted(demands.all)).toEqual(['/a', '/b', '/old'])
    expect(demands.rendered('b', [], true)).toBe(true)
    expect(sorted(demands.all)).toEqual(['/a'])
  })

  test('a render that did not come to its end only adds', () => {
    const demands = new Demands(['a'], nothing)
    demands.rendered('a', [needs('/x'), needs('/y')], true)
    demands.rendered('a', [needs('/z')], false)
    expect(sorted(demands.all)).toEqual(['/x', '/y', '/z'])
    demands.rendered('a', [needs('/z')], true)
    expect(sorted(demands.all)).toEqual(['/z'])
  })

  test('what takes nothing of such stores needs nothing', () => {
    const demands = new Demands(['a'], nothing)
    demands.rendered('a', [readNothing, needs('/x'), readNothing], true)
    expect(sorted(demands.all)).toEqual(['/x'])
  })

  test('it is told whether a render changes anything', () => {
    const demands = new Demands(['a', 'b'], nothing)
    expect(demands.rendered('a', [needs('/a')], true)).toBe(true)
    expect(demands.rendered('a', [needs('/a')], true)).toBe(false)
    expect(demands.rendered('a', [needs('/a')], false)).toBe(false)
    // The last one that is heard may let the former demand go.
    expect(demands.rendered('b', [], true)).toBe(true)
    expect(demands.rendered('b', [readNothing], true)).toBe(false)
    expect(demands.rendered('a', [], true)).toBe(true)
  })
})

describe('what is missing', () => {
  test('is nothing where all that was looked up was known', () => {
    expect(missingOf([])).toBeUndefined()
    expect(missingOf([readNothing, needs('/a'), misses()])).toBeUndefined()
  })

  test('is known when all of it is', () => {
    const missing = missingOf([misses('/a'), readNothing, misses('/b/c')])
    expect(missing?.keys).toEqual(['/a', '/b/c'])
    const isKnownIn = (...dirs: readonly Key[]): boolean | undefined =>
      missing?.isKnownIn(knowing(...dirs))
    expect([isKnownIn(), isKnownIn('/a'), isKnownIn('/b')]).toEqual([false, false, false])
    expect([isKnownIn('/a', '/b'), isKnownIn('/')]).toEqual([true, true])
    // Of a store that is not read on demand everything is known.
    expect(missing?.isKnownIn(emptyTree)).toBe(true)
  })

  test('of much only some is named, and the rest is counted', () => {
    const dirs = Array.from({ length: 25 }, (_, n): Key => `/${n}`)
    expect(missingOf([misses(...dirs)])).toMatchObject({ keys: dirs.slice(0, 10), more: 15 })
  })
})

describe('the demand of one store', () => {
  const { signal } = new AbortController()

  test('is heard once it is another one, be it since', async () => {
    const first = trees('/a')
    const demand = new MutableDemand(first)
    const heard = demand.other(first, signal)
    demand.set(trees('/a'))
    expect(demand.now).toBe(first)
    demand.set(trees('/b'))
    await heard
    await demand.other(first, signal)
    expect(sorted(demand.now)).toEqual(['/b'])
  })

  test('is not waited for any more when aborted', async () => {
    const demand = new MutableDemand(nothing)
    const abort = new AbortController()
    const heard = demand.other(nothing, abort.signal)
    abort.abort()
    await expect(heard).rejects.toThrow()
    await expect(demand.other(nothing, abort.signal)).rejects.toThrow()
  })
})
