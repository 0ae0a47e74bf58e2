// Compares the heap of due times with a list that is sorted each time.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Timetable } from '../../src/core/timetable.ts'

test('returns due entries once, the earliest first', () => {
  const timetable = new Timetable<string>()
  expect([timetable.next, timetable.take(1e9)]).toEqual([Infinity, []])
  timetable.set('late', 30)
  timetable.set('early', 10)
  timetable.set('middle', 20)
  expect(timetable.next).toBe(10)
  expect(timetable.take(9)).toEqual([])
  expect(timetable.take(20)).toEqual(['early', 'middle'])
  expect(timetable.take(20)).toEqual([])
  expect(timetable.next).toBe(30)
})

test('setting a time again replaces it, and Infinity removes it', () => {
  const timetable = new Timetable<string>()
  timetable.set('a', 10)
  timetable.set('b', 20)
  timetable.set('a', 30)
  expect(timetable.next).toBe(20)
  timetable.set('b', Infinity)
  timetable.set('never there', Infinity)
  expect(timetable.take(100)).toEqual(['a'])
  expect(timetable.next).toBe(Infinity)
})

test('agrees with a sorted list after any operations', () => {
  const time = fc.oneof(
    { weight: 4, arbitrary: fc.nat(50) },
    { weight: 1, arbitrary: fc.constant(Infinity) },
  )
  const operation = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('set' as const), item: fc.nat(20), at: time }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('take' as const), now: fc.nat(50) }) },
  )
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
      const timetable = new Timetable<number>()
      const model = new Map<number, number>()
      const take = (now: number): void => {
        const due = timetable.take(now)
        const times = due.map((item) => model.get(item) as number)
        expect(times).toEqual([...times].sort((a, b) => a - b))
        const expected = [...model].filter(([, at]) => at <= now).map(([item]) => item)
        expect(due.toSorted((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b))
        for (const item of due) model.delete(item)
      }
      for (const step of operations) {
        if (step.kind === 'take') take(step.now)
        else if (step.at === Infinity) model.delete(step.item)
        else model.set(step.item, step.at)
        if (step.kind === 'set') timetable.set(step.item, step.at)
        expect(timetable.next).toBe(Math.min(...model.values()))
      }
      take(100)
      expect(model.size).toBe(0)
    }),
    { numRuns: 1000 },
  )
})
