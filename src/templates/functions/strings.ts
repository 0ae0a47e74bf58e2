// Functions for strings, with the same results as Go's `strings`, `path`, `strconv` and `encoding/base64`. If an argument
// contains invalid UTF-8, strings are compared byte by byte, as in Go.
import { decodeValue, encodeText } from '../../core/bytes.ts'
import { raise } from '../../core/fault.ts'
import { fromBinary, toBinary } from '../bytes.ts'
import { includesText, splitAt } from '../search.ts'
import { define } from './define.ts'
import { intParam, optionalParam, textParam, textsParam } from './params.ts'
import { base, dir } from './paths.ts'
import { toLower, toUpper } from './unicode.ts'

/** The hint for consul-template's `contains`, which takes a list. */
const IN_A_LIST = 'for an item of a list, write: in .Tags "a" (Go), "a" in s.tags (nunjucks)'

export const stringFunctions = [
  define('base', {
    params: [textParam('path')],
    doc: 'The last element of a path.',
    filter: 0,
    examples: [
      { nunjucks: 'base("/services/web/a")', go: 'base "/services/web/a"', result: 'a' },
      { nunjucks: 'base("/services/web/")', go: 'base "/services/web/"', result: 'web' },
      { nunjucks: 'base("/")', go: 'base "/"', result: '/' },
      { nunjucks: 'base("")', go: 'base ""', result: '.' },
    ],
    run: (_, path) => base(path),
  }),
  define('dir', {
    params: [textParam('path')],
    doc: 'All but the last element of a path.',
    filter: 0,
    examples: [
      { nunjucks: 'dir("/services/web/a")', go: 'dir "/services/web/a"', result: '/services/web' },
      { nunjucks: 'dir("/services/web/")', go: 'dir "/services/web/"', result: '/services/web' },
      { nunjucks: 'dir("a")', go: 'dir "a"', result: '.' },
    ],
    run: (_, path) => dir(path),
  }),
  define('split', {
    params: [textParam('s'), textParam('sep')],
    doc: 'The parts of `s` between the separators; an empty separator splits into characters.',
    filter: 0,
    examples: [
      { nunjucks: 'split("a,b,,c", ",")', go: 'split "a,b,,c" ","', result: ['a', 'b', '', 'c'] },
      { nunjucks: '"é😀" | split("")', go: 'split "é😀" ""', result: ['é', '😀'] },
      { nunjucks: 'split("", ",")', go: 'split "" ","', result: [''] },
    ],
    run: (_, s, sep) => (sep === '' ? [...s] : bytewise([s, sep], splitAt)),
  }),
  define('join', {
    params: [textsParam('list'), textParam('sep')],
    doc: 'The items of a list, joined by the separator. The filter `join` comes from nunjucks.',
    examples: [
      {
        nunjucks: 'join(getvs("/services/web/*"), " ")',
        go: 'join (getvs "/services/web/*") " "',
        result: '10.0.0.1:80 10.0.0.2:80',
      },
    ],
    run: (_, list, sep) => list.join(sep),
  }),
  define('replace', {
    params: [textParam('s'), textParam('old'), textParam('new'), optionalParam(intParam('n'))],
    doc: 'Replaces the first `n` occurrences, or all if `n` is negative or absent. The filter `replace` comes from nunjucks.',
    examples: [
      { nunjucks: 'replace("a.b.c", ".", "-")', go: 'replace "a.b.c" "." "-" -1', result: 'a-b-c' },
      {
        nunjucks: 'replace("a.b.c", ".", "-", 1)',
        go: 'replace "a.b.c" "." "-" 1',
        result: 'a-b.c',
      },
      {
        nunjucks: 'replace("cost", "cost", "$&", -1)',
        go: 'replace "cost" "cost" "$&" -1',
        result: '$&',
      },
      { nunjucks: 'replace("ab", "", "_", -1)', go: 'replace "ab" "" "_" -1', result: '_a_b_' },
    ],
    run: (_, s, old, by, n = -1) =>
      bytewise([s, old, by], (text, part, other) => replace(text, part, other, Number(n))),
  }),
  define('contains', {
    params: [textParam('s'), { ...textParam('part'), hint: IN_A_LIST }],
    doc: 'True if `s` contains `part`. For an item of a list, use `in`.',
    filter: 0,
    examples: [
      { nunjucks: 'contains("haproxy", "proxy")', go: 'contains "haproxy" "proxy"', result: true },
      {
        nunjucks: 'contains("a", ["a", "b"])',
        go: 'list "a" "b" | contains "a"',
        error: 'contains: argument 2 (part) must be a string, got a list',
      },
    ],
    run: (_, s, part) => bytewise([s, part], includesText),
  }),
  define('toUpper', {
    params: [textParam('s')],
    doc: 'Converts to upper case, character by character as in Go.',
    filter: 0,
    examples: [
      { nunjucks: 'toUpper("über")', go: 'toUpper "über"', result: 'ÜBER' },
      { nunjucks: '"straße" | toUpper', go: 'toUpper "straße"', result: 'STRAßE' },
    ],
    run: (_, s) => toUpper(s.toWellFormed()),
  }),
  define('toLower', {
    params: [textParam('s')],
    doc: 'Converts to lower case, character by character as in Go.',
    filter: 0,
    examples: [{ nunjucks: 'toLower("ΑΣ")', go: 'toLower "ΑΣ"', result: 'ασ' }],
    run: (_, s) => toLower(s.toWellFormed()),
  }),
  define('trimPrefix', {
    params: [textParam('s'), textParam('prefix')],
    doc: '`s` without the prefix; `s` itself if it does not begin with the prefix.',
    filter: 0,
    examples: [
      {
        nunjucks: 'trimPrefix("/app/port", "/app/")',
        go: 'trimPrefix "/app/port" "/app/"',
        result: 'port',
      },
    ],
    run: (_, s, prefix) =>
      bytewise([s, prefix], (text, start) =>
        text.startsWith(start) ? text.slice(start.length) : text,
      ),
  }),
  define('trimSuffix', {
    params: [textParam('s'), textParam('suffix')],
    doc: '`s` without the suffix; `s` itself if it does not end with the suffix.',
    filter: 0,
    examples: [
      {
        nunjucks: 'trimSuffix("web.service", ".service")',
        go: 'trimSuffix "web.service" ".service"',
        result: 'web',
      },
      { nunjucks: 'trimSuffix("web", "")', go: 'trimSuffix "web" ""', result: 'web' },
    ],
    run: (_, s, suffix) =>
      bytewise([s, suffix], (text, end) =>
        text.endsWith(end) ? text.slice(0, text.length - end.length) : text,
      ),
  }),
  define('base64Encode', {
    params: [textParam('s')],
    doc: 'Encodes in base64, with padding.',
    filter: 0,
    examples: [
      { nunjucks: 'base64Encode("grüße")', go: 'base64Encode "grüße"', result: 'Z3LDvMOfZQ==' },
    ],
    run: (_, s) => encodeText(s).toString('base64'),
  }),
  define('base64Decode', {
    params: [textParam('s')],
    doc: 'Decodes base64; bytes that are not UTF-8 are preserved.',
    filter: 0,
    examples: [
      {
        nunjucks: 'base64Decode("Z3LDvMOfZQ==")',
        go: 'base64Decode "Z3LDvMOfZQ=="',
        result: 'grüße',
      },
      {
        nunjucks: '"/wD+" | base64Decode | base64Encode',
        go: 'base64Encode (base64Decode "/wD+")',
        result: '/wD+',
      },
      {
        nunjucks: 'base64Decode("Z3L")',
        go: 'base64Decode "Z3L"',
        error: 'base64Decode: illegal base64 data',
      },
    ],
    run: (_, s) => {
      const data = s.replace(/[\r\n]/g, '')
      const body = data.replace(/={1,2}$/, '')
      if (data.length % 4 !== 0 || /[^A-Za-z0-9+/]/.test(body)) {
        raise('template', 'base64Decode: illegal base64 data')
      }
      return decodeValue(Buffer.from(data, 'base64'))
    },
  }),
  define('parseBool', {
    params: [textParam('s')],
    doc: 'True for `1 t T TRUE true True`, false for `0 f F FALSE false False`, an error for anything else.',
    filter: 0,
    examples: [
      { nunjucks: 'parseBool("t")', go: 'parseBool "t"', result: true },
      { nunjucks: 'parseBool("False")', go: 'parseBool "False"', result: false },
      {
        nunjucks: 'parseBool("yes")',
        go: 'parseBool "yes"',
        error: 'parseBool: the text is not a boolean (1, t, true, 0, f, false)',
      },
    ],
    run: (_, s) =>
      /^(?:1|t|T|TRUE|true|True)$/.test(s) ||
      (!/^(?:0|f|F|FALSE|false|False)$/.test(s) &&
        raise('template', 'parseBool: the text is not a boolean (1, t, true, 0, f, false)')),
  }),
]

/** Runs a function on bytes if one of the strings is invalid UTF-8, so that parts of characters match, as in Go. */
function bytewise<T extends string | string[] | boolean>(
  texts: string[],
  run: (...texts: [string, string, string]) => T,
): T {
  type Texts = [string, string, string]
  if (texts.every((one) => one.isWellFormed())) return run(...(texts as Texts))
  const result = run(...(texts.map(toBinary) as Texts))
  if (typeof result === 'boolean') return result
  return (Array.isArray(result) ? result.map(fromBinary) : fromBinary(result)) as T
}

/** Go's strings.Replace: an empty `old` matches before each character and at the end. */
function replace(s: string, old: string, by: string, n: number): string {
  const parts = old === '' ? ['', ...s, ''] : splitAt(s, old)
  const gaps = parts.length - 1
  const times = n < 0 ? gaps : Math.min(n, gaps)
  if (old === '') {
    return [...s, ''].map((char, i) => (i < times ? by : '') + char).join('')
  }
  return [parts.slice(0, times + 1).join(by), ...parts.slice(times + 1)].join(old)
}
