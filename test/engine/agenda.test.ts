// The agenda over real units: when each is due, and that none is worked on twice at once or forgotten.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Agenda } from '../../src/engine/agenda.ts'
import { Unit } from '../../src/engine/unit.ts'
import { resourceOf } from './support.ts'

const unitOf = (name: string): Unit => new Unit(name, [resourceOf(name)], { quiet: 100, max: 2000 })
const always = (): boolean => true
const never = (): boolean => false

describe('the agenda', () => {
  it('acts upon the first change after a quiet time at once', () => {
    const agenda = new Agenda()
    const a = unitOf('a')
    agenda.changed(a, 5000)
    expect(agenda.next).toBe(5000)
    expect(agenda.take(5000, always)).toEqual([a])
  })

  it('waits for quiet after that, but no longer than max', () => {
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

  it('never works on a unit twice at once, and forgets no change that came meanwhile', () => {
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

  it('brings a failed unit back, later each time, and at once with a change', () => {
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

  it('the earliest comes first', () => {
    const agenda = new Agenda()
    const units = ['a', 'b', 'c', 'd'].map(unitOf)
    for (const [n, unit] of [3, 1, 2, 0].entries()) agenda.at(units[unit] as Unit, n)
    expect(agenda.take(2, always).map(({ name }) => name)).toEqual(['d', 'b', 'c'])
    expect([agenda.next, agenda.take(3, always)]).toEqual([3, [units[0]]])
  })

  it('a unit that is not configured any more is forgotten, ready or not', () => {
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
    it('is not taken, and nothing is due because of it, until it is looked at again', () => {
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

    it('holds up no other', () => {
      const agenda = new Agenda()
      const [a, b] = [unitOf('a'), unitOf('b')]
      agenda.at(a, 0)
      agenda.at(b, 0)
      expect(agenda.take(0, (unit) => unit === b)).toEqual([b])
    })

    it('is looked at again with a change after a quiet time as well', () => {
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

  it('after the last change every unit is taken once more, whatever came before', () => {
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
