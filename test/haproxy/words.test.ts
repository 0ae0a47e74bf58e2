import { expect, test } from 'vitest'
import { splitWords } from '../../src/haproxy/words.ts'

test.each([
  ['  server n1 127.0.0.1:80 check', ['server', 'n1', '127.0.0.1:80', 'check']],
  ['', []],
  ['   # only a comment', []],
  ['server n1 # a comment', ['server', 'n1']],
  ['a#b c', ['a']],
  ['a\\#b', ['a#b']],
  ['a\\ b', ['a b']],
  ['"a b"c', ['a bc']],
  ['\'a\\ b\' ""', ['a\\ b', '']],
  ['"a\\"b"', ['a"b']],
  ['"it\'s"', ["it's"]],
  ['\\x41\\t', ['A\t']],
  ['a\\q', ['a\\q']],
])('%s', (line, words) => {
  expect(splitWords(line)).toEqual({ words, isCertain: true })
})

test('a variable of the environment is not known here', () => {
  expect(splitWords('server n1 "$HOST:80"')?.isCertain).toBe(false)
  // Outside double quotes, `$` is an ordinary character.
  expect(splitWords("server n1 $HOST '$X'")?.isCertain).toBe(true)
})

test('an open quote and an incomplete escape sequence are refused', () => {
  expect(splitWords('a "b')).toBeUndefined()
  expect(splitWords("a 'b")).toBeUndefined()
  expect(splitWords('\\x4')).toBeUndefined()
})
