// Integers with the arithmetic of Go's int: 64 bits, wrapping, division towards zero.
import { raise } from '../../core/fault.ts'
import { define } from './define.ts'
import { intParam, textParam, type Int } from './params.ts'

/** Wraps to 64 bits. Returns a plain number if it can represent the integer exactly. */
function toInt(wide: bigint): Int {
  const wrapped = BigInt.asIntN(64, wide)
  const plain = Number(wrapped)
  return Number.isSafeInteger(plain) ? plain : wrapped
}

const binary = (
  name: string,
  doc: string,
  examples: readonly (readonly [nunjucks: string, go: string, result: Int])[],
  run: (a: bigint, b: bigint) => bigint,
) =>
  define(name, {
    params: [intParam('a'), intParam('b')],
    doc,
    examples: examples.map(([nunjucks, go, result]) => ({ nunjucks, go, result })),
    run: (_, a, b) => toInt(run(BigInt(a), BigInt(b))),
  })

const nonZero = (name: string, b: bigint): bigint =>
  b === 0n ? raise('template', `${name}: division by zero`) : b

const MAX_SEQ = 10_000_000n

export const numberFunctions = [
  define('atoi', {
    params: [textParam('s')],
    doc: 'Converts a decimal string to an integer.',
    filter: 0,
    examples: [
      { nunjucks: 'atoi("8080")', go: 'atoi "8080"', result: 8080 },
      { nunjucks: 'atoi("-007")', go: 'atoi "-007"', result: -7 },
      { nunjucks: 'atoi("1.5")', go: 'atoi "1.5"', error: 'atoi: the text is not a whole number' },
    ],
    run: (_, s) => {
      if (!/^[+-]?[0-9]+$/.test(s)) raise('template', 'atoi: the text is not a whole number')
      const wide = s.length > 4000 ? 1n << 64n : BigInt(s.replace(/^\+/, '').replace(/^-/, ''))
      const value = s.startsWith('-') ? -wide : wide
      if (BigInt.asIntN(64, value) !== value) raise('template', 'atoi: the number is out of range')
      return toInt(value)
    },
  }),
  define('seq', {
    params: [intParam('first'), intParam('last')],
    doc: 'The integers from `first` to `last`, inclusive.',
    examples: [
      { nunjucks: 'seq(3, 5)', go: 'seq 3 5', result: [3, 4, 5] },
      { nunjucks: 'seq(1, 0) | length', go: 'len (seq 1 0)', result: 0 },
    ],
    run: (_, first, last) => {
      const length = BigInt(last) - BigInt(first) + 1n
      if (length > MAX_SEQ) raise('template', `seq: more than ${MAX_SEQ.toString()} numbers`)
      return Array.from({ length: Math.max(0, Number(length)) }, (_item, i) =>
        toInt(BigInt(first) + BigInt(i)),
      )
    },
  }),
  binary('add', '`a + b`.', [['add(1, 2)', 'add 1 2', 3]], (a, b) => a + b),
  binary('sub', '`a - b`.', [['sub(1, 2)', 'sub 1 2', -1]], (a, b) => a - b),
  binary('mul', '`a * b`.', [['mul(6, 7)', 'mul 6 7', 42]], (a, b) => a * b),
  binary(
    'div',
    '`a / b` without the fraction. Division by zero is an error.',
    [
      ['div(7, 2)', 'div 7 2', 3],
      ['div(-7, 2)', 'div -7 2', -3],
    ],
    (a, b) => a / nonZero('div', b),
  ),
  binary(
    'mod',
    'The remainder of `a / b`, with the sign of `a`. Division by zero is an error.',
    [
      ['mod(7, 3)', 'mod 7 3', 1],
      ['mod(-7, 3)', 'mod -7 3', -1],
    ],
    (a, b) => a % nonZero('mod', b),
  ),
]
