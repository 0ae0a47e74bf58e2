// Parses and encodes JSON. Parsed objects have no prototype, so that no name is special. Their names are sorted, so
// that the order of the members in the input does not matter. Integers keep all digits.
import { brokenAt, parseJson } from '../../core/json.ts'
import { compareText } from '../../core/key.ts'
import { raise } from '../../core/fault.ts'
import { define } from './define.ts'
import { encode } from './encode.ts'
import { anyParam, typeInWords, textParam } from './params.ts'

export const jsonFunctions = [
  define('json', {
    params: [textParam('s')],
    doc: 'Parses a JSON object; its keys are sorted.',
    filter: 0,
    examples: [
      {
        nunjucks: 'json(getv("/app/config")).tls',
        go: '(json (getv "/app/config")).tls',
        result: true,
      },
      {
        nunjucks: `'{"b": [1, null], "a": "x"}' | json`,
        go: 'json `{"b": [1, null], "a": "x"}`',
        result: { a: 'x', b: [1, null] },
      },
      {
        nunjucks: 'json("[1]")',
        go: 'json "[1]"',
        error: 'json: the text is a list, not an object',
        goError: 'json: cannot unmarshal array into Go value of type map[string]interface {}',
      },
      {
        nunjucks: 'json("{")',
        go: 'json "{"',
        error: 'json: the text is not valid JSON: it ends too early',
        goError: 'unexpected end of JSON input',
      },
    ],
    run: (_, s) => {
      const value: unknown = parse('json', s) ?? Object.create(null)
      const fits = typeof value === 'object' && !Array.isArray(value)
      return fits
        ? value
        : raise('template', `json: the text is ${typeInWords(value)}, not an object`)
    },
  }),
  define('jsonArray', {
    params: [textParam('s')],
    doc: 'Parses a JSON list.',
    filter: 0,
    examples: [
      { nunjucks: `jsonArray('["a", "b"]')`, go: 'jsonArray `["a", "b"]`', result: ['a', 'b'] },
      {
        nunjucks: 'jsonArray("{}")',
        go: 'jsonArray "{}"',
        error: 'jsonArray: the text is an object, not a list',
        goError: 'json: cannot unmarshal object into Go value of type []interface {}',
      },
    ],
    run: (_, s) => {
      const value = parse('jsonArray', s) ?? []
      return Array.isArray(value)
        ? (value as unknown[])
        : raise('template', `jsonArray: the text is ${typeInWords(value)}, not a list`)
    },
  }),
  define('fromJson', {
    params: [textParam('s')],
    doc: 'Parses any JSON: a map, list, string, number, boolean or null. In nunjucks, integers of any size keep their digits; in Go, every number is a float64, as in confd.',
    filter: 0,
    examples: [
      { nunjucks: 'fromJson("[1, 2]")', go: 'fromJson "[1, 2]"', result: [1, 2] },
      { nunjucks: '"7" | fromJson', go: '"7" | fromJson', result: 7 },
      { nunjucks: 'fromJson("9007199254740993") ~ ""', result: '9007199254740993' },
    ],
    run: (_, s) => parse('fromJson', s),
  }),
  define('toJson', {
    params: [anyParam('value')],
    doc: 'A value as JSON on one line, as Go writes it: with sorted keys, and `<`, `>` and `&` escaped.',
    filter: 0,
    examples: [
      {
        nunjucks: 'toJson(dict("b", 1, "a", "x<y"))',
        go: 'toJson (dict "b" 1 "a" "x<y")',
        result: '{"a":"x\\u003cy","b":1}',
      },
      {
        nunjucks: 'get("/app/port") | toJson',
        go: 'get "/app/port" | toJson',
        result: '{"Key":"/app/port","Value":"8080"}',
      },
    ],
    run: (_, value) => encode(value),
  }),
  define('toPrettyJson', {
    params: [anyParam('value')],
    doc: 'A value as JSON, indented by two spaces.',
    filter: 0,
    examples: [
      {
        nunjucks: 'toPrettyJson(dict("a", list(1, 2), "b", list()))',
        go: 'toPrettyJson (dict "a" (list 1 2) "b" (fromJson "[]"))',
        result: '{\n  "a": [\n    1,\n    2\n  ],\n  "b": []\n}',
      },
    ],
    run: (_, value) => encode(value, '\n'),
  }),
]

function parse(name: string, s: string): unknown {
  try {
    return harmless(read(s), 0)
  } catch (error) {
    if (error instanceof TooDeep || error instanceof RangeError) {
      raise('template', `${name}: the text is nested deeper than ${MAX_DEPTH} levels`)
    }
    if (error instanceof TooLarge) raise('template', `${name}: a number is out of range`)
    const at = brokenAt(s)
    const place =
      at === undefined ? '' : at < s.length ? ` at character ${at + 1}` : ': it ends too early'
    const where = s.trim() === '' ? ': it is empty' : place
    return raise('template', `${name}: the text is not valid JSON${where}`)
  }
}

class TooDeep extends Error {}
class TooLarge extends Error {}

/** Maximum nesting depth, also in the Go engine. The size of indented output grows with the square of the depth. */
export const MAX_DEPTH = 1000

/** Uses JSON.parse unless an integer may exceed 2^53, which has 16 digits: JSON.parse would round such an integer. */
const read = (s: string): unknown =>
  /\d{16}/.test(s) ? parseJson(s, { integer, repeats: true }) : (JSON.parse(s) as unknown)

function integer(digits: string): number | bigint {
  const value = Number(digits)
  return Number.isSafeInteger(value) || !Number.isFinite(value) ? value : BigInt(digits)
}

/** Copies parsed JSON to objects without a prototype and with sorted names; lone surrogates become U+FFFD, as in Go. */
function harmless(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TooLarge()
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) throw new TooDeep()
  if (Array.isArray(value)) return value.map((item) => harmless(item, depth + 1))
  const made = Object.create(null) as Record<string, unknown>
  const members =
    value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value)
  for (const [key, item] of members.sort(([a], [b]) => compareText(a, b))) {
    made[key.toWellFormed()] = harmless(item, depth + 1)
  }
  return made
}
