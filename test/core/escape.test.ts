// Control characters and invalid bytes in key names and in messages from servers, and how they are shown.
import { expect, test } from 'vitest'
import { jsonText, printable, printableText } from '../../src/core/escape.ts'
import { decodeValue } from '../../src/core/bytes.ts'
import { formatFault } from '../../src/core/fault.ts'
import { tableLines } from '../../src/core/table.ts'

const CSI = '\u009b'

test.each([
  ['plain /path-1.x', 'plain /path-1.x'],
  ['ümläut 日本 🙂', 'ümläut 日本 🙂'],
  ['a\u001b[2J\u0007b\u007f', 'a\\x1b[2J\\x07b\\x7f'],
  [`${CSI}31m`, '\\x9b31m'],
  ['a\nFORGED\r\tb', 'a\\nFORGED\\r\\tb'],
  ['a\u2028b\u2029', 'a\\u2028b\\u2029'],
  ['turned \u202egpj.exe', 'turned \\u202egpj.exe'],
  [decodeValue(Buffer.from([0x61, 0xff, 0xfe])), 'a\\xff\\xfe'],
])('%j in one line', (text, shown) => {
  expect(printable(text)).toBe(shown)
})

test('a text of our own keeps its lines', () => {
  expect(printableText('one\n\ttwo\u001b[0m\r')).toBe('one\n\ttwo\\x1b[0m\\r')
})

test('JSON keeps its meaning, and cannot control a terminal', () => {
  const value = {
    'a\u001b': `${CSI}2J\u202e\u2028`,
    list: ['x\ny', decodeValue(Buffer.from([0xff]))],
  }
  for (const text of [jsonText(value), jsonText(value, 2)]) {
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/)
    expect(JSON.parse(text)).toEqual(value)
  }
})

test('a fault: its message is one line, the frame keeps its own', () => {
  const fault = {
    kind: 'template',
    message: 'key "\u001b[2J\nFORGED" is missing',
    file: 'a\rb',
    line: 1,
  } as const
  expect(formatFault({ ...fault, frame: '  1 | x\u0007\n    | ^', hint: 'add \u001bit' })).toBe(
    'a\\rb:1: key "\\x1b[2J\\nFORGED" is missing\n  1 | x\\x07\n    | ^\n  add \\x1bit',
  )
})

test('a table is aligned by the escaped text', () => {
  const rows = [
    ['NAME', 'STATE', ''],
    ['a\u0007b', 'ok', 'x'],
    ['abcdefghi', 'failed', 'a\nb'],
  ]
  expect(tableLines(rows)).toEqual([
    'NAME       STATE',
    'a\\x07b     ok      x',
    'abcdefghi  failed  a\\nb',
  ])
  expect(tableLines(rows, (cell, column, row) => `${column}${row}${cell}`)[1]).toBe(
    '01a\\x07b     11ok      21x',
  )
})
