// Counts, lists and durations as messages show them.
import { expect, test } from 'vitest'
import {
  andMore,
  counted,
  duration,
  listed,
  localTime,
  offsetText,
  shortened,
  toSecond,
  wrapped,
} from '../../src/core/words.ts'

test('counts', () => {
  expect([0, 1, 2].map((n) => counted(n, 'key'))).toEqual(['0 keys', '1 key', '2 keys'])
  expect(counted(2, 'key was', 'keys were')).toBe('2 keys were')
})

test('lists that are cut off', () => {
  expect(listed([])).toBe('')
  expect(listed(['a', 'b'])).toBe('a, b')
  expect(listed(['a', 'b', 'c'], 2)).toBe('a, b and 1 more')
  expect(listed(['a', 'b', 'c'], 2, 4)).toBe('a, b and 5 more')
  expect([-1, 0, 1].map(andMore)).toEqual(['', '', ' and 1 more'])
})

test.each([
  [0, '0 ms'],
  [0.4, '0 ms'],
  [12.6, '13 ms'],
  [999, '999 ms'],
  [999.6, '1 s'],
  [1000, '1 s'],
  [1550, '1.6 s'],
  [10_000, '10 s'],
  [59_940, '59.9 s'],
  [59_960, '1 min'],
  [90_000, '1 min 30 s'],
  [3_600_000, '1 h'],
  [12_000_000, '3 h 20 min'],
  [86_400_000, '1 d'],
  [187_200_000, '2 d 4 h'],
])('%d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test('times to the second', () => {
  expect(toSecond('2026-01-02T03:04:05.678Z')).toBe('2026-01-02T03:04:05Z')
  expect(toSecond('2026-01-02T03:04:05Z')).toBe('2026-01-02T03:04:05Z')
})

test.each([
  [0, '+00:00'],
  [60, '+01:00'],
  [330, '+05:30'],
  [-210, '-03:30'],
])('%i minutes east of Greenwich: %s', (minutes, text) => {
  expect(offsetText(minutes)).toBe(text)
})

test('a local time is the same time, and says where', () => {
  const iso = '2026-07-01T23:30:15.123Z'
  const local = localTime(iso)
  expect(local).toMatch(/^2026-07-0\d[T]\d\d:\d\d:15[+-]\d\d:\d\d$/)
  expect(Date.parse(local)).toBe(Date.parse('2026-07-01T23:30:15Z'))
  expect(localTime('yesterday')).toBe('yesterday')
})

test('a long name loses its middle', () => {
  expect(shortened('/services/web/node-1', 20)).toBe('/services/web/node-1')
  expect(shortened('/services/web/node-1', 11)).toBe('/serv…ode-1')
})

test('lines are broken at blanks, and a longer word loses its middle', () => {
  expect(wrapped('one two three', 8)).toEqual(['one two', 'three'])
  expect(wrapped('a /etc/haproxy/haproxy.cfg b', 10)).toEqual(['a', '/etc/….cfg', 'b'])
})
