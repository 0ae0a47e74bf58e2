// Quoting, indenting, trimming, and upper and lower case. Most functions come from the active fork of confd. Strings
// are bytes, as in Go.
import { raise } from '../../core/fault.ts'
import { byteLength, fromBinary, toBinary } from '../bytes.ts'
import { quote } from '../go/format/quote.ts'
import { camelCase, joinWords } from './cases.ts'
import { define } from './define.ts'
import { intParam, textParam, type Int } from './params.ts'
import { toUpper } from './unicode.ts'

/** Maximum size of a result, in bytes. */
const LARGEST = 64 * 1024 * 1024

function repeat(name: string, count: Int, s: string): string {
  if (count <= 0) return ''
  if (Number(count) * byteLength(s) > LARGEST) raise('template', `${name}: the result is too large`)
  return s.repeat(Number(count))
}

/** Indents every line, including empty ones; an empty string remains empty. */
function indent(name: string, count: Int, s: string): string {
  const pad = repeat(name, count, ' ')
  const lines = s.split('\n')
  if (lines.length * pad.length + s.length > LARGEST)
    raise('template', `${name}: the result is too large`)
  return s === '' ? '' : lines.map((line) => pad + line).join('\n')
}

/** Go's unicode.IsSpace, which includes U+0085, but not the byte order mark. */
const SPACE = /\p{White_Space}/u

function trimSpace(s: string): string {
  let [start, end] = [0, s.length]
  while (start < end && SPACE.test(s.charAt(start))) start++
  while (end > start && SPACE.test(s.charAt(end - 1))) end--
  return s.slice(start, end)
}

/** Go's strings.Title: capitalizes a letter that does not follow a letter, a digit or `_`. */
const titleCase = (s: string): string =>
  s.replace(/[\p{L}\p{N}_]+/gu, (word) => {
    const [first = '', ...rest] = word
    return toUpper(first) + rest.join('')
  })

