// Sorting. No function changes a list in place.
import { compareText } from '../../core/key.ts'
import { raise } from '../../core/fault.ts'
import { byteLength } from '../bytes.ts'
import { define, type TemplateFunction } from './define.ts'
import { naturally } from './natural.ts'
import { Pair } from './pair.ts'
import { typeInWords, listParam, pairsParam, textParam, textsParam } from './params.ts'

/** Returns the value at a path such as `port` or `meta.version` in an item. A name may begin with a capital letter. */
function fieldOf(item: unknown, path: string): unknown {
  let value: unknown = item
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    const isOwn = Object.hasOwn(value, name) || value instanceof Pair
    const found: unknown = isOwn ? (value as Readonly<Record<string, unknown>>)[name] : undefined
    value = typeof found === 'function' ? undefined : found
  }
  return value
}

type Sortable = number | bigint | string

/** Numbers come before strings. */
function compare(a: Sortable, b: Sortable): number {
  if (typeof a === 'string') return typeof b === 'string' ? compareText(a, b) : 1
  if (typeof b === 'string') return -1
  return a < b ? -1 : a > b ? 1 : 0
}

const NUMBERED = {
  '/s/0': 'a',
  '/s/1': 'b',
  '/s/2': 'c',
  '/s/10': 'd',
}

export const sortFunctions: readonly TemplateFunction[] = [
  define('reverse', {
    params: [listParam('list')],
    doc: 'The list in reverse order. The filter `reverse` comes from nunjucks and does the same.',
    examples: [
      {
        nunjucks: 'reverse(["a", "b", "c"])',
        go: 'reverse (split "a,b,c" ",")',
        result: ['c', 'b', 'a'],
      },
    ],
    run: (_, items) => items.toReversed(),
  }),
  define('sortByLength', {
    params: [textsParam('list')],
    doc: 'The strings of a list, shortest first; strings of equal length (in bytes) keep their order.',
    filter: 0,
    examples: [
      {
        nunjucks: 'sortByLength(["ccc", "b", "a", "dd"])',
        go: 'sortByLength (split "ccc b a dd" " ")',
        result: ['b', 'a', 'dd', 'ccc'],
      },
    ],
    run: (_, items) => items.toSorted((a, b) => byteLength(a) - byteLength(b)),
  }),
  define('sortKVByLength', {
    params: [pairsParam('pairs')],
    doc: 'The pairs of a list, shortest key first.',
    filter: 0,
    examples: [
      {
        nunjucks: 'sortKVByLength(gets("/app/[hp]*"))',
        go: 'sortKVByLength (gets "/app/[hp]*")',
        result: [
          { Key: '/app/host', Value: 'example.com' },
          { Key: '/app/port', Value: '8080' },
        ],
      },
    ],
    run: (_, items) => items.toSorted((a, b) => byteLength(a.key) - byteLength(b.key)),
  }),
  define('sortNatural', {
    params: [listParam('list')],
    doc: 'Sorts strings, or pairs by their keys, with embedded numbers by value: `web2` before `web10`. So the items of a list in a keys file (`/list/0`, `/list/1`, ...) keep their order.',
    filter: 0,
    examples: [
      {
        nunjucks: 'sortNatural(["web10", "web2", "db"])',
        go: 'sortNatural (split "web10,web2,db" ",")',
        result: ['db', 'web2', 'web10'],
      },
      {
        nunjucks: 'sortNatural(ls("/s"))',
        go: 'sortNatural (ls "/s")',
        keys: NUMBERED,
        result: ['0', '1', '2', '10'],
      },
      {
        nunjucks: 'sortNatural(gets("/s/*"))[3].value',
        go: '(index (sortNatural (gets "/s/*")) 3).Value',
        keys: NUMBERED,
        result: 'd',
      },
    ],
    run: (_, items) => {
      const keyed = items.map((item) => {
        const key = item instanceof Pair ? item.key : item
        return typeof key === 'string'
          ? { key, item }
          : raise('template', `sortNatural sorts strings and pairs, not ${typeInWords(item)}`)
      })
      return keyed.sort((a, b) => naturally(a.key, b.key)).map(({ item }) => item)
    },
  }),
  define('sortBy', {
    params: [textParam('field'), listParam('list')],
    doc: 'Sorts the items of a list by a field, such as `port` or `meta.version`: numbers by value, strings by bytes. An item without the field is an error.',
    filter: 1,
    examples: [
      {
        nunjucks: 'jsonArray(\'[{"n": 10}, {"n": 9}]\') | sortBy("n")',
        go: 'jsonArray `[{"n": 10}, {"n": 9}]` | sortBy "n"',
        result: [{ n: 9 }, { n: 10 }],
      },
      {
        nunjucks: 'sortBy("Value", gets("/app/[hp]*"))[0].key',
        go: '(index (sortBy "Value" (gets "/app/[hp]*")) 0).Key',
        result: '/app/port',
      },
      {
        nunjucks: 'sortBy("none", gets("/app/*"))',
        go: 'sortBy "none" (gets "/app/*")',
        error: 'sortBy: item 1 has no field "none" with a string or a number',
        goError: 'item 1 has no field "none" with a string or a number',
      },
    ],
    run: (_, field, items) => {
      const keyed = items.map((item, i) => {
        const key = fieldOf(item, field)
        return typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint'
          ? { key, item }
          : raise('template', `sortBy: ${noField(i, field)}`)
      })
      return keyed.sort((a, b) => compare(a.key, b.key)).map(({ item }) => item)
    },
  }),
]

/** Returns the message for both languages. @param at index of the item */
export const noField = (at: number, field: string): string =>
  `item ${at + 1} has no field "${field}" with a string or a number`
