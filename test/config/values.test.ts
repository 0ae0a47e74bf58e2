// Values of settings: durations, sizes, modes and booleans. Also suggestions for misspelt names.
import { describe, expect, test } from 'vitest'
import { nearest } from '../../src/config/nearest.ts'
import { parseBoolean, parseDuration, parseMode, parseSize } from '../../src/config/values.ts'

const valueOf = <T>(parsed: { ok: true; value: T } | { ok: false; error: string }) =>
  parsed.ok ? parsed.value : parsed.error

describe('durations, in milliseconds', () => {
  const notOne = 'a duration such as 10 (seconds), 250ms or 1m30s'
  test.each([
    ['10', 10_000],
    ['0.25', 250],
    ['0', 0],
    ['0s', 0],
    ['250ms', 250],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['0.1s0.2s', 300],
    ['1us', 1],
    ['1µs', 1],
    ['', notOne],
    ['s', notOne],
    ['10x', notOne],
    ['1m 30s', notOne],
    ['-1s', notOne],
    ['1e3', notOne],
    ['NaN', notOne],
    ['600h', 'a duration below 24 days'],
  ])('%s', (text, expected) => {
    expect(valueOf(parseDuration(text))).toBe(expected)
  })

  test('zero where it makes no sense', () => {
    expect(valueOf(parseDuration('0', 1))).toBe('a duration above zero')
  })
})

const noSize = 'a size such as 64MiB, 512KiB or 1.5GiB'

test.each([
  ['64MiB', 64 * 2 ** 20],
  ['64MB', 64 * 2 ** 20],
  ['64m', 64 * 2 ** 20],
  ['1.5GiB', 1.5 * 2 ** 30],
  ['1k', 1024],
  ['1024', 1024],
  ['268435456', 2 ** 28],
  ['1023', noSize],
  ['0k', noSize],
  ['64', noSize],
  ['64 MiB', noSize],
  ['64TiB', noSize],
  ['-1k', noSize],
  ['', noSize],
])('size %s', (text, expected) => {
  expect(valueOf(parseSize(text))).toBe(expected)
})

test.each([
  ['0644', 0o644],
  ['644', 0o644],
  ['0o600', 0o600],
  ['4755', 0o4755],
  ['07777', 0o7777],
  ['17777', 'an octal mode such as "0644"'],
  ['0888', 'an octal mode such as "0644"'],
  ['64', 'an octal mode such as "0644"'],
  ['rw-r--r--', 'an octal mode such as "0644"'],
])('mode %s', (text, expected) => {
  expect(valueOf(parseMode(text))).toBe(expected)
})

test.each([
  ['1', true],
  ['T', true],
  ['true', true],
  ['0', false],
  ['False', false],
  ['yes', 'true or false'],
  ['', 'true or false'],
])('boolean %s', (text, expected) => {
  expect(valueOf(parseBoolean(text))).toBe(expected)
})

test.each([
  ['onetim', 'onetime'],
  ['reloadcmd', 'reload_cmd'],
  ['reload-cmd', 'reload_cmd'],
  ['chekc_cmd', 'check_cmd'],
  ['Dest', 'dest'],
  ['scr', 'src'],
  ['colour', undefined],
  ['x'.repeat(10_000), undefined],
])('nearest to %s', (name, expected) => {
  expect(nearest(name, ['onetime', 'reload_cmd', 'check_cmd', 'dest', 'src'])).toBe(expected)
})
