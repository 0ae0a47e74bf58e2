import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Agenda } from '../../src/engine/agenda.ts'

const pace = { quiet: 100, max: 2000 }
const agendaOf = (...names: string[]): Agenda => new Agenda(names.map((name) => [name, pace]))

describe('the agenda', () => {
  it('acts upon the first change after a quiet time at once', () => {
    const agenda = agendaOf('a')
    agenda.changed(['a'], 5000)
    expect(agenda.next).toBe(5000)
    expect(agenda.take(5000)).toEqual(['a'])
  })

  it('waits for quiet after that, but no longer than max', () => {
    const agenda = agendaOf('a')
    agenda.changed(['a'], 0)
    expect(agenda.take(0)).toEqual(['a'])
    agenda.succeeded('a')
    let worked = 0
    for (let now = 10; now <= 10_000; now += 10) {
      agenda.changed(['a'], now)
      if (agenda.take(now).length > 0) {
        worked++
        agenda.succeeded('a')
      }
    }
    expect(worked).toBe(4)
    expect(agenda.next).toBeLessThanOrEqual(10_100)
    expect(agenda.take(10_100)).toEqual(['a'])
  })

  it('never works on a resource twice at once, and forgets no change that came meanwhile', () => {
    const agenda = agendaOf('a')
    agenda.changed(['a'], 0)
    agenda.take(0)
    agenda.changed(['a'], 500)
    expect(agenda.take(5000)).toEqual([])
    agenda.succeeded('a')
    expect(agenda.take(5000)).toEqual(['a'])
  })

  it('brings a failed resource back, later each time, and at once with a change', () => {
    const agenda = agendaOf('a')
    agenda.all(0)
    agenda.take(0)
    const first = agenda.failed('a', 0)
    expect(agenda.next).toBe(first)
    expect(agenda.take(first)).toEqual(['a'])
    const second = agenda.failed('a', first)
    expect(second).toBeGreaterThanOrEqual(1000)
    agenda.changed(['a'], first + 500)
    expect(agenda.take(first + 500)).toEqual(['a'])
  })

  it('one busy resource delays no other', () => {
    const agenda = agendaOf('a', 'b')
    agenda.changed(['a'], 0)
    agenda.take(0)
    agenda.changed(['b'], 10)
    expect(agenda.take(10)).toEqual(['b'])
  })

  it('after the last change every resource is taken once more, whatever came before', () => {
    const step = fc.record({
      wait: fc.nat(400),
      act: fc.constantFrom('change', 'take', 'succeed', 'fail'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const agenda = agendaOf('a')
        let now = 0
        let busy = false
        let dirty = false
        for (const { wait, act } of steps) {
          now += wait
          if (act === 'change') {
            agenda.changed(['a'], now)
            dirty = true
          } else if (act === 'take') {
            if (agenda.take(now).length > 0) {
              expect(busy).toBe(false)
              busy = true
              dirty = false
            }
          } else if (busy) {
            busy = false
            if (act === 'succeed') agenda.succeeded('a')
            else {
              agenda.failed('a', now)
              dirty = true
            }
          }
        }
        if (busy) agenda.succeeded('a')
        expect(agenda.next === Infinity).toBe(!dirty)
        if (dirty) expect(agenda.take(Math.max(now, agenda.next))).toEqual(['a'])
      }),
    )
  })
})
