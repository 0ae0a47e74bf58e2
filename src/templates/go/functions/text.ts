// The fork's functions on strings, on Go's byte strings.
import { createHash } from 'node:crypto'
import { define } from '../builtins.ts'
import { quote } from '../format/quote.ts'
import { BOOL, INT, STRING } from '../types.ts'
import { CallError, type Func, type Value } from '../values.ts'
import { camelCase, joinWords } from '../../functions/cases.ts'
import { find, replaceAll, Re2Error, test } from '../../functions/re2.ts'
import { fromShared, toShared } from './bridge.ts'

const LARGEST = 64 * 1024 * 1024

const textToText = (run: (text: string) => string): Func =>
  define([STRING], STRING, ([s]) => run(s as string))

const shared = (run: (text: string) => string): Func =>
  textToText((s) => fromShared(run(toShared(s))))

function repeat(count: bigint, text: string): string {
  if (count < 0n) throw new CallError('strings: negative Repeat count')
  if (count * BigInt(text.length) > LARGEST) throw new CallError('repeat: the result is too large')
  return text.repeat(Number(count))
}

function indent(count: bigint, text: string): string {
  if (text === '') return ''
  const pad = repeat(count, ' ')
  return pad + text.replaceAll('\n', `\n${pad}`)
}

/** Runs with shared texts; what RE2 or JavaScript refuses becomes the function's error. */
function regex<T>(run: (...texts: string[]) => T): (args: readonly Value[]) => T {
  return (args) => {
    try {
      return run(...args.map((arg) => toShared(arg as string)))
    } catch (error) {
      if (error instanceof Re2Error) throw new CallError(`error parsing regexp: ${error.message}`)
      throw error
    }
  }
}

export const texts: readonly (readonly [string, Func])[] = [
  ['quote', textToText((s) => quote(s))],
  ['squote', textToText((s) => `'${s}'`)],
  ['repeat', define([INT, STRING], STRING, ([count, s]) => repeat(count as bigint, s as string))],
  ['indent', define([INT, STRING], STRING, ([count, s]) => indent(count as bigint, s as string))],
  [
    'nindent',
    define([INT, STRING], STRING, ([count, s]) => `\n${indent(count as bigint, s as string)}`),
  ],
  ['nospace', shared((s) => s.replace(/[\p{White_Space}]/gu, ''))],
  ['snakecase', shared((s) => joinWords(s, '_'))],
  ['kebabcase', shared((s) => joinWords(s, '-'))],
  ['camelcase', textToText(camelBytes)],
  ['sha256sum', textToText((s) => createHash('sha256').update(s, 'latin1').digest('hex'))],
  [
    'regexMatch',
    define(
      [STRING, STRING],
      BOOL,
      regex((pattern = '', s = '') => test(pattern, s)),
    ),
  ],
  [
    'regexFind',
    define(
      [STRING, STRING],
      STRING,
      regex((pattern = '', s = '') => fromShared(find(pattern, s))),
    ),
  ],
  [
    'regexReplaceAll',
    define(
      [STRING, STRING, STRING],
      STRING,
      regex((pattern = '', s = '', by = '') => fromShared(replaceAll(pattern, s, by))),
    ),
  ],
]

/** The fork raises the first byte of a word, so a word that begins with two bytes stays as it is. */
function camelBytes(s: string): string {
  return fromShared(camelCase(toShared(s)))
}
