// The value of datetime in nunjucks has the methods of Go's time.Time.
import { expect, it } from 'vitest'
import { GoTime } from '../../src/templates/functions/clock.ts'
import { Moment } from '../../src/templates/functions/time.ts'

const nanoseconds = BigInt(Date.parse('2024-02-29T13:07:09.045Z')) * 1_000_000n + 123_456n
const moment = new Moment(new GoTime(nanoseconds, 'utc'))

it.each([
  ['Year', 2024],
  ['Day', 29],
  ['Hour', 13],
  ['Minute', 7],
  ['Second', 9],
  ['Nanosecond', 45_123_456],
  ['YearDay', 60],
  ['Unix', 1_709_212_029],
  ['UnixMilli', 1_709_212_029_045],
  ['UnixMicro', 1_709_212_029_045_123],
  ['UnixNano', 1_709_212_029_045_123_456n],
  ['String', '2024-02-29 13:07:09.045123456 +0000 UTC'],
  ['toJSON', '2024-02-29T13:07:09.045123456Z'],
] as const)('%s', (method, value) => {
  expect(moment[method]()).toBe(value)
})

it('a month and a weekday are numbers with names', () => {
  expect([String(moment.Month()), String(moment.Weekday())]).toEqual(['February', 'Thursday'])
  expect([Number(moment.Month()), Number(moment.Weekday())]).toEqual([2, 4])
})

it('days are added over the ends of months and years; moments compare', () => {
  const later = moment.AddDate(1, 0, 1)
  expect(later.Format('2006-01-02')).toBe('2025-03-02')
  expect([moment.Before(later), moment.After(later), moment.Equal(moment.UTC())]).toEqual([
    true,
    false,
    true,
  ])
})

it('before 1970 seconds are rounded down, as in Go', () => {
  expect(new Moment(new GoTime(-1n, 'utc')).Unix()).toBe(-1)
})
