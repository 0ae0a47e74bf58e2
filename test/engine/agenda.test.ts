// The agenda with real units: when each unit is due. No unit may be forgotten, and none may be in two cycles at the
// same time.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Agenda } from '../../src/engine/agenda.ts'
import { Unit } from '../../src/engine/unit.ts'
import { resourceOf } from './support.ts'

const unitOf = (name: string): Unit => new Unit(name, [resourceOf(name)], { quiet: 100, max: 2000 })
const always = (): boolean => true
const never = (): boolean => false

/** Returns the times (ms) when a unit's cycles start if its keys change at `changes` and each cycle takes `cycle`. */
function startsOf(
  changes: readonly number[],
  { quiet = undefined as number | undefined, cycle = 5 } = {},
) {
  const agenda = new Agenda()
  const unit = new Unit('a', [resourceOf('a')], { quiet, max: 2000 })
  const starts: number[] = []
  const coming = [...changes]
  let end = Infinity
  for (;;) {
    const now = Math.min(coming[0] ?? Infinity, end, agenda.next)
    if (now === Infinity) return starts
    if (now === end) {
      agenda.succeeded(unit)
      end = Infinity
    }
    if (now === coming[0]) agenda.changed(unit, coming.shift() as number)
    if (agenda.take(now, always).length === 0) continue
    starts.push(now)
    end = now + cycle
  }
}

/** Returns the times of `count` changes, the first at 5000 ms. `gaps` are the intervals between them, used in turn. */
function apart(count: number, ...gaps: readonly number[]): number[] {
  let now = 5000
  return Array.from({ length: count }, (_, n) =>
    n === 0 ? now : (now += gaps[n % gaps.length] ?? 0),
  )
}

describe('adaptive coalescing', () => {
  it('acts at once on the first change after a quiet second, and on slow changes', () => {
    for (const gap of [200, 250, 400, 1000, 60_000]) {
      const changes = apart(50, gap)
      expect(startsOf(changes)).toEqual(changes)
    }
  })

  it('acts on the end of a small burst after 100 ms without a change', () => {
    expect(startsOf(apart(2, 20))).toEqual([5000, 5120])
    expect(startsOf(apart(10, 2))).toEqual([5000, 5118])
    // The same must be true after a series of slow changes.
    expect(startsOf([...apart(9, 300), 7402])).toEqual([...apart(9, 300), 7502])
  })

  it('coalesces a change that comes before the last cycle has ended', () => {
    expect(startsOf([5000, 5300], { cycle: 400 })).toEqual([5000, 5400])
    expect(startsOf([5000, 5300], { cycle: 350 })).toEqual([5000, 5400])
    // A change after a quiet second must wait only for the end of the running cycle.
    expect(startsOf([5000, 6000], { cycle: 1050 })).toEqual([5000, 6050])
  })

  it('costs a burst of 1,000 changes at most 5 cycles', () => {
    for (const gap of [0, 1, 2, 5]) expect(startsOf(apart(1000, gap)).length).toBeLessThanOrEqual(5)
  })

  it.each([
    ['evenly', [120]],
    ['down and up at once', [5, 115]],
    ['down and up, every second one late', [5, 235]],
    ['irregularly', [30, 190, 60, 280, 40, 120]],
  ])('costs 500 flaps a minute at most a fifth of that, %s', (_, gaps) => {
    const changes = apart(500, ...gaps)
    expect(startsOf(changes).length).toBeLessThanOrEqual(100)
  })

  it('acts on the last change of a stream within the limit', () => {
    const changes = apart(40, 120)
    const last = changes.at(-1) as number
    expect(startsOf(changes).at(-1)).toBe(last + 360)
    expect(startsOf([...changes, last + 1400]).at(-1)).toBe(last + 1400)
  })

  it('uses a quiet time that is set', () => {
    const flaps = apart(100, 120)
    expect(startsOf(flaps, { quiet: 100 })).toEqual(flaps)
    expect(startsOf(flaps, { quiet: 0 })).toEqual(flaps)
    expect(startsOf(apart(3, 150), { quiet: 200 })).toEqual([5000, 5500])
  })
})

