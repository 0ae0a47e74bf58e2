// Look-ups of keys, relative to the prefix of the resource. Every look-up is recorded.
import { compareText, storeOf, storeRoot, toKey, type Key } from '../../core/key.ts'
import { joined, ofEach, type Runs } from '../../core/matches.ts'
import { FaultError, raise } from '../../core/fault.ts'
import { shortened } from '../../core/words.ts'
import type { RenderContext } from '../context.ts'
import { foreignKey } from '../foreign/services.ts'
import { define } from './define.ts'
import { Pair } from './pair.ts'
import { numberParam, optionalParam, textParam, textOrNumberParam } from './params.ts'
import { base } from './paths.ts'

const pairsOf = ofEach(({ key, value }) => new Pair(key, value))

export const toPairs = (runs: Runs): Pair[] => joined(pairsOf(runs))

/** Returns the value of a key. If the key is missing, throws a fault with the key, its full path, and a hint. */
export function demand(
  { reader }: RenderContext,
  key: string,
  hint: (key: string) => string,
): string {
  const value = reader.get(key)
  if (value !== undefined) return value
  // A key that begins with the name of a store is written without a leading slash.
  const own = shortened(storeOf(key) === undefined ? toKey(key) : toKey(key).slice(1), 1000)
  const place = shortened(placeOf(reader.fullKey(key), reader.scope.store), 1000)
  return raise('template', `key "${own}" does not exist (full path ${place})`, {
    hint: reader.isWatched(key)
      ? reader.children(key).length > 0
        ? `"${own}" is a directory: list it with gets("${own}/*") or ls("${own}")`
        : hint(own)
      : `the resource's keys do not include this key: add "${own}" or a directory above it to keys = [...]`,
  })
}

/** Returns the path of a key in its store and the name of the store, as in `/a in etcdv3`. */
function placeOf(full: Key, byDefault: string): string {
  const named = storeOf(full)
  return named === undefined
    ? `${full} in ${byDefault}`
    : `${toKey(full.slice(storeRoot(named).length))} in ${named}`
}

