// The text that output_format parses contains values from a store. The time to accept or refuse any text must be
// bounded.
import { describe, expect, it } from 'vitest'
import { checkFormat } from '../../src/apply/format.ts'
import type { OutputFormat } from '../../src/core/resource.ts'

const fault = async (outputFormat: OutputFormat, text: string): Promise<string | undefined> =>
  (await checkFormat({ outputFormat, dest: '/out' }, Buffer.from(text)))?.message

it.each<[format: OutputFormat, text: (n: number) => string]>([
  ['json', (n) => '['.repeat(n)],
  ['yaml', (n) => '['.repeat(n) + ']'.repeat(n)],
  ['yaml', (n) => '? '.repeat(n)],
  ['yaml', (n) => '- '.repeat(n)],
  ['toml', (n) => `a=${'['.repeat(n)}`],
  ['xml', (n) => '<a>'.repeat(n) + '</a>'.repeat(n)],
])('%s nested too deeply is a fault', async (format, text) => {
  expect(await fault(format, text(100_000))).toMatch(/nested (?:too deeply|structures)/)
})

it.each([
  ['yaml', 'a: 1\nb: 2\na: 3', 'line 3, column 1: Map keys must be unique'],
  ['yaml', 'x: 1\n---\n{"a": 1, a: 2}', 'line 3, column 10: Map keys must be unique'],
  ['yaml', '1: a\n"1": b', undefined],
  ['json', '{"a": 1, "a": 2}', 'line 1, column 10: duplicate name in the object'],
  ['xml', '<a><b/><b></b></a>', undefined],
] as const)('%s: %j', async (format, text, expected) => {
  const message = await fault(format, text)
  expect(message?.replace(/^.* is not valid [A-Z]+: /, '')).toBe(expected)
})

const lines = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join('')

describe('four times the text costs less than eight times the time', () => {
  it.each<[name: string, format: OutputFormat, text: (n: number) => string]>([
    ['names of a map', 'yaml', (n) => lines(n, (i) => `k${i}: 1\n`)],
    ['anchors', 'yaml', (n) => lines(n, (i) => `- &x${i} ${i}\n`)],
    ['elements in one another', 'xml', (n) => '<a>'.repeat(n)],
    ['one long integer', 'json', (n) => '9'.repeat(50 * n)],
    ['tables', 'toml', (n) => lines(n, (i) => `[t${i}]\n`)],
  ])('%s, %s', async (_, format, text) => {
    const cost = async (n: number): Promise<number> => {
      const content = text(n)
      let least = Infinity
      for (let tries = 0; tries < 3; tries++) {
        const before = process.cpuUsage()
        await fault(format, content)
        const { user, system } = process.cpuUsage(before)
        least = Math.min(least, (user + system) / 1000)
      }
      return least
    }
    const small = await cost(5_000)
    expect((await cost(20_000)) / Math.max(small, 25)).toBeLessThan(8)
  })
})
