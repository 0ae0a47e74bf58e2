// The active fork's functions on strings: quoting, indenting, cases, hashes. What is a byte in Go is
// a byte here.
import { createHash } from 'node:crypto'
import { encodeText } from '../../core/bytes.ts'
import { raise } from '../../core/fault.ts'
import { byteLength, fromBinary, toBinary } from '../bytes.ts'
import { quote } from '../go/format/quote.ts'
import { camelCase, joinWords } from './cases.ts'
import { define } from './define.ts'
import { int, text, type Int } from './params.ts'

/** Bytes that one call may make. */
const LARGEST = 64 * 1024 * 1024

function repeat(name: string, count: Int, s: string): string {
  if (count <= 0) return ''
  if (Number(count) * byteLength(s) > LARGEST) raise('template', `${name}: the result is too large`)
  return s.repeat(Number(count))
}

/** Blanks before every line, empty ones too; nothing stays nothing. */
function indent(name: string, count: Int, s: string): string {
  const pad = repeat(name, count, ' ')
  const lines = s.split('\n')
  if (lines.length * pad.length + s.length > LARGEST)
    raise('template', `${name}: the result is too large`)
  return s === '' ? '' : lines.map((line) => pad + line).join('\n')
}

export const texts = [
  define('quote', {
    params: [text('s')],
    doc: 'In double quotes, with the escapes of Go, which JSON, YAML and shells mostly share.',
    filter: 0,
    examples: [
      { nunjucks: 'quote("say \\"hi\\"")', go: 'quote "say \\"hi\\""', result: '"say \\"hi\\""' },
      { nunjucks: '"a\\tb" | quote', go: '"a\\tb" | quote', result: '"a\\tb"' },
    ],
    run: (_, s) => fromBinary(quote(toBinary(s))),
  }),
  define('squote', {
    params: [text('s')],
    doc: 'In single quotes, with a single quote inside doubled, as YAML and SQL have it. For a shell there is `shellquote`.',
    filter: 0,
    examples: [{ nunjucks: 'squote("it\'s")', go: 'squote "it\'s"', result: "'it''s'" }],
    run: (_, s) => `'${s.replaceAll("'", "''")}'`,
  }),
  define('repeat', {
    params: [int('count'), text('s')],
    doc: '`s` so many times; nothing when that is negative.',
    filter: 1,
    examples: [
      { nunjucks: 'repeat(3, "ab")', go: 'repeat 3 "ab"', result: 'ababab' },
      { nunjucks: '"-" | repeat(5)', go: '"-" | repeat 5', result: '-----' },
      { nunjucks: 'repeat(-1, "a")', go: 'repeat -1 "a"', result: '' },
    ],
    run: (_, count, s) => repeat('repeat', count, s),
  }),
  define('indent', {
    params: [int('count'), text('s')],
    doc: 'Every line moved to the right. The filter `indent` is that of nunjucks, which leaves the first line: `s | indent(4)`.',
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
    params: [int('count'), text('s')],
    doc: 'Every line moved to the right, behind a new line.',
    filter: 1,
    examples: [
      { nunjucks: 'nindent(2, "a\\nb")', go: 'nindent 2 "a\\nb"', result: '\n  a\n  b' },
      { nunjucks: '"a" | nindent(1)', go: '"a" | nindent 1', result: '\n a' },
    ],
    run: (_, count, s) => `\n${indent('nindent', count, s)}`,
  }),
  define('nospace', {
    params: [text('s')],
    doc: 'Without any white space.',
    filter: 0,
    examples: [{ nunjucks: 'nospace(" a b\\n")', go: 'nospace " a b\\n"', result: 'ab' }],
    run: (_, s) => s.toWellFormed().replace(/\p{White_Space}/gu, ''),
  }),
  define('snakecase', {
    params: [text('s')],
    doc: 'Words in lower case with `_` in between. They are told by `_`, `-`, blanks and capitals.',
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
    params: [text('s')],
    doc: 'Words joined, each but the first with a capital.',
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
    params: [text('s')],
    doc: 'Words in lower case with `-` in between.',
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
  define('sha256sum', {
    params: [text('s')],
    doc: 'The SHA-256 of the bytes, in hexadecimal digits.',
    filter: 0,
    examples: [
      {
        nunjucks: 'sha256sum("abc")',
        go: 'sha256sum "abc"',
        result: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      },
    ],
    run: (_, s) => createHash('sha256').update(encodeText(s)).digest('hex'),
  }),
]
