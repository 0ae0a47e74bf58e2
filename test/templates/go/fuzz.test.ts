// Random templates from a grammar, and damaged ones: the engine gives output or a fault, nothing else,
// and it always comes back.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Reader } from '../../../src/core/reader.ts'
import { emptyTree } from '../../../src/core/tree.ts'
import { execute } from '../../../src/templates/go/evaluator.ts'
import { functionsFor } from '../../../src/templates/go/functions/table.ts'
import { parse } from '../../../src/templates/go/parser.ts'
import { fromJson } from '../../../src/templates/go/values.ts'

const functions = functionsFor({
  reader: new Reader(emptyTree, { store: 'test', prefix: '/', keys: ['/'] }),
  now: new Date(0),
  fact: (): never => {
    throw new Error('no look-ups here')
  },
})
// Without those that ask the network, which answers later.
const names = [...functions.keys()].filter((name) => !name.startsWith('lookup'))

const { operand, list } = fc.letrec<{ operand: string; pipe: string; item: string; list: string }>(
  (tie) => ({
    operand: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(
        '.',
        '$',
        '$x',
        'nil',
        'true',
        '"a"',
        '"%v %d"',
        '`r`',
        "'c'",
        '.a',
        '.l',
        '.m.k',
        '$.l',
        '.nope.x',
      ),
      fc.constantFrom('0', '1', '-1', '2.5', '1e6', '0x1F', '1i', '9223372036854775807'),
      tie('pipe').map((pipe) => `(${pipe})`),
      tie('pipe').map((pipe) => `(${pipe}).Key`),
    ),
    pipe: fc
      .array(
        fc.oneof(
          tie('operand'),
          fc
            .tuple(fc.constantFrom(...names), fc.array(tie('operand'), { maxLength: 3 }))
            .map(([name, args]) => [name, ...args].join(' ')),
        ),
        { minLength: 1, maxLength: 3 },
      )
      .map((commands) => commands.join(' | ')),
    item: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        'text',
        ' \n ',
        'é',
        '{{break}}',
        '{{continue}}',
        '{{/* c */}}',
        '{{template "t" .}}',
      ),
      tie('pipe').map((pipe) => `{{${pipe}}}`),
      tie('pipe').map((pipe) => `{{- $x := ${pipe} -}}`),
      tie('pipe').map((pipe) => `{{$x = ${pipe}}}`),
      fc
        .tuple(
          fc.constantFrom('if', 'with', 'range', 'range $i, $x :=', 'range $x ='),
          tie('pipe'),
          tie('list'),
          tie('list'),
        )
        .map(([word, pipe, body, other]) => `{{${word} ${pipe}}}${body}{{else}}${other}{{end}}`),
    ),
    list: fc.array(tie('item'), { maxLength: 5 }).map((items) => items.join('')),
  }),
)

const data = fromJson({ a: 'text', l: [1, 'x', null, [2]], m: { k: { k: 1.5 } }, n: 3 })

/** Parses and runs; whatever it throws fails the test. */
function run(source: string): void {
  const text = `{{$x := 1}}{{define "t"}}{{.}}{{end}}${source}`
  const parsed = parse(text, 'fuzz.tmpl', { functions })
  if (!parsed.ok) {
    expect(parsed.error.kind).toBe('template')
    expect(parsed.error.line).toBeGreaterThan(0)
    return
  }
  const limits = { depth: 50, output: 1_000_000 }
  const out = execute(parsed.value, data, { functions, limits, budget: { steps: 20_000 } })
  if (!out.ok) expect(out.error.kind).toBe('template')
}

test('templates of the grammar give output or a fault', () => {
  fc.assert(fc.property(list, run), { numRuns: 2000 })
})

test('damaged templates give output or a fault', () => {
  const damaged = fc
    .tuple(list, fc.nat(), fc.nat(8), fc.string({ maxLength: 4 }))
    .map(([text, at, length, put]) => {
      const start = at % (text.length + 1)
      return text.slice(0, start) + put + text.slice(start + length)
    })
  fc.assert(fc.property(damaged, run), { numRuns: 2000 })
})

test('formats give output', () => {
  const format = fc.tuple(
    fc.string({ unit: fc.constantFrom(...'%#0+- *.[]123dvsqxXbcoOUeEfFgGtTpwé!') }),
    fc.array(operand, { maxLength: 3 }),
  )
  fc.assert(
    fc.property(format, ([text, args]) =>
      run(`{{printf ${JSON.stringify(text)} ${args.join(' ')}}}`),
    ),
    { numRuns: 2000 },
  )
})
