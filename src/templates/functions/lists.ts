// Lists and maps. Nothing is sorted or turned in place: two uses of one list see the same order.
import { raise } from '../../core/fault.ts'
import { byteLength } from '../bytes.ts'
import { define } from './define.ts'
import { list, pairs, texts } from './params.ts'

export const lists = [
  define('reverse', {
    params: [list('list')],
    doc: 'The list from its end. The filter `reverse` is that of nunjucks and does the same.',
    examples: [{ expression: 'reverse(["a", "b", "c"])', result: ['c', 'b', 'a'] }],
    run: (_, items) => items.toReversed(),
  }),
  define('sortByLength', {
    params: [texts('list')],
    doc: 'The strings of a list, shortest first; those of one length (in bytes) keep their order.',
    filter: true,
    examples: [
      { expression: 'sortByLength(["ccc", "b", "a", "dd"])', result: ['b', 'a', 'dd', 'ccc'] },
    ],
    run: (_, items) => items.toSorted((a, b) => byteLength(a) - byteLength(b)),
  }),
  define('sortKVByLength', {
    params: [pairs('pairs')],
    doc: 'The pairs of a list, shortest key first.',
    filter: true,
    examples: [
      {
        expression: 'sortKVByLength(gets("/app/[hp]*"))',
        result: [
          { key: '/app/host', value: 'example.com' },
          { key: '/app/port', value: '8080' },
        ],
      },
    ],
    run: (_, items) => items.toSorted((a, b) => byteLength(a.key) - byteLength(b.key)),
  }),
  define('map', {
    params: [],
    variadic: true,
    doc: 'An object made of keys and values in turn.',
    examples: [
      { expression: 'map("name", "web", "port", 80)', result: { name: 'web', port: 80 } },
      { expression: 'map("name")', error: 'map takes keys and values in turn, got 1 argument' },
    ],
    run: (_, ...items) => {
      if (items.length % 2 !== 0) {
        const s = items.length === 1 ? '' : 's'
        raise('template', `map takes keys and values in turn, got ${items.length} argument${s}`)
      }
      // No prototype: a key such as `constructor` or `__proto__` is a key like any other.
      const made = Object.create(null) as Record<string, unknown>
      for (let i = 0; i < items.length; i += 2) {
        const key = items[i]
        if (typeof key !== 'string') raise('template', `map: argument ${i + 1} must be a string`)
        made[key] = items[i + 1]
      }
      return made
    },
  }),
]
