import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HoldDown, type Gone } from '../../src/core/hold-down.ts'
import type { Key } from '../../src/core/key.ts'
import { reduce, type Changes } from '../../src/core/mirror.ts'
import { emptyTree, type Tree } from '../../src/core/tree.ts'

/** A store, seen through a hold-down. Tests set its successive states. */
class View {
  readonly hold: HoldDown
  tree: Tree = emptyTree

  constructor(ms: number, first: Record<Key, string> = {}) {
    this.hold = new HoldDown(ms)
    this.set(first, 0)
  }

  set(state: Record<Key, string>, now: number): Changes {
    const entries = new Map(Object.entries(state)) as Map<Key, string>
    const { tree, changes } = reduce(this.tree, { kind: 'snapshot', entries })
    const told = this.hold.apply(this.tree, tree, changes, now)
    this.tree = tree
    return told
  }

  get visible(): Record<Key, string> {
    return Object.fromEntries(this.hold.tree(this.tree).under('/'))
  }
}

describe('hold-down', () => {
  it('expects the keys of the last run, unless the store has them or their time is over', () => {
    const hold = new HoldDown(10)
    const last = new Map<Key, Gone>([
      ['/a', { value: '1', since: 3 }],
      ['/b', { value: '2', since: 1 }],
      ['/c', { value: '3', since: -5 }],
    ])
    hold.expect(last, 5)
    const { tree } = reduce(emptyTree, { kind: 'snapshot', entries: new Map([['/a', '9']]) })
    hold.found(tree)
    expect(Object.fromEntries(hold.tree(tree).under('/'))).toEqual({ '/a': '9', '/b': '2' })
    expect([...hold.gone()]).toEqual([['/b', { value: '2', since: 1 }]])
    expect(hold.next).toBe(11)
    expect(hold.expire(11)).toEqual(new Map([['/b', 'removed']]))
  })

  it('reports removals in the order of their deadlines, whatever vanished before', () => {
    const hold = new HoldDown(10)
    hold.expect(new Map<Key, Gone>([['/late', { value: '1', since: 4 }]]), 5)
    hold.expect(new Map<Key, Gone>([['/early', { value: '2', since: 2 }]]), 5)
    expect(hold.next).toBe(12)
    expect([...hold.expire(13).keys()]).toEqual(['/early'])
    expect([...hold.expire(14).keys()]).toEqual(['/late'])
  })

  it('reports a removal when its time is over', () => {
    const view = new View(10, { '/a': '1', '/b': '2' })
    expect(view.set({ '/b': '2' }, 5)).toEqual(new Map())
    expect(view.visible).toEqual({ '/a': '1', '/b': '2' })
    expect(view.hold.next).toBe(15)
    expect(view.hold.expire(14)).toEqual(new Map())
    expect(view.hold.expire(15)).toEqual(new Map([['/a', 'removed']]))
    expect(view.visible).toEqual({ '/b': '2' })
    expect(view.hold.next).toBe(Infinity)
  })

  it('keys kept by the previous hold-down stay kept, unless they are back', () => {
    const view = new View(10, { '/a': '1', '/b': '2' })
    view.set({}, 5)
    const next = new HoldDown(10, view.hold)
    view.set({ '/b': '3' }, 6)
    expect(Object.fromEntries(next.tree(view.tree).under('/'))).toEqual({ '/a': '1', '/b': '3' })
    expect(next.next).toBe(15)
    expect(view.hold.expire(15)).toEqual(new Map([['/a', 'removed']]))
    expect([...next.expire(15).keys()]).toEqual(['/a', '/b'])
  })

  it('a key that comes back counts as never gone', () => {
    const view = new View(10, { '/a': '1' })
    view.set({}, 1)
    expect(view.set({ '/a': '1' }, 9)).toEqual(new Map())
    expect(view.hold.expire(100)).toEqual(new Map())
    expect(view.visible).toEqual({ '/a': '1' })
  })

  it('a key that comes back with another value has a new value', () => {
    const view = new View(10, { '/a': '1' })
    view.set({}, 1)
    expect(view.set({ '/a': '2' }, 9)).toEqual(new Map([['/a', 'value']]))
    expect(view.visible).toEqual({ '/a': '2' })
  })

  it('each time that a key vanishes, its time starts again', () => {
    const view = new View(10, { '/a': '1' })
    view.set({}, 1)
    view.set({ '/a': '1' }, 9)
    view.set({}, 10)
    expect(view.hold.next).toBe(20)
  })

  it('an overdue removal is reported with the next change', () => {
    const view = new View(10, { '/a': '1' })
    view.set({}, 1)
    expect(view.set({ '/b': '1' }, 30)).toEqual(
      new Map([
        ['/b', 'added'],
        ['/a', 'removed'],
      ]),
    )
  })

  it('0 keeps nothing', () => {
    const view = new View(0, { '/a': '1' })
    expect(view.set({}, 0)).toEqual(new Map([['/a', 'removed']]))
    expect(view.visible).toEqual({})
  })

  it('the tree is the same object while nothing differs', () => {
    const view = new View(10, { '/a': '1', '/b': '2' })
    expect(view.hold.tree(view.tree)).toBe(view.tree)
    view.set({ '/b': '2' }, 1)
    expect(view.hold.tree(view.tree)).toBe(view.hold.tree(view.tree))
  })

  it('property: a key’s absence is seen exactly when it was gone for that long', () => {
    const keys: readonly Key[] = ['/a', '/a/b', '/c']
    const state = fc.dictionary(fc.constantFrom(...keys), fc.constantFrom('1', '2'))
    const step = fc.record({ wait: fc.nat(8), state: fc.option(state) })
    fc.assert(
      fc.property(fc.nat(10), fc.array(step, { maxLength: 30 }), (ms, steps) => {
        const view = new View(ms)
        /** The naive model: the last value of each key, and the time at which the key vanished. */
        const known = new Map<Key, { value: string; goneAt?: number }>()
        let now = 0
        let seen: Record<Key, string> = {}
        for (const { wait, state } of steps) {
          now += wait
          const told = state === null ? view.hold.expire(now) : view.set(state, now)
          if (state !== null) {
            for (const key of keys) {
              const value = state[key]
              const last = known.get(key)
              if (value !== undefined) known.set(key, { value })
              else if (last !== undefined) known.set(key, { goneAt: now, ...last })
            }
          }
          const wanted: Record<Key, string> = {}
          for (const [key, { value, goneAt }] of known) {
            if (goneAt === undefined || now - goneAt < ms) wanted[key] = value
          }
          expect(view.visible).toEqual(wanted)
          expect(Object.fromEntries(told)).toEqual(differences(seen, wanted))
          expect(view.hold.next).toBeGreaterThan(now)
          seen = wanted
        }
      }),
      { numRuns: 1000 },
    )
  })
})

function differences(
  before: Record<Key, string>,
  after: Record<Key, string>,
): Record<string, string> {
  const found: Record<string, string> = {}
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]) as Set<Key>) {
    if (before[key] === after[key]) continue
    found[key] =
      before[key] === undefined ? 'added' : after[key] === undefined ? 'removed' : 'value'
  }
  return found
}
