// Functions for lists. None of them changes a list in place.
import { raise } from '../../core/fault.ts'
import { counted } from '../../core/words.ts'
import { define, type TemplateFunction } from './define.ts'
import { encode } from './encode.ts'
import { anyParam, intParam, listParam, optionalParam } from './params.ts'

/** A string for comparison: equal for numbers of the same value, and for maps and records of the same content. */
function identity(value: unknown): string {
  if (typeof value === 'string' || value instanceof String) return `text ${String(value)}`
  return `value ${encode(value)}`
}

export const listFunctions: readonly TemplateFunction[] = [
  define('has', {
    params: [anyParam('item'), listParam('list')],
    doc: 'True if the item is in the list. In nunjucks, the operator `in` does the same: `"b" in list`.',
    filter: 1,
    examples: [
      {
        nunjucks: 'has("b", ["a", "b"])',
        go: 'has "b" (list "a" "b")',
        result: true,
      },
      {
        nunjucks: 'service("shop")[0].tags | has("green")',
        go: '(index (service "shop") 0).Tags | has "green"',
        keys: { '/services/shop/n1:a': '{"name": "shop", "tags": ["blue"]}' },
        result: false,
      },
    ],
    run: (_, item, items) => {
      const wanted = identity(item)
      return items.some((one) => identity(one) === wanted)
    },
  }),
  define('in', {
    params: [listParam('list'), anyParam('item')],
    doc: "The same as `has`, with consul-template's order of arguments.",
    only: 'go',
    examples: [{ go: 'in (list "a" "b") "b"', result: true }],
    run: (_, items, item) => {
      const wanted = identity(item)
      return items.some((one) => identity(one) === wanted)
    },
  }),
  define('uniq', {
    params: [listParam('list')],
    doc: 'The items of a list without duplicates, in the order of their first occurrence.',
    filter: 0,
    examples: [
      {
        nunjucks: 'uniq(["b", "a", "b"])',
        go: 'uniq (split "b,a,b" ",")',
        result: ['b', 'a'],
      },
      { nunjucks: 'uniq([1, "1", 1])', go: 'uniq (list 1 "1" 1)', result: [1, '1'] },
    ],
    run: (_, items) => {
      const seen = new Map<string, unknown>()
      for (const one of items) if (!seen.has(identity(one))) seen.set(identity(one), one)
      return [...seen.values()]
    },
  }),
  define('first', {
    params: [listParam('list')],
    doc: 'The first item; nothing if the list is empty. The filter `first` comes from nunjucks.',
    examples: [
      { nunjucks: 'first(["a", "b"])', go: 'first (list "a" "b")', result: 'a' },
      { nunjucks: 'first([])', go: 'first list', result: null },
    ],
    run: (_, items) => items[0] ?? null,
  }),
  define('last', {
    params: [listParam('list')],
    doc: 'The last item; nothing if the list is empty. The filter `last` comes from nunjucks.',
    examples: [{ nunjucks: 'last(["a", "b"])', go: 'last (list "a" "b")', result: 'b' }],
    run: (_, items) => items.at(-1) ?? null,
  }),
  define('slice', {
    params: [listParam('list'), optionalParam(intParam('from')), optionalParam(intParam('to'))],
    doc: 'The items from `from` up to, but not including, `to`, counted from 0. The filter `slice` comes from nunjucks and divides a list into a number of parts; Go has its own `slice`.',
    only: 'nunjucks',
    examples: [
      { nunjucks: 'slice(["a", "b", "c"], 1)', result: ['b', 'c'] },
      { nunjucks: 'slice(["a", "b", "c"], 0, 2)', result: ['a', 'b'] },
      {
        nunjucks: 'slice(["a"], 0, 2)',
        error: 'slice: the list has 1 item, so 0 to 2 is out of range',
      },
    ],
    run: (_, items, from = 0, to = items.length) => {
      if (from < 0 || to > items.length || from > to) {
        const count = counted(items.length, 'item')
        raise('template', `slice: the list has ${count}, so ${from} to ${to} is out of range`)
      }
      return items.slice(Number(from), Number(to))
    },
  }),
  define('list', {
    params: [],
    variadic: true,
    doc: 'A list of the arguments. The filter `list` comes from nunjucks and splits a string into characters.',
    examples: [{ nunjucks: 'list("a", 1)', go: 'list "a" 1', result: ['a', 1] }],
    run: (_, ...items) => items,
  }),
  define('append', {
    params: [listParam('list'), anyParam('item')],
    doc: 'A new list with one more item at the end.',
    filter: 0,
    examples: [
      { nunjucks: 'append(list("a"), "b")', go: 'append (list "a") "b"', result: ['a', 'b'] },
    ],
    run: (_, items, item) => [...items, item],
  }),
]