export const lookupFunctions = [
  define('getv', {
    params: [textParam('key'), optionalParam(textParam('default'))],
    doc: 'The value of the key. A missing key without a default is an error.',
    filter: 0,
    examples: [
      { nunjucks: 'getv("/app/port")', go: 'getv "/app/port"', result: '8080' },
      {
        nunjucks: 'getv("/app/missing", "none")',
        go: 'getv "/app/missing" "none"',
        result: 'none',
      },
      {
        nunjucks: 'getv("/app/missing")',
        go: 'getv "/app/missing"',
        error: 'key "/app/missing" does not exist (full path /app/missing in file)',
      },
    ],
    run: (context, key, otherwise) =>
      otherwise === undefined
        ? demand(context, key, (own) => `give a default: getv("${own}", "..."), or add the key`)
        : (context.reader.get(key) ?? otherwise),
  }),
  define('get', {
    params: [textParam('key')],
    doc: 'The pair: `.key` and `.value` (or `.Key` and `.Value`). A missing key is an error.',
    examples: [
      {
        nunjucks: 'get("/app/port")',
        go: 'get "/app/port"',
        result: { Key: '/app/port', Value: '8080' },
      },
      { nunjucks: 'get("/app/port").Value', go: '(get "/app/port").Value', result: '8080' },
    ],
    run: (context, key) => {
      const value = demand(context, key, (own) => `check exists("${own}") first, or add the key`)
      return new Pair(toKey(key), value)
    },
  }),
  define('exists', {
    params: [textParam('key')],
    doc: 'True if the key has a value. A directory is not a key.',
    examples: [
      { nunjucks: 'exists("/app/port")', go: 'exists "/app/port"', result: true },
      { nunjucks: 'exists("/app")', go: 'exists "/app"', result: false },
    ],
    run: ({ reader }, key) => reader.get(key) !== undefined,
  }),
  define('gets', {
    params: [textParam('pattern')],
    doc: 'The pairs with a key that matches the pattern, in key order: `*` and `?` match within one level, `[a-z]` is a set. Without a match the list is empty.',
    examples: [
      {
        nunjucks: 'gets("/services/web/*")',
        go: 'gets "/services/web/*"',
        result: [
          { Key: '/services/web/a', Value: '10.0.0.1:80' },
          { Key: '/services/web/b', Value: '10.0.0.2:80' },
        ],
      },
      { nunjucks: 'gets("/nothing/*") | length', go: 'len (gets "/nothing/*")', result: 0 },
    ],
    run: ({ reader }, pattern) => toPairs(reader.match(pattern)),
  }),
  define('getvs', {
    params: [textParam('pattern')],
    doc: 'The values of the keys that match the pattern, sorted by value.',
    examples: [
      {
        nunjucks: 'getvs("/services/web/*")',
        go: 'getvs "/services/web/*"',
        result: ['10.0.0.1:80', '10.0.0.2:80'],
      },
      {
        nunjucks: 'getvs("/app/[hp]*")',
        go: 'getvs "/app/[hp]*"',
        result: ['8080', 'example.com'],
      },
    ],
    run: ({ reader }, pattern) =>
      reader
        .match(pattern)
        .flat()
        .map((pair) => pair.value)
        .sort(compareText),
  }),
  define('range', {
    params: [
      textOrNumberParam('from'),
      optionalParam(numberParam('stop')),
      optionalParam(numberParam('step')),
    ],
    doc: 'With a key: all pairs below it, at every depth, in key order. With numbers: the integers from `from` up to, but not including, `stop`.',
    only: 'nunjucks',
    examples: [
      {
        nunjucks: 'range("/services/web")',
        result: [
          { Key: '/services/web/a', Value: '10.0.0.1:80' },
          { Key: '/services/web/b', Value: '10.0.0.2:80' },
        ],
      },
      { nunjucks: 'range("/nothing")', result: [] },
      { nunjucks: 'range(3)', result: [0, 1, 2] },
      { nunjucks: 'range(2, 10, 3)', result: [2, 5, 8] },
    ],
    run: ({ reader }, from, stop, step) =>
      typeof from === 'string' ? toPairs(reader.under(from)) : count(from, stop, step),
  }),
  define('ls', {
    params: [textParam('dir')],
    doc: 'The names of the keys and directories directly below a directory, in order; for a key, also its own name.',
    examples: [
      { nunjucks: 'ls("/services")', go: 'ls "/services"', result: ['api', 'web'] },
      { nunjucks: 'ls("/nothing")', go: 'ls "/nothing"', result: [] },
    ],
    run: ({ reader }, dir) => {
      const foreign = reader.sees(toKey(dir)) ? undefined : foreignKey('ls', dir)
      if (foreign !== undefined) throw new FaultError(foreign)
      const names = new Set(reader.children(dir))
      if (reader.get(dir) !== undefined) names.add(base(toKey(dir)))
      return [...names].sort(compareText)
    },
  }),
  define('lsdir', {
    params: [textParam('dir')],
    doc: 'The names of the directories directly below a directory.',
    examples: [
      { nunjucks: 'lsdir("/services")', go: 'lsdir "/services"', result: ['api', 'web'] },
      { nunjucks: 'lsdir("/services/web")', go: 'lsdir "/services/web"', result: [] },
    ],
    run: ({ reader }, dir) => reader.directories(dir),
  }),
]

function count(from: number, stop: number | undefined, step: number | undefined): number[] {
  const [first, end] = stop === undefined ? [0, from] : [from, stop]
  const stride = step ?? 1
  if (stride === 0) raise('template', 'range: the step must not be 0')
  const length = Math.max(0, Math.ceil((end - first) / stride))
  if (!(length <= MAX_COUNT)) raise('template', `range: more than ${MAX_COUNT} numbers`)
  return Array.from({ length }, (_, i) => first + i * stride)
}

const MAX_COUNT = 10_000_000
