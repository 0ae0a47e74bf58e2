// Lists. Nothing is sorted or turned in place: two uses of one list see the same order.
import { byteLength } from '../bytes.ts'
import { define } from './define.ts'
import { any, list, pairs, texts } from './params.ts'

export const lists = [
  define('reverse', {
    params: [list('list')],
    doc: 'The list from its end. The filter `reverse` is that of nunjucks and does the same.',
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
    params: [texts('list')],
    doc: 'The strings of a list, shortest first; those of one length (in bytes) keep their order.',
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
    params: [pairs('pairs')],
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
  define('list', {
    params: [],
    variadic: true,
    doc: 'A list of the arguments. The filter `list` is that of nunjucks, which takes a string apart.',
    examples: [{ nunjucks: 'list("a", 1)', go: 'list "a" 1', result: ['a', 1] }],
    run: (_, ...items) => items,
  }),
  define('append', {
    params: [list('list'), any('item')],
    doc: 'A new list with one more item at its end.',
    filter: 0,
    examples: [
      { nunjucks: 'append(list("a"), "b")', go: 'append (list "a") "b"', result: ['a', 'b'] },
    ],
    run: (_, items, item) => [...items, item],
  }),
]