describe('the agenda', () => {
  it('acts at once on the first change after a quiet time', () => {
    const agenda = new Agenda()
    const a = unitOf('a')
    agenda.changed(a, 5000)
    expect(agenda.next).toBe(5000)
    expect(agenda.take(5000, always)).toEqual([a])
  })

  it('then waits until it is quiet, but no longer than max', () => {
    const agenda = new Agenda()
    const a = unitOf('a')
    agenda.changed(a, 0)
    expect(agenda.take(0, always)).toEqual([a])
    agenda.succeeded(a)
    let worked = 0
    for (let now = 10; now <= 10_000; now += 10) {
      agenda.changed(a, now)
      if (agenda.take(now, always).length > 0) {
        worked++
        agenda.succeeded(a)
      }
    }
    expect(worked).toBe(4)
    expect(agenda.next).toBeLessThanOrEqual(10_100)
    expect(agenda.take(10_100, always)).toEqual([a])
  })

  it('never runs two cycles of a unit at once, and keeps changes that arrive meanwhile', () => {
    const agenda = new Agenda()
    const a = unitOf('a')
    agenda.changed(a, 0)
    agenda.take(0, always)
    expect(a.state).toEqual({ kind: 'working' })
    agenda.changed(a, 500)
    expect([agenda.take(5000, always), agenda.next]).toEqual([[], Infinity])
    agenda.succeeded(a)
    expect(agenda.take(5000, always)).toEqual([a])
  })

  it('retries a failed unit with increasing delays, and at once after a change', () => {
    const agenda = new Agenda()
    const a = unitOf('a')
    agenda.at(a, 0)
    agenda.take(0, always)
    const first = agenda.failed(a, 0)
    expect(agenda.next).toBe(first)
    expect(agenda.take(first - 1, always)).toEqual([])
    expect(agenda.take(first, always)).toEqual([a])
    const second = agenda.failed(a, first)
    expect(second).toBeGreaterThanOrEqual(1000)
    agenda.changed(a, first + 500)
    expect(agenda.take(first + 500, always)).toEqual([a])
  })

  it('a success ends the series of failures', () => {
    const agenda = new Agenda()
    const a = unitOf('a')
    const fail = (): number => {
      agenda.at(a, 0)
      agenda.take(0, always)
      return agenda.failed(a, 0)
    }
    for (let n = 0; n < 10; n++) fail()
    expect(fail()).toBeGreaterThanOrEqual(30_000)
    agenda.at(a, 0)
    agenda.take(0, always)
    agenda.succeeded(a)
    expect(fail()).toBeLessThanOrEqual(1000)
  })

  it('one busy unit delays no other', () => {
    const agenda = new Agenda()
    const [a, b] = [unitOf('a'), unitOf('b')]
    agenda.changed(a, 0)
    agenda.take(0, always)
    agenda.changed(b, 10)
    expect(agenda.take(10, always)).toEqual([b])
  })

  it('the unit that is due first comes first', () => {
    const agenda = new Agenda()
    const units = ['a', 'b', 'c', 'd'].map(unitOf)
    for (const [n, unit] of [3, 1, 2, 0].entries()) agenda.at(units[unit] as Unit, n)
    expect(agenda.take(2, always).map(({ name }) => name)).toEqual(['d', 'b', 'c'])
    expect([agenda.next, agenda.take(3, always)]).toEqual([3, [units[0]]])
  })

  it('a unit that is no longer configured is forgotten, ready or not', () => {
    const agenda = new Agenda()
    const [a, b] = [unitOf('a'), unitOf('b')]
    agenda.at(a, 0)
    agenda.at(b, 0)
    agenda.take(0, (unit) => unit !== a)
    agenda.drop(a)
    agenda.recheck()
    agenda.succeeded(b)
    agenda.changed(b, 10)
    agenda.drop(b)
    expect([agenda.next, agenda.take(1000, always)]).toEqual([Infinity, []])
  })

  describe('a unit that is due and not ready', () => {
    it('is not taken and makes nothing due, until it is examined again', () => {
      const agenda = new Agenda()
      const a = unitOf('a')
      agenda.changed(a, 0)
      expect(agenda.take(0, never)).toEqual([])
      expect([a.pending?.due, agenda.next]).toEqual([0, Infinity])
      expect(agenda.take(5000, always)).toEqual([])
      agenda.recheck()
      expect(agenda.next).toBe(0)
      expect(agenda.take(5000, never)).toEqual([])
      agenda.recheck()
      expect(agenda.take(6000, always)).toEqual([a])
      agenda.succeeded(a)
      agenda.recheck()
      expect(agenda.next).toBe(Infinity)
    })

    it('delays no other unit', () => {
      const agenda = new Agenda()
      const [a, b] = [unitOf('a'), unitOf('b')]
      agenda.at(a, 0)
      agenda.at(b, 0)
      expect(agenda.take(0, (unit) => unit === b)).toEqual([b])
    })

    it('is also examined again with a change after a quiet time', () => {
      const agenda = new Agenda()
      const a = unitOf('a')
      agenda.changed(a, 0)
      agenda.take(0, never)
      agenda.changed(a, 1000)
      expect(agenda.take(1000, always)).toEqual([a])
      agenda.succeeded(a)
      agenda.recheck()
      expect(agenda.take(9000, always)).toEqual([])
    })
  })

  it('after the last change, every unit is taken once more', () => {
    const step = fc.record({
      wait: fc.nat(400),
      act: fc.constantFrom('change', 'take', 'take, not ready', 'recheck', 'succeed', 'fail'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const agenda = new Agenda()
        const a = unitOf('a')
        let now = 0
        let busy = false
        let dirty = false
        for (const { wait, act } of steps) {
          now += wait
          if (act === 'change') {
            agenda.changed(a, now)
            dirty = true
          } else if (act === 'take') {
            if (agenda.take(now, always).length > 0) {
              expect(busy).toBe(false)
              busy = true
              dirty = false
            }
          } else if (act === 'take, not ready') {
            expect(agenda.take(now, never)).toEqual([])
          } else if (act === 'recheck') {
            agenda.recheck()
          } else if (busy) {
            busy = false
            if (act === 'succeed') agenda.succeeded(a)
            else {
              agenda.failed(a, now)
              dirty = true
            }
          }
        }
        if (busy) agenda.succeeded(a)
        agenda.recheck()
        expect(agenda.next === Infinity).toBe(!dirty)
        if (dirty) expect(agenda.take(Math.max(now, agenda.next), always)).toEqual([a])
      }),
      { numRuns: 500 },
    )
  })
})
