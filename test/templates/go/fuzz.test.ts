// Random templates from a grammar, and damaged ones: the engine must always return, with output or a fault.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Reader } from '../../../src/core/reader.ts'
import { emptyTree } from '../../../src/core/tree.ts'
import { loadWriter } from '../../../src/templates/functions/formats.ts'
import { Re2Error, replaceAll } from '../../../src/templates/functions/re2.ts'
import { loadRe2 } from '../../../src/templates/functions/regex.ts'
import { execute } from '../../../src/templates/go/evaluator.ts'
import { functionsFor } from '../../../src/templates/go/functions/table.ts'
import { parse } from '../../../src/templates/go/parser.ts'
import { fromJson } from '../../../src/templates/go/values.ts'
import { data, grammar, pattern, prologue } from './grammar.ts'

await loadRe2()
await loadWriter('toYaml')
await loadWriter('toToml')

const functions = functionsFor({
  reader: new Reader(emptyTree, { store: 'test', prefix: '/', keys: ['/'] }),
  now: () => new Date(0),
  fact: (): never => {
    throw new Error('no look-ups here')
  },
})
// Leaves out network look-ups, whose answers arrive later.
const names = [...functions.keys()].filter((name) => !name.startsWith('lookup'))

const { operand, template } = grammar(names)
const dot = fromJson(data)

/** Parses and runs a template; any exception fails the test. */
function run(source: string): void {
  const parsed = parse(prologue + source, 'fuzz.tmpl', { functions: new Set(functions.keys()) })
  if (!parsed.ok) {
    expect(parsed.error.kind).toBe('template')
    expect(parsed.error.line).toBeGreaterThan(0)
    return
  }
  const limits = { depth: 50, output: 1_000_000 }
  const out = execute(parsed.value, dot, { functions, limits, budget: { steps: 20_000 } })
  if (!out.ok) expect(out.error.kind).toBe('template')
}

test('templates of the grammar give output or a fault', () => {
  fc.assert(fc.property(template, run), { numRuns: 2000 })
})

test('damaged templates give output or a fault', () => {
  const damaged = fc
    .tuple(template, fc.nat(), fc.nat(8), fc.string({ maxLength: 4 }))
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

test('patterns find something or are refused', () => {
  const found = fc.tuple(pattern, fc.string({ unit: fc.constantFrom(...'abkKé日 .-\n') }))
  fc.assert(
    fc.property(found, ([source, text]) => {
      try {
        replaceAll(source, text, '<$0>')
      } catch (error) {
        expect(error).toBeInstanceOf(Re2Error)
        expect(String(error)).not.toContain('too large')
      }
    }),
    { numRuns: 2000 },
  )
})
