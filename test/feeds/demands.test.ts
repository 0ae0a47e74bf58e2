// Demands on stores that are read on demand: how they grow and shrink, and when missing parts become known.
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
  test('previous demands are kept until each resource has rendered completely', () => {
    const demands = new Demands(['a', 'b'], trees('/old'))
    expect(sorted(demands.all)).toEqual(['/old'])
    expect(demands.rendered('a', [needs('/a')], true)).toBe(true)
    expect(demands.rendered('b', [needs('/b')], false)).toBe(true)
    expect(sorted(demands.all)).toEqual(['/a', '/b', '/old'])
    expect(demands.rendered('b', [], true)).toBe(true)
    expect(sorted(demands.all)).toEqual(['/a'])
  })

  test('an incomplete render only adds', () => {
    const demands = new Demands(['a'], nothing)
    demands.rendered('a', [needs('/x'), needs('/y')], true)
    demands.rendered('a', [needs('/z')], false)
    expect(sorted(demands.all)).toEqual(['/x', '/y', '/z'])
    demands.rendered('a', [needs('/z')], true)
    expect(sorted(demands.all)).toEqual(['/z'])
  })

  test('a resource that reads no on-demand store adds nothing', () => {
    const demands = new Demands(['a'], nothing)
    demands.rendered('a', [readNothing, needs('/x'), readNothing], true)
    expect(sorted(demands.all)).toEqual(['/x'])
  })

  test('rendered() returns whether the demand has changed', () => {
    const demands = new Demands(['a', 'b'], nothing)
    expect(demands.rendered('a', [needs('/a')], true)).toBe(true)
    expect(demands.rendered('a', [needs('/a')], true)).toBe(false)
    expect(demands.rendered('a', [needs('/a')], false)).toBe(false)
    // The render of the last resource ends the demand of the previous generation, which counts as a change.
    expect(demands.rendered('b', [], true)).toBe(true)
    expect(demands.rendered('b', [readNothing], true)).toBe(false)
    expect(demands.rendered('a', [], true)).toBe(true)
  })
})

describe('missing parts', () => {
  test('are none if all look-ups were known', () => {
    expect(missingOf([])).toBeUndefined()
    expect(missingOf([readNothing, needs('/a'), misses()])).toBeUndefined()
  })

  test('are known when all of them are', () => {
    const missing = missingOf([misses('/a'), readNothing, misses('/b/c')])
    expect(missing?.keys).toEqual(['/a', '/b/c'])
    const isKnownIn = (...dirs: readonly Key[]): boolean | undefined =>
      missing?.isKnownIn(knowing(...dirs))
    expect([isKnownIn(), isKnownIn('/a'), isKnownIn('/b')]).toEqual([false, false, false])
    expect([isKnownIn('/a', '/b'), isKnownIn('/')]).toEqual([true, true])
    // A store that is not read on demand is known completely.
    expect(missing?.isKnownIn(emptyTree)).toBe(true)
  })

  test('only some of many are named, and the rest is counted', () => {
    const dirs = Array.from({ length: 25 }, (_, n): Key => `/${n}`)
    expect(missingOf([misses(...dirs)])).toMatchObject({ keys: dirs.slice(0, 10), more: 15 })
  })
})

describe('the demand of one store', () => {
  const { signal } = new AbortController()

  test('is reported once it has changed, even if that was earlier', async () => {
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

  test('is no longer waited for after an abort', async () => {
    const demand = new MutableDemand(nothing)
    const abort = new AbortController()
    const heard = demand.other(nothing, abort.signal)
    abort.abort()
    await expect(heard).rejects.toThrow()
    await expect(demand.other(nothing, abort.signal)).rejects.toThrow()
  })
})
