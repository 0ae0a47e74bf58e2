// Functions that choose a value. As in Go, a value is empty if it is missing, "", 0, false, or a list or map without
// entries.
import { raise } from '../../core/fault.ts'
import { define } from './define.ts'
import { anyParam, booleanParam, isMap, textParam } from './params.ts'

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true
  if (value === 0 || value === 0n) return true
  if (value instanceof String || Array.isArray(value)) return value.length === 0
  return isMap(value) && Object.keys(value).length === 0
}

export const choiceFunctions = [
  define('default', {
    params: [anyParam('otherwise'), anyParam('value')],
    doc: 'The value, or the default if the value is empty. The filter `default` comes from nunjucks: `x | default("a")` keeps `""` and `0`, and `x | default("a", true)` replaces them.',
    examples: [
      {
        nunjucks: 'default("none", getv("/app/missing", ""))',
        go: 'getv "/app/missing" "" | default "none"',
        result: 'none',
      },
      { nunjucks: 'default(1, 0)', go: 'default 1 0', result: 1 },
      { nunjucks: 'default("a", map("k", "b").k)', go: 'default "a" (map "k" "b").k', result: 'b' },
    ],
    run: (_, otherwise, value) => (isEmpty(value) ? otherwise : value),
  }),
  define('ternary', {
    params: [anyParam('yes'), anyParam('no'), booleanParam('condition')],
    doc: 'The first value if the condition is true, otherwise the second.',
    filter: 2,
    examples: [
      { nunjucks: 'ternary("on", "off", true)', go: 'ternary "on" "off" true', result: 'on' },
      {
        nunjucks: 'exists("/app/tls") | ternary("https", "http")',
        go: 'exists "/app/tls" | ternary "https" "http"',
        result: 'http',
      },
      {
        nunjucks: 'ternary("on", "off", "true")',
        go: 'ternary "on" "off" "true"',
        error: 'ternary: argument 3 (condition) must be a boolean, got a string',
        goError: 'expected bool; found "true"',
      },
    ],
    run: (_, yes, no, condition) => (condition ? yes : no),
  }),
  define('coalesce', {
    params: [],
    variadic: true,
    doc: 'The first value that is not empty.',
    filter: 0,
    examples: [
      { nunjucks: 'coalesce("", 0, "c")', go: 'coalesce "" 0 "c"', result: 'c' },
      { nunjucks: 'coalesce(not_set_anywhere, dict("a", 1).b, "c")', result: 'c' },
      { nunjucks: 'coalesce("", [])', go: 'coalesce "" list', result: null },
    ],
    run: (_, ...values) => values.find((value) => !isEmpty(value)) ?? null,
  }),
  define('fail', {
    params: [textParam('message')],
    doc: 'Stops the render with an error message; the old file stays. Use it for values that the template cannot handle. The message goes to the log, so keep secrets out of it.',
    examples: [
      {
        nunjucks: 'fail("no server for " ~ "web")',
        go: 'fail (print "no server for " "web")',
        error: 'no server for web',
      },
    ],
    run: (_, message) => raise('template', message),
  }),
  define('empty', {
    params: [anyParam('value')],
    doc: 'True if the value is missing, `""`, `0`, `false`, or an empty list or map.',
    filter: 0,
    examples: [
      { nunjucks: 'empty("")', go: 'empty ""', result: true },
      { nunjucks: 'not_set_anywhere | empty', result: true },
      {
        nunjucks: 'empty(gets("/services/web/*"))',
        go: 'empty (gets "/services/web/*")',
        result: false,
      },
    ],
    run: (_, value) => isEmpty(value),
  }),
]
