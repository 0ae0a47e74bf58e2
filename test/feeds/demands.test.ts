// What templates need of stores that are read on demand: how the demand grows and shrinks, and when
// waiting for it is over.
import { describe, expect, test } from 'vitest'
import { nothing, type Extent, type Known } from '../../src/core/extent.ts'
import type { Key } from '../../src/core/key.ts'
import { Demand } from '../../src/feeds/demand.ts'
import { Demands } from '../../src/feeds/demands.ts'
import { Waits } from '../../src/engine/waits.ts'

const trees = (...dirs: readonly Key[]): Extent => ({ trees: new Set(dirs), names: new Set() })
const sorted = (extent: Extent): string[] => [...extent.trees].sort()
const known = (...dirs: readonly Key[]): Known => new Map([['/', trees(...dirs)]])

describe('the demands of all resources', () => {
  test('the former ones are kept until each has been rendered to its end', () => {
    const demands = new Demands(['a', 'b'], trees('/old'))
    expect(sorted(demands.all)).toEqual(['/old'])
    demands.rendered('a', trees('/a'), true)
    demands.rendered('b', trees('/b'), false)
    expect(sorted(demands.all)).toEqual(['/a', '/b', '/old'])
    demands.rendered('b', nothing, true)
    expect(sorted(demands.all)).toEqual(['/a'])
  })

  test('a render that did not come to its end only adds', () => {
    const demands = new Demands(['a'], nothing)
    demands.rendered('a', trees('/x', '/y'), true)
    demands.rendered('a', trees('/z'), false)
    expect(sorted(demands.all)).toEqual(['/x', '/y', '/z'])
    demands.rendered('a', trees('/z'), true)
    expect(sorted(demands.all)).toEqual(['/z'])
  })
})

describe('the demand of one store', () => {
  const { signal } = new AbortController()

  test('is heard once it is another one, be it since', async () => {
    const first = trees('/a')
    const demand = new Demand(first)
    const heard = demand.other(first, signal)
    demand.set(trees('/a'))
    expect(demand.now).toBe(first)
    demand.set(trees('/b'))
    await heard
    await demand.other(first, signal)
    expect(sorted(demand.now)).toEqual(['/b'])
  })

  test('is not waited for any more when aborted', async () => {
    const demand = new Demand(nothing)
    const abort = new AbortController()
    const heard = demand.other(nothing, abort.signal)
    abort.abort()
    await expect(heard).rejects.toThrow()
    await expect(demand.other(nothing, abort.signal)).rejects.toThrow()
  })
})

describe('waits', () => {
  test('are over when all that is missing is known, and are told once', () => {
    const waits = new Waits()
    waits.begin('u', trees('/a', '/b'))
    expect(waits.over(known('/a'))).toEqual([])
    expect(waits.over(known('/a', '/b'))).toEqual(['u'])
    expect(waits.over(known('/a', '/b'))).toEqual([])
    expect(waits.isEmpty).toBe(false)
    waits.end('u')
    expect(waits.isEmpty).toBe(true)
  })

  test('that go on and on are endless; those for one thing are not', () => {
    const waits = new Waits()
    for (let n = 0; n < 1000; n++) waits.begin('u', trees('/never'))
    expect(waits.isEndless('u')).toBe(false)
    for (let n = 0; n < 100; n++) {
      waits.over(known('/'))
      waits.begin('u', trees(`/${n}`))
    }
    expect(waits.isEndless('u')).toBe(true)
    waits.end('u')
    expect(waits.isEndless('u')).toBe(false)
  })
})
