// Parsers for the values of settings. Each returns the value, or a description of the expected text.
import type { Limit } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'

/** `error` completes the sentence "... is not", as in `a whole number`. */
export type ParseResult<T> = Result<T, string>

/** Go's strconv.ParseBool (https://pkg.go.dev/strconv#ParseBool), which confd's flags use. */
export function parseBoolean(text: string): ParseResult<boolean> {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return ok(true)
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return ok(false)
  return err('true or false')
}

const unitMs: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** The longest delay of a Node timer, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Parses durations like Go's time.ParseDuration (`1m30s`, `250ms`), and plain numbers as seconds.
 * @param least minimum, in milliseconds
 * @returns whole milliseconds, rounded up
 */
export function parseDuration(text: string, least = 0): ParseResult<number> {
  const parts = /^\d+(\.\d+)?$/.test(text)
    ? [[text, text, 's'] as const]
    : [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy)]
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text) {
    return err('a duration such as 10 (seconds), 250ms or 1m30s')
  }
  // Rounds to nanoseconds first, so that a floating-point error (0.1 + 0.2) adds no millisecond.
  const exact = parts.reduce((sum, [, n, unit]) => sum + Number(n) * (unitMs[unit ?? ''] ?? 0), 0)
  const ms = Math.ceil(Math.round(exact * 1e6) / 1e6)
  if (ms < least)
    return err(least > 1 ? `a duration of ${least}ms or more` : 'a duration above zero')
  if (ms > LONGEST_MS) return err('a duration below 24 days')
  return ok(ms)
}

/** Parses a duration in TOML: a number of seconds, or a string such as `1m30s`. */
export function durationFrom(value: unknown, least = 0): ParseResult<number> {
  return parseDuration(typeof value === 'string' ? value : String(value), least)
}

const unitBytes: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

/** Matches a number with a unit, or a number of bytes, from 1 KiB to just below 1 TiB. */
export const SIZE =
  /^(?:([1-9]\d{0,2}(?:\.\d+)?)([kKmMgG])(?:[iI]?[bB])?|(10[3-9]\d|102[4-9]|1[1-9]\d\d|[2-9]\d{3}|[1-9]\d{4,11}))$/

/** `64MiB`, `64MB` and `64m` all mean 64 * 2^20 bytes. */
export function parseSize(text: string): ParseResult<number> {
  const [, number, unit = '', bytes] = SIZE.exec(text) ?? []
  const count = number ?? bytes
  if (count === undefined) return err('a size such as 64MiB, 512KiB or 1.5GiB')
  return ok(Math.round(Number(count) * (unitBytes[unit.toLowerCase()] as number)))
}

/** Parses permission bits in octal: `0644`, `644`, `0o644`, up to `7777`. */
export function parseMode(text: string): ParseResult<number> {
  const digits = /^(?:0o)?([0-7]{3,5})$/.exec(text)?.[1]
  const mode = parseInt(digits ?? 'x', 8)
  return mode <= 0o7777 ? ok(mode) : err('an octal mode such as "0644"')
}

/** Parses a limit in TOML: a whole number, or a string with a whole percentage. */
export function limitFrom(value: unknown): ParseResult<Limit> {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) {
    return ok({ kind: 'count', most: value })
  }
  const percent = typeof value === 'string' ? /^(\d{1,3})%$/.exec(value)?.[1] : undefined
  if (percent !== undefined && Number(percent) <= 100) {
    return ok({ kind: 'share', percent: Number(percent) })
  }
  return err('a whole number, or a share such as "50%"')
}

/** The type of a TOML value, for messages. */
export function describeType(value: unknown): string {
  if (typeof value === 'string') return 'a string'
  if (typeof value === 'boolean') return 'a boolean'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a float'
  if (Array.isArray(value)) return 'an array'
  return value instanceof Date ? 'a date' : 'a table'
}

/**
 * Parses an address to listen on: `host:port` or `[::1]:port`; `:port` and `port` mean that port of 127.0.0.1. Port 0
 * selects any free port.
 * @returns `host:port`, or `unix:PATH`
 */
export function parseAddress(text: string): ParseResult<string> {
  if (/^unix:./.test(text)) return ok(text)
  const [, host, digits] = /^(?:(\[[0-9a-f:.]+\]|[\w.-]+)?:)?(\d{1,5})$/i.exec(text) ?? []
  if (digits === undefined || Number(digits) > 65_535)
    return err('host:port, such as 127.0.0.1:9090, or unix:PATH')
  return ok(`${host ?? '127.0.0.1'}:${Number(digits)}`)
}
