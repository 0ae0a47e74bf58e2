// Generators of unusual names and values, and of intact or damaged files that contain them. All are random and
// independent of the program's behaviour.
import fc from 'fast-check'
import { stringify as toToml } from 'smol-toml'
import { stringify as toYaml } from 'yaml'

const ODD = [
  '',
  ' ',
  '/',
  '//',
  '.',
  '..',
  '../../../escape',
  '/etc/passwd',
  '~',
  '-rf',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '\0',
  'a\0b',
  '\n',
  '\r\n',
  '\u001b[31m',
  '\u2028',
  '\ufeff',
  '\ud800',
  'größe',
  '日本',
  '👩‍👩‍👧',
  "'; exit 1; '",
  '$(exit 1)',
  '`exit 1`',
  '{{.src}}',
  '{{ x }}',
  '{% raw %}',
  '%s%n',
  '1e999',
  'NaN',
  'true',
  'null',
]

/** Generates arbitrary strings: control characters, lone surrogates, and the odd strings above. */
export const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
)

/** Generates strings of up to 500,000 characters. */
export const longText = fc
  .tuple(text, fc.integer({ min: 1, max: 500_000 }))
  .map(([part, length]) => (part === '' ? 'x' : part).repeat(length).slice(0, length))

const value = fc.oneof({ weight: 20, arbitrary: text }, { weight: 1, arbitrary: longText })

export interface Tree {
  readonly [name: string]: Tree | string | number | boolean | null | readonly unknown[]
}

/** Generates the keys of a keys file, with names such as `__proto__`. */
export const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(
    { weight: 6, arbitrary: value },
    { weight: 1, arbitrary: fc.double() },
    { weight: 1, arbitrary: fc.boolean() },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.array(text, { maxLength: 3 }) },
  ),
  tree: fc
    .array(
      fc.tuple(text, fc.oneof({ maxDepth: 4, depthSize: 'small' }, tie('leaf'), tie('tree'))),
      { maxLength: 5 },
    )
    .map(ownProperties),
})).tree

/** Returns an object with these properties. `__proto__` becomes an ordinary property, as in JSON.parse. */
function ownProperties(entries: readonly (readonly [string, unknown])[]): Tree {
  const made = {}
  for (const [name, value] of entries) {
    Object.defineProperty(made, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return made
}

/** Replaces up to 8 bytes of the source with up to 4 others, which can give invalid UTF-8 or unbalanced brackets. */
export const damaged = (source: fc.Arbitrary<string>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      source,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(8),
      fc.uint8Array({ maxLength: 4 }),
    )
    .map(([text, place, length, put]) => {
      const bytes = Buffer.from(text)
      const at = Math.floor(place * bytes.length)
      return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)])
    })

/** Generates the bytes of the source, either intact or damaged. */
export const perhapsDamaged = (source: fc.Arbitrary<string>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    source.map((text) => Buffer.from(text)),
    damaged(source),
  )

const writers = {
  'keys.json': (keys: Tree) => JSON.stringify(keys),
  'keys.yaml': (keys: Tree) => toYaml(keys),
  'keys.toml': (keys: Tree) => toToml(keys),
} as const

export type KeysFile = keyof typeof writers
export const keysFiles = Object.keys(writers) as readonly KeysFile[]

/** Generates the text of a keys file. If the format cannot represent the keys, the text is JSON. */
export const keysText = (name: KeysFile): fc.Arbitrary<string> =>
  tree.map((keys) => {
    try {
      return writers[name](keys)
    } catch {
      return JSON.stringify(keys)
    }
  })

const tomlValue = fc.oneof(
  text.map((text) => JSON.stringify(text)),
  fc.constantFrom('0', '-1', '1e400', 'inf', 'nan', '0x1f', '9223372036854775808', '1979-05-27'),
  fc.constantFrom(
    'true',
    'false',
    '[]',
    '{}',
    '[[]]',
    '["/"]',
    '[1, "a"]',
    '{ a = 1 }',
    "'''\n'''",
  ),
  fc.constantFrom('"0644"', '"99999"', '"10s"', '"-1s"', '"50%"', '"1e9h"', '"../../x"', '"/"'),
)

/** Generates TOML with up to three tables, whose heads come from `tables` and most of whose keys come from `keys`. */
export function tomlText(tables: readonly string[], keys: readonly string[]): fc.Arbitrary<string> {
  const key = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...keys) },
    { weight: 1, arbitrary: text.map((text) => JSON.stringify(text)) },
    { weight: 1, arbitrary: fc.constantFrom('__proto__', 'a.b', 'constructor.name') },
  )
  const lines = fc.array(
    fc.tuple(key, tomlValue).map(([key, value]) => `${key} = ${value}`),
    { maxLength: 6 },
  )
  const table = fc.tuple(fc.constantFrom(...tables), lines)
  return fc
    .array(table, { maxLength: 3 })
    .map((all) => all.flatMap(([head, lines]) => [head, ...lines, '']).join('\n'))
}
