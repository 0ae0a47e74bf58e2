// Hostile names and values in templates. No look-up by name may reach the properties that every JavaScript object
// inherits, nothing may change a prototype, and a value must never be parsed as a template. The tests also try known
// nunjucks sandbox escapes, although authors of templates are trusted.
import { rmSync } from 'node:fs'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { Workshop, type Keys } from '../templates/helper.ts'

const workshop = new Workshop()
afterAll(() => rmSync(workshop.folder, { recursive: true, force: true }))
let made = 0

type Engine = 'njk' | 'tmpl'
async function render(engine: Engine, text: string, keys: Keys = {}) {
  const name = `t${made++}.${engine}`
  workshop.write(name, text)
  return workshop.render(name, keys)
}

const NAMES = [...Object.getOwnPropertyNames(Object.prototype), 'prototype']
const builtIns = [Object, Function, Array, String, Map, Promise].map((one) => one.prototype)
const shapeOf = () => builtIns.map((one) => [...Object.getOwnPropertyNames(one)].sort())
const shape = shapeOf()

/** A template that escapes from the sandbox sets `escaped`. */
const escaped = globalThis as { escaped?: unknown }
afterEach(() => {
  expect(escaped.escaped).toBeUndefined()
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  expect(shapeOf()).toEqual(shape)
})

describe('a JavaScript name that comes from a store', () => {
  const LOOKUPS = [
    ...[
      'get("/n")',
      'json("{}")',
      'map("a", 1)',
      'dict("a", 1)',
      'explode("/d")',
      '[1]',
      '"x"',
      '1',
    ],
    ...['true', 'getv', '"".at', 'byKey("/d", gets("/d/*"))', 'mergeMap(json("{}"), map("a", 1))'],
  ]
  const NOWHERE: Record<Engine, string> = {
    njk:
      '{% set n = getv("/n") %}{{ getenv(n, "none") }} {{ exists(n) }} {{ hasKey(map("a", 1), n) }} ' +
      '{{ pluck(n, map("a", 1)) | join }}' +
      LOOKUPS.map((of) => `{{ "found" if ${of}[n] is defined }}`).join(''),
    tmpl:
      '{{$n := getv "/n"}}{{getenv $n "none"}} {{exists $n}} {{hasKey (map "a" 1) $n}} ' +
      '{{range pluck $n (map "a" 1)}}{{.}}{{end}}' +
      ['(json "{}")', '(map "a" 1)', '(dict "a" 1)', '(explode "/d")']
        .map((of) => `{{with index ${of} $n}}found{{end}}`)
        .join(''),
  }
  test.each(NAMES.flatMap((name) => [['njk', name] as const, ['tmpl', name] as const]))(
    'in a template of %s, %s: finds nothing',
    async (engine, name) => {
      const { text, message } = await render(engine, NOWHERE[engine], { '/n': name, '/d/x': '1' })
      expect(text, message).toBe('none false false ')
    },
  )

  test.each(['njk', 'tmpl'] as const)(
    'in a template of %s: is data like any other',
    async (engine) => {
      const keys = Object.fromEntries(NAMES.map((name) => [`/d/${name}`, `value of ${name}`]))
      const text = {
        njk: '{% for n in ls("/d") %}{{ getv("/d/" + n) }}={{ explode("/d")[n] }}\n{% endfor %}',
        tmpl: '{{range ls "/d"}}{{getv (printf "/d/%s" .)}}={{index (explode "/d") .}}\n{{end}}',
      }[engine]
      const outcome = await render(engine, text, keys)
      const wanted = [...NAMES].sort().map((name) => `value of ${name}=value of ${name}\n`)
      expect(outcome.text?.split(/(?<=\n)/).sort(), outcome.message).toEqual(wanted.sort())
    },
  )
})

describe('prototype pollution', () => {
  const POLLUTED = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'
  test.each([
    ['njk', '{{ json(getv("/j")) | toJson }}'],
    ['njk', '{{ mergeMap(json(getv("/j")), json(getv("/j"))) | toJson }}'],
    ['njk', '{{ mergeMap(map("__proto__", map("polluted", 1)), json(getv("/j"))) | toJson }}'],
    ['njk', '{{ dict("__proto__", dict("polluted", 1)) | toJson }}'],
    ['njk', '{{ explode("/d") | toJson }}{{ byKey("/d", gets("/d/*/*")) | toJson }}'],
    ['njk', '{{ json(getv("/j")) | toYaml }}{{ json(getv("/j")) | toToml }}'],
    [
      'njk',
      '{% set a = map("name", "__proto__", "polluted", 1) %}{{ [a] | groupby("name") | dump }}',
    ],
    ['njk', '{% set __proto__ = map("polluted", 1) %}{{ __proto__ | toJson }}'],
    ['tmpl', '{{json (getv "/j") | toJson}}'],
    ['tmpl', '{{mergeMap (json (getv "/j")) (json (getv "/j")) | toJson}}'],
    ['tmpl', '{{dict "__proto__" (dict "polluted" 1) | toJson}}'],
    ['tmpl', '{{explode "/d" | toJson}}{{json (getv "/j") | toYaml}}'],
  ] as const)('%s: %s', async (engine, text) => {
    const keys = { '/j': POLLUTED, '/d/__proto__/polluted': '1', '/d/constructor/prototype': '1' }
    const outcome = await render(engine, text, keys)
    expect(outcome.text, outcome.message).toContain('polluted')
  })
})

