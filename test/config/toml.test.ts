// Every key and value of a TOML document must have a position, whatever the strings contain. No input may make the
// parser throw.
import fc from 'fast-check'
import { stringify } from 'smol-toml'
import { expect, test } from 'vitest'
import { formatFault } from '../../src/core/fault.ts'
import { scanPositions, type TomlPath } from '../../src/config/positions.ts'
import { parseTomlDocument } from '../../src/config/toml.ts'

function documentOf(text: string) {
  const result = parseTomlDocument('a.toml', text)
  if (!result.ok) throw new Error(formatFault(result.error))
  return result.value
}

const tricky = `# [template]
title = """
[template]
src = 1 \\""" "" """  # dest = 2
'dotted'.key = '''
keys = [''', '''' }'''  # not a real second value
`.replace(/'''\n.*\n$/s, `'''x]'''\n`)

const sample = `${tricky}
[[template]]
src = "a # b" # comment
keys = [ # [x]
  "/a]", '/b',
  1979-05-27 07:32:00, { x.y = 1, "z w" = [2] },
]
[[template]]
"dest" = 'c:\\'
inner."q\\u0041" = -inf
[template.sub]
deep = true
[ other . "t able" ]
when = 07:32:00
`

test.each<[TomlPath, 'key' | 'value', string]>([
  [['title'], 'key', 'title = """'],
  [['dotted', 'key'], 'key', "'dotted'.key"],
  [['dotted', 'key'], 'value', "'''x]'''"],
  [['template'], 'key', '[[template]]\nsrc'],
  [['template', 0], 'key', '[[template]]\nsrc'],
  [['template', 0, 'src'], 'key', 'src = "a # b"'],
  [['template', 0, 'src'], 'value', '"a # b" #'],
  [['template', 0, 'keys', 1], 'value', "'/b'"],
  [['template', 0, 'keys', 2], 'value', '1979-05-27'],
  [['template', 0, 'keys', 3, 'x', 'y'], 'value', '1, "z w"'],
  [['template', 0, 'keys', 3, 'z w', 0], 'value', '2]'],
  [['template', 1], 'key', '[[template]]\n"dest"'],
  [['template', 1, 'dest'], 'value', "'c:\\'"],
  [['template', 1, 'inner', 'qA'], 'value', '-inf'],
  [['template', 1, 'sub', 'deep'], 'key', 'deep = true'],
  [['other', 't able', 'when'], 'value', '07:32:00'],
  // The position of a missing path is that of its nearest existing ancestor.
  [['template', 1, 'src'], 'key', '[[template]]\n"dest"'],
])('%j, its %s', (path, part, expected) => {
  const { line, column } = documentOf(sample).place(path, part)
  const rest = sample
    .split('\n')
    .slice(line - 1)
    .join('\n')
    .slice(column - 1)
  expect(rest.slice(0, expected.length)).toBe(expected)
})

test.each([
  [
    '[template]\nsrc = haproxy.njk\n',
    'a.toml:2:7: TOML syntax: invalid value|  1 | [template]|  2 | src = haproxy.njk|    |       ^|  put text in quotes, as in dest = "/etc/haproxy/haproxy.cfg"',
  ],
  [
    '[template]\nmode = 0644\n',
    'a.toml:2:8: TOML syntax: illegal leading zero|  1 | [template]|  2 | mode = 0644|    |        ^|  write a mode in quotes: mode = "0644"',
  ],
  [
    '[template]\nkeys = ["/a" "/b"]\n',
    'a.toml:2:14: TOML syntax: expected comma or end of structure|  1 | [template]|  2 | keys = ["/a" "/b"]|    |              ^|  look for a missing comma or closing bracket',
  ],
  [
    '[template]\nsrc = "a"\n[template]\n',
    'a.toml:3:2: TOML syntax: trying to redefine an already defined table or value|  2 | src = "a"|  3 | [template]|    |  ^|  remove the second definition, or write several templates in one file as [[template]]',
  ],
])('syntax error in %j', (text, expected) => {
  const result = parseTomlDocument('a.toml', text)
  expect(result.ok ? 'good' : formatFault(result.error).split('\n').join('|')).toBe(expected)
})

test('a byte order mark and CRLF are accepted', () => {
  const document = documentOf('\uFEFF[template]\r\nsrc = "a"\r\ndest = "b"\r\n')
  expect(document.place(['template', 'dest'], 'value')).toEqual({ line: 3, column: 8 })
})

/** Yields the paths of all keys and items in a value. */
function* paths(value: unknown, at: TomlPath = []): Generator<TomlPath> {
  if (at.length > 0) yield at
  if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* paths(item, [...at, i])
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* paths(item, [...at, key])
  }
}

test('property: every key and value of a valid document is found', () => {
  const name = fc.oneof(
    fc.stringMatching(/^[a-z_-]{1,8}$/),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
  )
  const { value } = fc.letrec((tie) => ({
    leaf: fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.boolean(),
      fc.integer(),
      fc.constant('""" [x] \n#'),
    ),
    value: fc.oneof(
      { depthSize: 'small' },
      tie('leaf'),
      fc.array(tie('leaf'), { maxLength: 3 }),
      fc.dictionary(name, tie('value'), { maxKeys: 4 }),
      fc.array(fc.dictionary(name, tie('value'), { minKeys: 1, maxKeys: 3 }), { maxLength: 3 }),
    ),
  }))
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 5 }), (data) => {
      const text = stringify(data)
      const document = documentOf(text)
      const positions = scanPositions(text)
      for (const path of paths(document.data))
        expect(positions.at(path), JSON.stringify(path)).toBeDefined()
    }),
    { numRuns: 300 },
  )
})

test('property: random text gives a document or a fault with a position, never an exception', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '[template]',
      '[[template]]',
      '\n',
      '\n',
      ' ',
      '=',
      '"',
      "'",
      '"""',
      "'''",
      '[',
      ']',
      '{',
      '}',
      ',',
      '.',
      '#',
      'src',
      'dest',
      'keys',
      'mode',
      '"a"',
      '0644',
      '1',
      'true',
      '\\',
      '\r',
      '\0',
      '__proto__',
      'constructor',
    ),
    fc.string({ maxLength: 4 }),
  )
  const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(text, (source) => {
      const result = parseTomlDocument('a.toml', source)
      if (!result.ok) expect(result.error).toMatchObject({ kind: 'config', file: 'a.toml' })
      expect(() => scanPositions(source)).not.toThrow()
    }),
    { numRuns: 2000 },
  )
})
