// JSON values of keys. Objects have no prototype, so that no key of the data is special, and their
// keys are sorted: the same data in another order gives the same file.
import { compareText } from '../../core/key.ts'
import { raise } from '../../core/fault.ts'
import { define } from './define.ts'
import { describe, text } from './params.ts'

export const jsons = [
  define('json', {
    params: [text('s')],
    doc: 'The object that a JSON text stands for, keys sorted.',
    filter: true,
    examples: [
      { expression: 'json(getv("/app/config")).tls', result: true },
      { expression: `'{"b": [1, null], "a": "x"}' | json`, result: { a: 'x', b: [1, null] } },
      { expression: 'json("[1]")', error: 'json: the text is a list, not an object' },
      { expression: 'json("{")', error: 'json: the text is not valid JSON: it ends too early' },
    ],
    run: (_, s) => {
      const value: unknown = parse('json', s) ?? Object.create(null)
      const fits = typeof value === 'object' && !Array.isArray(value)
      return fits ? value : raise('template', `json: the text is ${describe(value)}, not an object`)
    },
  }),
  define('jsonArray', {
    params: [text('s')],
    doc: 'The list that a JSON text stands for.',
    filter: true,
    examples: [
      { expression: `jsonArray('["a", "b"]')`, result: ['a', 'b'] },
      { expression: 'jsonArray("{}")', error: 'jsonArray: the text is an object, not a list' },
    ],
    run: (_, s) => {
      const value = parse('jsonArray', s) ?? []
      return Array.isArray(value)
        ? (value as unknown[])
        : raise('template', `jsonArray: the text is ${describe(value)}, not a list`)
    },
  }),
]

function parse(name: string, s: string): unknown {
  try {
    return harmless(JSON.parse(s))
  } catch (error) {
    // V8's message quotes the text, which may be a secret: only the place is taken from it.
    const told = String(error)
    const at = /position (\d+)/.exec(told)?.[1]
    const where =
      s.trim() === ''
        ? ': it is empty'
        : /Unexpected end|Unterminated|Expected.*end|position/.test(told) &&
            Number(at ?? s.length) >= s.length
          ? ': it ends too early'
          : at === undefined
            ? ''
            : ` at character ${Number(at) + 1}`
    return raise('template', `${name}: the text is not valid JSON${where}`)
  }
}

/** Copies parsed JSON into objects without a prototype, keys sorted. */
function harmless(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(harmless)
  if (typeof value !== 'object' || value === null) return value
  const made = Object.create(null) as Record<string, unknown>
  for (const key of Object.keys(value).sort(compareText)) {
    made[key] = harmless((value as Record<string, unknown>)[key])
  }
  return made
}