test.each([
  ['njk', '{{ explode("/d") | toJson }}'],
  ['tmpl', '{{explode "/d" | toJson}}'],
] as const)('in %s, a key without end makes its render fail: %s', async (engine, text) => {
  const { message } = await render(engine, text, { [`/d${'/a'.repeat(50_000)}`]: '1' })
  expect(message).toContain('a key lies more than 1000 levels below /d')
})

test('a name of a megabyte is not in the log as a whole', async () => {
  const { message } = await render('njk', '{{ getv(getv("/n")) }}', { '/n': 'n'.repeat(1e6) })
  expect(message).toContain('does not exist')
  expect(message?.length).toBeLessThan(20_000)
})

describe('an escape through constructor', () => {
  const CODE = '("globalThis.escaped = 1")()'
  test.each([
    `{{ "".constructor.constructor${CODE} }}`,
    `{{ [].constructor.constructor${CODE} }}`,
    `{{ {}.constructor.constructor${CODE} }}`,
    `{{ getv.constructor${CODE} }}`,
    `{{ getv["con" + "structor"]${CODE} }}`,
    `{{ getv.__proto__.constructor${CODE} }}`,
    `{{ getv.call.constructor${CODE} }}`,
    `{{ getv.bind().constructor${CODE} }}`,
    `{{ "".at.constructor${CODE} }}`,
    `{{ [].map.constructor${CODE} }}`,
    `{{ cycler().constructor.constructor${CODE} }}`,
    `{{ joiner().constructor${CODE} }}`,
    `{{ range.constructor${CODE} }}`,
    `{{ ("a" | safe).constructor.constructor${CODE} }}`,
    `{% macro m() %}{% endmacro %}{{ m.constructor${CODE} }}`,
    `{% macro m() %}{% endmacro %}{{ m.prototype.constructor.constructor${CODE} }}`,
    `{% for x in [1] %}{{ loop.constructor.constructor${CODE} }}{% endfor %}`,
    `{% set c = "constructor" %}{% for x in [getv] %}{{ x[c]${CODE} }}{% endfor %}`,
    `{{ ([getv] | groupby("constructor"))["undefined"][0].constructor${CODE} }}`,
    `{{ ([getv] | sort(false, false, "constructor"))[0].constructor${CODE} }}`,
    `{{ "a".replace("a", "".constructor.constructor) }}`,
    `{{ ["globalThis.escaped = 1"].map("".constructor.constructor) }}`,
    `{{ (getv | default(1)).constructor${CODE} }}`,
    `{{ constructor.constructor${CODE} }}`,
    `{{ __proto__.constructor${CODE} }}`,
    `{{ self.constructor${CODE} }}`,
    `{{ this.constructor${CODE} }}`,
  ])('%s', async (text) => {
    const outcome = await render('njk', text)
    expect(outcome.text ?? '').not.toMatch(/native code|=>|\[object/)
  })

  test.each([
    '{{$x := getv "/v"}}{{$x.constructor}}',
    '{{(json "{}").constructor.constructor "globalThis.escaped = 1"}}',
    '{{call (json "{}").constructor "globalThis.escaped = 1"}}',
    '{{call "constructor"}}',
    '{{template "constructor"}}',
    '{{constructor}}',
    '{{__proto__}}',
    '{{$constructor}}',
  ])('%s', async (text) => {
    const outcome = await render('tmpl', text, { '/v': 'x' })
    expect(outcome.text ?? '<no value>').toMatch(/^(<no value>)?$/)
  })
})

test.each([
  ['njk', '{{ getv("/v") }}'],
  ['tmpl', '{{getv "/v"}}'],
] as const)('%s: a value is not read as a template', async (engine, text) => {
  const value = '{{ getenv("HOME") }}{% include "/etc/passwd" %}{{getv "/v"}}{# #}${7*7}<%= 7 %>'
  expect(await render(engine, text, { '/v': value })).toMatchObject({ text: value })
})
