// Our replacements for nunjucks' filters must return the same results as the originals, or correct results where the
// originals are wrong.
import fc from 'fast-check'
import nunjucks from 'nunjucks'
import { describe, expect, it, test } from 'vitest'
import { FaultError } from '../../../src/core/fault.ts'
import { Pair } from '../../../src/templates/functions/pair.ts'
import { dump } from '../../../src/templates/nunjucks/dump.ts'
import { safeFilters, type Filter } from '../../../src/templates/nunjucks/filters.ts'
import { render } from '../helper.ts'

const environment = new nunjucks.Environment(null) as unknown as {
  filters: Record<string, Filter>
}
const package_ = environment.filters
const ours = safeFilters(package_)

const messy = fc
  .array(
    fc.constantFrom(
      '<',
      '>',
      '</',
      '<!--',
      '-->',
      'a',
      'b1',
      '_',
      ' ',
      '  ',
      '\n',
      '\r\n',
      'é',
      '/',
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))

const CALLS: readonly (readonly [name: string, ...args: unknown[]])[] = [
  ['trim'],
  ['striptags'],
  ['striptags', true],
  ['list'],
  ['reverse'],
  ['truncate', 5],
  ['truncate', 5, true, ''],
  ['urlencode'],
  ['replace', 'a', '<b>'],
  ['replace', ' ', '', 2],
  ['replace', '', '-'],
  ['replace', 'none', 'x', 0],
  ['int', 7],
  ['dump'],
]

describe.each(CALLS.map(([name, ...args]) => ({ name, args })))('$name $args', ({ name, args }) => {
  it('is as in the package', () => {
    fc.assert(
      fc.property(messy, (text) => {
        expect(String(ours[name]?.(text, ...args))).toBe(String(package_[name]?.(text, ...args)))
      }),
    )
  })
})

test('dump writes what JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 0, 2, 20, '\t'), (value, spaces) => {
      expect(dump(value, spaces)).toBe(JSON.stringify(value, null, spaces))
    }),
  )
  const odd = [undefined, () => 1, { a: undefined, b: new Date(0), c: new Pair('/k', 'v') }, NaN]
  expect(dump(odd)).toBe(JSON.stringify(odd))
})

it('a group may have the name of a method', () => {
  const items = [{ a: 'constructor' }, { a: '__proto__' }, { a: 'constructor' }]
  const groups = ours['groupby']?.(items, 'a') as Record<string, unknown>
  expect(
    Object.entries(groups).map(([name, group]) => [name, (group as unknown[]).length]),
  ).toEqual([
    ['constructor', 2],
    ['__proto__', 1],
  ])
  expect(() => ours['groupby']?.([{}], 'constructor')).toThrow(FaultError)
})

it('attributes are those of the item itself', () => {
  const items = [{ a: 1 }, { a: 0 }, {}]
  expect(ours['selectattr']?.(items, 'a')).toEqual([{ a: 1 }])
  expect(ours['rejectattr']?.(items, 'a')).toEqual([{ a: 0 }, {}])
  expect(ours['selectattr']?.(items, 'constructor')).toEqual([])
  expect(ours['join']?.(items, ',', 'a')).toBe(package_['join']?.(items, ',', 'a'))
  expect(ours['join']?.(['a', 'b'])).toBe('ab')
  expect(ours['sum']?.([{ n: 1 }, { n: 2 }], 'n', 3)).toBe(6)
  expect(ours['sum']?.([1, 2])).toBe(3)
  expect(() => ours['join']?.('text')).toThrow('works on a list')
})

it.each([
  ['center', 'x', 1e9],
  ['indent', '\n'.repeat(1000), 1e6],
  ['batch', [1], 1e9, 'fill'],
  ['slice', [1], 1e9],
])('%s refuses to produce more than fits into memory', (name, ...args) => {
  expect(() => ours[name]?.(...args)).toThrow('the result is too large')
  expect(ours[name]?.(args[0], 2)).toEqual(package_[name]?.(args[0], 2))
})

it('no character is cut in two', () => {
  expect(ours['list']?.('a😀')).toEqual(['a', '😀'])
  expect(ours['reverse']?.('a😀')).toBe('😀a')
  expect(ours['truncate']?.('ab😀😀', 3, true, '')).toBe('ab')
})

it('bytes that are not UTF-8 are encoded as such', () => {
  expect(ours['urlencode']?.('é\udcff/')).toBe('%C3%A9%FF%2F')
  expect(ours['urlencode']?.({ a: '\udcff' })).toBe('a=%FF')
})

test.each([
  [
    '{{ json(x).id }} {{ fromJson(x).list[0] }} {{ json(x).small + 1 }}',
    '9007199254740993 -12345678901234567890 8',
  ],
  [
    '{{ toJson(json(x)) }}',
    '{"float":1.5,"id":9007199254740993,"list":[-12345678901234567890],"small":7}',
  ],
  [
    '{{ json(x) | dump }}',
    '{"float":1.5,"id":9007199254740993,"list":[-12345678901234567890],"small":7}',
  ],
  ['{{ toPrettyJson(json(x).list) }}', '[\n  -12345678901234567890\n]'],
  ['{{ json(x).list | dump(1) }}', '[\n -12345678901234567890\n]'],
  [
    '{{ "9007199254740993" | int }} {{ "7x" | int }} {{ "-9007199254740993.5" | int }}',
    '9007199254740993 7 -9007199254740993',
  ],
  ['{{ json(x).id == "9007199254740993" }} {{ json(x).id > json(x).small }}', 'true true'],
  ['{{ add(json(x).id, 1) }}', '9007199254740994'],
])('integers beyond 2^53 keep their digits: %s', async (template, text) => {
  const x =
    '{"id": 9007199254740993, "list": [-12345678901234567890], "small": 7, "float": 1.5, "small": 7}'
  const outcome = await render(`{% set x = getv("/x") %}${template}`, { '/x': x })
  expect(outcome.message).toBeUndefined()
  expect(outcome.text).toBe(text)
})

test.each([
  [
    'arithmetic with one is an error, not a rounded result',
    '{{ json(getv("/x")).id + 1 }}',
    'BigInt',
  ],
  ['a number that no float64 can be', '{{ json(getv("/y")).id }}', 'out of range'],
  ['a text that is nested too deeply', '{{ fromJson(getv("/z")) }}', 'nested deeper than 1000'],
])('%s', async (_, template, message) => {
  const keys = {
    '/x': '{"id": 9007199254740993}',
    '/y': '{"id": 1e999}',
    '/z': '['.repeat(5000) + ']'.repeat(5000),
  }
  expect((await render(template, keys)).message).toContain(message)
})