export const textFunctions = [
  define('quote', {
    params: [textParam('s')],
    doc: "The text in double quotes, with Go's escapes. Do not use it for a shell, which expands `$` inside the quotes; use `shellquote`.",
    filter: 0,
    examples: [
      { nunjucks: 'quote("say \\"hi\\"")', go: 'quote "say \\"hi\\""', result: '"say \\"hi\\""' },
      { nunjucks: '"a\\tb" | quote', go: '"a\\tb" | quote', result: '"a\\tb"' },
    ],
    run: (_, s) => fromBinary(quote(toBinary(s))),
  }),
  define('squote', {
    params: [textParam('s')],
    doc: 'The text in single quotes, with inner single quotes doubled, for YAML and SQL. For a shell, use `shellquote`.',
    filter: 0,
    examples: [{ nunjucks: 'squote("it\'s")', go: 'squote "it\'s"', result: "'it''s'" }],
    run: (_, s) => `'${s.replaceAll("'", "''")}'`,
  }),
  define('shellquote', {
    params: [textParam('s')],
    doc: 'The text as one word of a POSIX shell: in double quotes, with a backslash before `"`, `\\`, `$` and the backquote. systemd can read it in an `EnvironmentFile=`, too. A NUL byte is an error, because no variable can contain it.',
    filter: 0,
    examples: [
      {
        nunjucks: 'shellquote("say $(id)")',
        go: 'shellquote "say $(id)"',
        result: '"say \\$(id)"',
      },
      { nunjucks: '"it\'s" | shellquote', go: '"it\'s" | shellquote', result: '"it\'s"' },
      {
        nunjucks: 'shellquote(base64Decode("AA=="))',
        go: 'shellquote (base64Decode "AA==")',
        error: 'shellquote: the text contains a NUL byte',
      },
    ],
    run: (_, s) => {
      if (s.includes('\0')) raise('template', 'shellquote: the text contains a NUL byte')
      return `"${s.replace(/["\\$`]/g, '\\$&')}"`
    },
  }),
  define('repeat', {
    params: [intParam('count'), textParam('s')],
    doc: '`s` repeated `count` times; nothing if `count` is negative.',
    filter: 1,
    examples: [
      { nunjucks: 'repeat(3, "ab")', go: 'repeat 3 "ab"', result: 'ababab' },
      { nunjucks: '"-" | repeat(5)', go: '"-" | repeat 5', result: '-----' },
      { nunjucks: 'repeat(-1, "a")', go: 'repeat -1 "a"', result: '' },
    ],
    run: (_, count, s) => repeat('repeat', count, s),
  }),
  define('indent', {
    params: [intParam('count'), textParam('s')],
    doc: 'Indents every line. The filter `indent` comes from nunjucks and does not indent the first line: `s | indent(4)`.',
    examples: [
      {
        nunjucks: 'indent(2, "a:\\n- b")',
        go: '"a:\\n- b" | indent 2',
        result: '  a:\n  - b',
      },
    ],
    run: (_, count, s) => indent('indent', count, s),
  }),
  define('nindent', {
    params: [intParam('count'), textParam('s')],
    doc: 'A newline, then the text with every line indented.',
    filter: 1,
    examples: [
      { nunjucks: 'nindent(2, "a\\nb")', go: 'nindent 2 "a\\nb"', result: '\n  a\n  b' },
      { nunjucks: '"a" | nindent(1)', go: '"a" | nindent 1', result: '\n a' },
    ],
    run: (_, count, s) => `\n${indent('nindent', count, s)}`,
  }),
  define('trim', {
    params: [textParam('s')],
    doc: '`s` without white space at both ends. The filter `trim` comes from nunjucks and does the same.',
    examples: [{ nunjucks: 'trim("  a b\\n")', go: 'trim "  a b\\n"', result: 'a b' }],
    run: (_, s) => trimSpace(s),
  }),
  define('trunc', {
    params: [intParam('count'), textParam('s')],
    doc: 'The first `count` characters of `s`, or the last ones if `count` is negative.',
    filter: 1,
    examples: [
      { nunjucks: 'trunc(3, "größe")', go: 'trunc 3 "größe"', result: 'grö' },
      { nunjucks: '"haproxy" | trunc(-5)', go: '"haproxy" | trunc -5', result: 'proxy' },
    ],
    run: (_, count, s) => {
      const chars = [...s]
      return count < 0
        ? chars.slice(Number(count)).join('')
        : chars.slice(0, Number(count)).join('')
    },
  }),
  define('title', {
    params: [textParam('s')],
    doc: 'Capitalizes each word and leaves the rest unchanged. The filter `title` comes from nunjucks and converts the rest to lower case.',
    examples: [
      {
        nunjucks: 'title("web server-2 db")',
        go: 'title "web server-2 db"',
        result: 'Web Server-2 Db',
      },
    ],
    run: (_, s) => titleCase(s.toWellFormed()),
  }),
  define('nospace', {
    params: [textParam('s')],
    doc: 'Removes all white space.',
    filter: 0,
    examples: [{ nunjucks: 'nospace(" a b\\n")', go: 'nospace " a b\\n"', result: 'ab' }],
    run: (_, s) => s.toWellFormed().replace(/\p{White_Space}/gu, ''),
  }),
  define('snakecase', {
    params: [textParam('s')],
    doc: 'The words of the text in lower case, joined by `_`. Words end at `_`, `-`, blanks and before capital letters.',
    filter: 0,
    examples: [
      {
        nunjucks: 'snakecase("maxIdleConns")',
        go: 'snakecase "maxIdleConns"',
        result: 'max_idle_conns',
      },
      {
        nunjucks: '"HTTP-Server" | snakecase',
        go: '"HTTP-Server" | snakecase',
        result: 'http_server',
      },
    ],
    run: (_, s) => joinWords(s, '_'),
  }),
  define('camelcase', {
    params: [textParam('s')],
    doc: 'Joins the words of the text and capitalizes all but the first.',
    filter: 0,
    examples: [
      {
        nunjucks: 'camelcase("max_idle_conns")',
        go: 'camelcase "max_idle_conns"',
        result: 'maxIdleConns',
      },
    ],
    run: (_, s) => camelCase(s),
  }),
  define('kebabcase', {
    params: [textParam('s')],
    doc: 'The words of the text in lower case, joined by `-`.',
    filter: 0,
    examples: [
      {
        nunjucks: 'kebabcase("maxIdleConns")',
        go: 'kebabcase "maxIdleConns"',
        result: 'max-idle-conns',
      },
    ],
    run: (_, s) => joinWords(s, '-'),
  }),
]
