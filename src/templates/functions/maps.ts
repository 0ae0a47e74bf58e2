// Maps from names to values. New maps have no prototype, so `constructor` is a name like any other.
import { compareText } from '../../core/key.ts'
import { raise } from '../../core/fault.ts'
import { counted } from '../../core/words.ts'
import { define } from './define.ts'
import { typeInWords, isMap, mapParam, textParam, type Mapping } from './params.ts'

function make(name: string, items: readonly unknown[]): Mapping {
  if (items.length % 2 !== 0) {
    const got = counted(items.length, 'argument')
    raise('template', `${name} takes alternating keys and values, got ${got}`)
  }
  const made = Object.create(null) as Record<string, unknown>
  for (let i = 0; i < items.length; i += 2) {
    const key = items[i]
    if (typeof key !== 'string') raise('template', `${name}: argument ${i + 1} must be a string`)
    made[key] = items[i + 1]
  }
  return made
}

/** Merges two maps recursively; the values of the first map win. */
function merged(first: Mapping, second: Mapping): Mapping {
  const made = Object.assign(Object.create(null) as Record<string, unknown>, second)
  for (const [key, value] of Object.entries(first)) {
    const other = Object.hasOwn(made, key) ? made[key] : undefined
    made[key] = isMap(value) && isMap(other) ? merged(value, other) : value
  }
  return made
}

const keysOf = (map: Mapping): string[] => Object.keys(map).sort(compareText)

export const mapFunctions = [
  define('map', {
    params: [],
    variadic: true,
    doc: 'A map built from alternating keys and values.',
    examples: [
      {
        nunjucks: 'map("name", "web", "port", 80)',
        go: 'map "name" "web" "port" 80',
        result: { name: 'web', port: 80 },
      },
      {
        nunjucks: 'map("name")',
        go: 'map "name"',
        error: 'map takes alternating keys and values, got 1 argument',
        goError: 'invalid map call',
      },
    ],
    run: (_, ...items) => make('map', items),
  }),
  define('dict', {
    params: [],
    variadic: true,
    doc: 'Same as `map`.',
    examples: [{ nunjucks: 'dict("a", 1).a', go: '(dict "a" 1).a', result: 1 }],
    run: (_, ...items) => make('dict', items),
  }),
  define('hasKey', {
    params: [mapParam('map'), textParam('key')],
    doc: 'True if the map has the key.',
    filter: 0,
    examples: [
      {
        nunjucks: 'hasKey(json(getv("/app/config")), "tls")',
        go: 'hasKey (json (getv "/app/config")) "tls"',
        result: true,
      },
      { nunjucks: 'dict("a", 1) | hasKey("b")', go: 'hasKey (dict "a" 1) "b"', result: false },
    ],
    run: (_, map, key) => Object.hasOwn(map, key),
  }),
  define('keys', {
    params: [mapParam('map')],
    doc: 'The keys of a map, sorted.',
    filter: 0,
    examples: [
      { nunjucks: 'keys(dict("b", 1, "a", 2))', go: 'keys (dict "b" 1 "a" 2)', result: ['a', 'b'] },
    ],
    run: (_, map) => keysOf(map),
  }),
  define('values', {
    params: [mapParam('map')],
    doc: 'The values of a map, in the order of its sorted keys.',
    filter: 0,
    examples: [
      {
        nunjucks: 'dict("b", 1, "a", 2) | values',
        go: 'dict "b" 1 "a" 2 | values',
        result: [2, 1],
      },
    ],
    run: (_, map) => keysOf(map).map((key) => map[key]),
  }),
  define('mergeMap', {
    params: [mapParam('first'), mapParam('second')],
    doc: 'A map with the entries of both. If both have a key, the first map wins, so in a pipeline the defaults come from the left. Nested maps are merged in the same way.',
    filter: 1,
    examples: [
      {
        nunjucks:
          'mergeMap(json(\'{"a": 1, "m": {"x": 1}}\'), json(\'{"a": 2, "b": 3, "m": {"y": 2}}\'))',
        go: 'json `{"a": 2, "b": 3, "m": {"y": 2}}` | mergeMap (json `{"a": 1, "m": {"x": 1}}`)',
        result: { a: 1, b: 3, m: { x: 1, y: 2 } },
      },
    ],
    run: (_, first, second) => merged(first, second),
  }),
  define('pluck', {
    params: [textParam('key')],
    variadic: true,
    doc: 'The values of a key in the following maps; maps without the key are skipped.',
    examples: [
      {
        nunjucks: 'pluck("a", dict("a", 1), dict("b", 2), dict("a", 3))',
        go: 'pluck "a" (dict "a" 1) (dict "b" 2) (dict "a" 3)',
        result: [1, 3],
      },
    ],
    run: (_, key, ...rest) =>
      rest.flatMap((map, i) => {
        if (!isMap(map)) {
          raise('template', `pluck: argument ${i + 2} must be a map, got ${typeInWords(map)}`)
        }
        return Object.hasOwn(map, key) ? [map[key]] : []
      }),
  }),
]
