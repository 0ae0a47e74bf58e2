// Which changes are held without a guard, and when a held change passes because keys have returned.
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { judge, type Evidence, type Short } from '../../src/core/hold.ts'
import { toKey, type Key } from '../../src/core/key.ts'
import type { Guard } from '../../src/core/resource.ts'
import type { Supplies } from '../../src/core/supply.ts'

const supplies = (keys: Readonly<Record<string, number>>, names = 0): Supplies =>
  new Map(Object.entries(keys).map(([root, count]) => [toKey(root), { keys: count, names }]))

const evidence = (
  last: Supplies | undefined,
  next: Supplies,
  files: Evidence['files'] = [],
): Evidence => ({
  files,
  supplies: { last, next },
  keys: () => ['/web', '/consul:/web', '/consul:/db'],
})

describe('without a guard', () => {
  it.each<[string, Supplies | undefined, Supplies, boolean]>([
    ['the first time', undefined, supplies({ '/': 0 }), false],
    ['nothing was there before', supplies({ '/': 0 }), supplies({ '/': 0 }), false],
    ['some are left', supplies({ '/': 3 }), supplies({ '/': 1 }), false],
    ['none is left', supplies({ '/': 3 }), supplies({ '/': 0 }), true],
    [
      'none of one store is left',
      supplies({ '/': 3, '/x:': 1 }),
      supplies({ '/': 3, '/x:': 0 }),
      true,
    ],
    ['the store is no longer read', supplies({ '/': 3, '/x:': 1 }), supplies({ '/': 3 }), false],
    ['names alone do not replace keys', supplies({ '/': 3 }), supplies({ '/': 0 }, 60), true],
    [
      'names without keys were enough before',
      supplies({ '/': 0 }, 3),
      supplies({ '/': 0 }, 1),
      false,
    ],
    ['no name is left', supplies({ '/': 0 }, 3), supplies({ '/': 0 }), true],
  ])('%s', (_, last, next, isHeld) => {
    expect(judge(evidence(last, next), undefined, 0) !== undefined).toBe(isHeld)
  })

  it('asks for the keys only to name them', () => {
    const keys = vi.fn((): readonly Key[] => ['/web'])
    const judged = (next: number): unknown =>
      judge({ ...evidence(supplies({ '/': 3 }), supplies({ '/': next })), keys }, undefined, 0)
    expect(judged(3)).toBeUndefined()
    expect(keys).not.toHaveBeenCalled()
    expect(judged(0)).toBeDefined()
    expect(keys).toHaveBeenCalled()
  })

  it('names the keys of that store', () => {
    const told = (root: string): string | undefined =>
      judge(evidence(supplies({ [root]: 1 }), supplies({ [root]: 0 })), undefined, 0)?.reason
    expect(told('/')).toMatch(/^no keys are left under \/web, where/)
    expect(told('/consul:')).toMatch(/^no keys are left under \/consul:\/web, \/consul:\/db, where/)
  })
})

describe('keys that come back', () => {
  const all = Array.from({ length: 10 }, (_, n): Key => `/web/${n}`)
  const guard: Guard = {
    allowEmpty: false,
    maxRemoved: { kind: 'share', percent: 50 },
    groups: [],
    settle: 5000,
  }
  /** Returns the evidence of a change that leaves `count` of ten keys. */
  const back = (count: number): Evidence => {
    const last = { keys: new Set(all), size: 100 }
    const next = { keys: new Set(all.slice(0, count)), size: 10 * count }
    return evidence(supplies({ '/': 10 }), supplies({ '/': count }), [
      { dest: '/etc/web', guard, last, next },
    ])
  }
  const heldAt = (count: number, former: Short | undefined, now: number) =>
    judge(back(count), former, now)

  it('a guard that passes half of them waits until their number no longer changes', () => {
    const gone = heldAt(0, undefined, 1000)
    expect(gone?.reason).toContain('10 of 10 keys vanished')
    const half = heldAt(5, gone?.short, 2000)
    expect(half).toMatchObject({ passesIn: 5000 })
    expect(half?.vanished).toHaveLength(5)
    const more = heldAt(6, half?.short, 4000)
    expect(more).toMatchObject({ passesIn: 5000 })
    expect(heldAt(6, more?.short, 8999)).toMatchObject({ passesIn: 1 })
    expect(heldAt(6, more?.short, 9000)).toBeUndefined()
  })

  it('all of them pass at once', () => {
    const gone = heldAt(0, undefined, 1000)
    expect(heldAt(10, gone?.short, 1001)).toBeUndefined()
  })

  it('half of them pass at once when nothing was held before', () => {
    expect(heldAt(5, undefined, 0)).toBeUndefined()
  })

  it('too few never pass by themselves', () => {
    const gone = heldAt(4, undefined, 0)
    expect(heldAt(4, gone?.short, 1e9)?.passesIn).toBeUndefined()
    expect(heldAt(4, gone?.short, 1e9)?.reason).toContain('6 of 10 keys vanished')
  })

  it('a clock that was set back does not prolong the wait', () => {
    const half = heldAt(5, heldAt(0, undefined, 10_000)?.short, 10_000)
    expect(heldAt(5, half?.short, 2000)).toMatchObject({ passesIn: 5000 })
  })

  it('property: a change that leaves no key never passes, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(20_000)), { minLength: 1 }), (steps) => {
        let short: Short | undefined = heldAt(0, undefined, 0)?.short
        let now = 0
        for (const [count, ms] of steps) {
          now += ms
          const held = heldAt(count, short, now)
          if (held === undefined) return
          short = held.short
        }
        expect(heldAt(0, short, now + 1e6)).toBeDefined()
      }),
    )
  })
})
