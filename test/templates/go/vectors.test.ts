// Renders every vector that Go has generated (test/vectors/go). Our engine must produce the same bytes as Go, or
// both must report an error.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Reader } from '../../../src/core/reader.ts'
import { treeOf } from '../../../src/core/tree.ts'
import { loadRe2 } from '../../../src/templates/functions/regex.ts'
import { execute } from '../../../src/templates/go/evaluator.ts'
import { functionNames, functionsFor } from '../../../src/templates/go/functions/table.ts'
import { parse } from '../../../src/templates/go/parser.ts'
import { fromJson } from '../../../src/templates/go/values.ts'
import type { Key } from '../../../src/core/key.ts'
import { testValues } from './values.ts'

interface Vector {
  readonly group: string
  readonly template?: string
  readonly templateBase64?: string
  readonly delims?: readonly [string, string]
  readonly data?: unknown
  readonly result?: string
  readonly resultBase64?: string
  readonly resultSha256?: string
  readonly parseError?: string
  readonly error?: string
}

const made = JSON.parse(
  readFileSync(new URL('../../vectors/go.json', import.meta.url), 'utf8'),
) as { keys: Record<string, string>; vectors: Vector[] }

await loadRe2()

const tree = treeOf(new Map(Object.entries(made.keys) as [Key, string][]))

function render(vector: Vector): { bytes?: Uint8Array; error?: string } {
  const source =
    vector.templateBase64 === undefined
      ? Buffer.from(vector.template ?? '')
      : Buffer.from(vector.templateBase64, 'base64')
  const reader = new Reader(tree, { store: 'test', prefix: '/', keys: ['/'] })
  const context = {
    reader,
    now: () => new Date(0),
    fact: (): never => {
      throw new Error('no look-ups here')
    },
  }
  const functions = new Map([...functionsFor(context), ...testValues])
  const names = new Set([...functionNames, ...testValues.keys()])
  const [leftDelim, rightDelim] = vector.delims ?? []
  const parsed = parse(source, 'test.tmpl', {
    functions: names,
    ...(leftDelim === undefined ? {} : { leftDelim }),
    ...(rightDelim === undefined ? {} : { rightDelim }),
  })
  if (!parsed.ok) return { error: `parse: ${parsed.error.message}` }
  const data = vector.data === undefined ? undefined : fromJson(vector.data)
  const out = execute(parsed.value, data, { functions })
  return out.ok
    ? { bytes: Buffer.from(out.value, 'latin1') }
    : { error: `run: ${out.error.message}` }
}

/** Returns Go's result, in the format of render(). */
function expected(vector: Vector): string {
  if (vector.resultSha256 !== undefined) return `sha256 ${vector.resultSha256}`
  if (vector.resultBase64 !== undefined) return `bytes ${vector.resultBase64}`
  if (vector.result !== undefined) return vector.result
  return vector.parseError === undefined ? 'error when run' : 'error when parsed'
}

function shown(vector: Vector, got: { bytes?: Uint8Array; error?: string }): string {
  if (got.error !== undefined) {
    const wantsError = vector.parseError ?? vector.error
    const stage = got.error.startsWith('parse: ') ? 'error when parsed' : 'error when run'
    return wantsError === undefined ? got.error : stage
  }
  const bytes = Buffer.from(got.bytes ?? [])
  if (vector.resultSha256 !== undefined) {
    return `sha256 ${createHash('sha256').update(bytes).digest('hex')}`
  }
  return vector.resultBase64 === undefined ? bytes.toString() : `bytes ${bytes.toString('base64')}`
}

const groups = new Map<string, Vector[]>()
for (const vector of made.vectors) {
  groups.set(vector.group, [...(groups.get(vector.group) ?? []), vector])
}

describe.each([...groups])('%s', (_, vectors) => {
  test.each(
    vectors.map((vector) => [vector.template ?? vector.templateBase64 ?? '', vector] as const),
  )('%s', (_template, vector) => {
    expect(shown(vector, render(vector))).toBe(expected(vector))
  })
})

test('a faulty regular expression is reported in the words of Go', () => {
  const wrong = made.vectors.filter(({ error }) => error?.includes('error parsing regexp'))
  expect(wrong.length).toBeGreaterThan(50)
  for (const vector of wrong) {
    const told = /error parsing regexp: .*/s.exec(vector.error ?? '')?.[0]
    expect(render(vector).error, vector.template).toContain(told)
  }
})

test('there are at least 400 vectors', () => {
  expect(made.vectors.length).toBeGreaterThanOrEqual(400)
})
