// render() renders one template with an object of keys, in both engines. Faults are returned as values.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { render, type KeyValue, type RenderOptions } from '../../src/index.ts'
import { removeDir, tempDir } from '../support/process.ts'

const folder = tempDir('render')
afterAll(() => removeDir(folder))

const file = (name: string, text: string): string => {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}

async function textOf(options: RenderOptions): Promise<string> {
  const made = await render(options)
  return made.ok ? made.value.text : `fault: ${made.error.message}`
}

async function faultOf(options: RenderOptions) {
  const made = await render(options)
  if (made.ok) throw new Error(`rendered: ${made.value.text}`)
  return made.error
}

const keys = { web: { port: 8080, hosts: ['a', 'b'], tls: true }, '/db/host': 'db1' }

test('a text in nunjucks, and in the language of Go', async () => {
  const template =
    '{{ getv("/web/port") }} {{ getv("/db/host") }} {{ getvs("/web/hosts/*") | join(",") }}'
  expect(await textOf({ template, keys })).toBe('8080 db1 a,b')
  const go = '{{getv "/web/port"}} {{getv "/db/host"}} {{join (getvs "/web/hosts/*") ","}}'
  expect(await textOf({ template: go, engine: 'go', keys })).toBe('8080 db1 a,b')
})

test('nested names, paths and maps are the same keys; null is a missing key', async () => {
  const template = '{% for p in range("/") %}{{ p.key }}={{ p.value }} {% endfor %}'
  const wanted = '/a/b=1 /a/c=true /d=1.5 '
  expect(await textOf({ template, keys: { a: { b: 1, c: true }, d: 1.5 } })).toBe(wanted)
  expect(await textOf({ template, keys: { '/a/b': '1', 'a/c': 'true', d: 1.5, e: null } })).toBe(
    wanted,
  )
  const a = new Map([
    ['b', '1'],
    ['c', 'true'],
  ])
  const map = new Map<string, KeyValue>([
    ['a', a],
    ['d', 1.5],
  ])
  expect(await textOf({ template, keys: map })).toBe(wanted)
})

test('the keys of a named store are seen under its name only', async () => {
  const template = '{{ getv("vault2:/secret/pin") }} {{ ls("/") | join(",") }}'
  expect(await textOf({ template, keys: { a: 1, 'vault2:/secret/pin': '7' } })).toBe('7 a')
})

test('a template file is found by name, and includes files of its folder', async () => {
  file('part.njk', 'port {{ getv("/web/port") }}')
  const njk = file('all.njk', '{% include "part.njk" %}!\n')
  expect(await textOf({ file: njk, keys })).toBe('port 8080!\n')
  const tmpl = file('all.tmpl', '{{getv "/web/port"}}\n')
  expect(await textOf({ file: tmpl, keys })).toBe('8080\n')
  expect(await textOf({ template: '{% include "part.njk" %}', templates: folder, keys })).toBe(
    'port 8080',
  )
  const deep = file('deep/one.njk', '{% include "part.njk" %}')
  expect(await textOf({ file: deep, templates: folder, keys })).toBe('port 8080')
})

test('options of a resource', async () => {
  const template = '  {% if true %}\nx\n  {% endif %}\n'
  expect(await textOf({ template, keys })).toBe('x\n')
  const whole = { trim_blocks: false, lstrip_blocks: false }
  expect(await textOf({ template, keys, ...whole })).toBe('  \nx\n  \n')
  const delims = { left_delim: '[[', right_delim: ']]' }
  const go = '[[getv "/web/port"]] {{ }}'
  expect(await textOf({ template: go, engine: 'go', keys, ...delims })).toBe('8080 {{ }}')
})

test('look-ups are returned, hits and misses', async () => {
  const part = file('reads.njk', '{{ getv("/web/port") }}{{ exists("/nope") }}{{ ls("/web") }}')
  const made = await render({ template: '{% include "reads.njk" %}', templates: folder, keys })
  if (!made.ok) throw new Error(made.error.message)
  const { reads } = made.value
  expect([...reads.keys]).toEqual(expect.arrayContaining(['/web/port', '/nope']))
  expect([...reads.listings]).toEqual(['/web'])
  expect([...reads.files]).toEqual([part])
})

test('bytes are what would be written', async () => {
  const made = await render({ template: '{{ base64Decode("/w==") }}é', keys: {} })
  if (!made.ok) throw new Error(made.error.message)
  expect([...made.value.bytes]).toEqual([0xff, 0xc3, 0xa9])
  expect(made.value.text).toBe('\ufffdé')
})

test('many concurrent renders do not affect each other', async () => {
  const template = '{{ regexFind("[0-9]+", getv("/n")) }}'
  const texts = await Promise.all(
    Array.from({ length: 20 }, (_, n) => textOf({ template, keys: { n: `x${n}` } })),
  )
  expect(texts).toEqual(Array.from({ length: 20 }, (_, n) => String(n)))
})

describe('faults are returned', () => {
  test('in a text: line, column and the lines around it, no file', async () => {
    const fault = await faultOf({ template: 'a\n  {{ getv("/nope") }}\n', keys })
    expect(fault).toMatchObject({ kind: 'template', line: 2, column: 6 })
    expect(fault.message).toContain('/nope')
    expect(fault.frame).toContain('2 |   {{ getv("/nope") }}')
    expect(fault.hint).toContain('default')
    expect(fault).not.toHaveProperty('file')
    const go = await faultOf({ template: 'a\n  {{getv "/nope"}}\n', engine: 'go', keys })
    expect(go).toMatchObject({ kind: 'template', line: 2, column: 5 })
    expect(go).not.toHaveProperty('file')
  })

  test('in a file, or one that it includes: its path too', async () => {
    const inner = file('inner.njk', 'x\n{{ nope }}')
    const outer = file('outer.njk', '{% include "inner.njk" %}')
    expect(await faultOf({ file: outer, keys })).toMatchObject({ file: inner, line: 2 })
    expect(await faultOf({ file: join(folder, 'none.njk'), keys })).toMatchObject({
      file: join(folder, 'none.njk'),
      message: 'the template file does not exist',
    })
  })

  test('of the syntax, and of an include that leaves the folder', async () => {
    expect(await faultOf({ template: '{% if %}', keys })).toMatchObject({
      kind: 'template',
    })
    expect(await faultOf({ template: '{{if}}', engine: 'go', keys })).toMatchObject({ line: 1 })
    const outside = { template: '{% include "../../etc/passwd" %}', templates: folder, keys }
    expect((await faultOf(outside)).message).toContain('lies outside of the templates folder')
  })

  test.each([
    ['neither template nor file', { keys }],
    ['both', { keys, template: '', file: 'x' }],
    ['no text', { keys, template: 5 }],
    ['no keys', { template: '' }],
    ['keys that are not an object', { template: '', keys: 'x' }],
    ['an unknown engine', { template: '', keys, engine: 'jinja' }],
  ])('of the options, for callers without types: %s', async (_, options) => {
    expect(await faultOf(options as unknown as RenderOptions)).toMatchObject({ kind: 'config' })
  })
})
