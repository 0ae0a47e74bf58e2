// The Go engine with files: the older dialect, include, delimiters, limits, values of Go types, and positions of faults.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { decodeValue } from '../../../src/core/bytes.ts'
import { FaultError, type Fault } from '../../../src/core/fault.ts'
import type { Key } from '../../../src/core/key.ts'
import { Reader } from '../../../src/core/reader.ts'
import type { TemplateSpec } from '../../../src/core/resource.ts'
import { treeOf } from '../../../src/core/tree.ts'
import { createEngine } from '../../../src/templates/go/engine.ts'

const folder = mkdtempSync(join(tmpdir(), 'go-engine-'))
afterAll(() => rmSync(folder, { recursive: true }))

const keys: [Key, string][] = [
  ['/app/name', 'shop'],
  ['/app/json', '{"__proto__":1,"constructor":"c","10":"x","9":"y"}'],
  ['/testservice/backend/a', '10.0.0.1:80'],
  ['/testservice/backend/b', '10.0.0.2:80'],
  ['/one_two/three', 'three'],
]
const tree = treeOf(new Map(keys))
const engine = createEngine(folder)
let count = 0

const write = (name: string, text: string | Uint8Array): string => {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

const rest = {
  trimBlocks: false,
  lstripBlocks: false,
  checkTimeout: 0,
  reloadTimeout: 0,
  followSymlinks: true,
  mkdirs: false,
} as const

function attempt(text: string, more: Partial<TemplateSpec> = {}): { out: string; reader: Reader } {
  const src = write(`t${count++}.tmpl`, text)
  const reader = new Reader(tree, { store: 'test', prefix: '/', keys: ['/'] })
  const spec = { ...rest, src, dest: '/x', prefix: '/', keys: ['/'], ...more } as const
  const fact = (): never => {
    throw new Error('no look-ups here')
  }
  const bytes = engine.render(spec, { reader, now: () => new Date(), fact })
  return { out: decodeValue(Buffer.from(bytes)), reader }
}

const render = (text: string, more?: Partial<TemplateSpec>): string => attempt(text, more).out

function faultOf(text: string): Fault {
  try {
    render(text)
  } catch (error) {
    if (error instanceof FaultError) return error.fault
    throw error
  }
  throw new Error('no fault')
}

test('printf refuses %w as a whole, like fmt.Sprintf', () => {
  expect(render('{{printf "%w|%w" (getvs "/testservice/backend/*") 1}}')).toBe(
    '%!w([]string=[10.0.0.1:80 10.0.0.2:80])|%!w(int=1)',
  )
})

test('the classic textbook example', () => {
  const text =
    '{{range $s := .testservice_backend}} server {{Base $s.Key}} {{$s.Value}} check{{end}}'
  expect(render(text)).toBe(' server a 10.0.0.1:80 check server b 10.0.0.2:80 check')
})

test('a root field is a key; underscores of a key stay underscores', () => {
  expect(render('{{.app_name}} {{$.one_two_three}} {{.nope}}')).toBe('shop three <no value>')
  expect(render('{{template "t" .}}{{define "t"}}{{.app_name}}{{end}}')).toBe('shop')
})

test('the look-up of a root field is recorded', () => {
  expect([...attempt('{{.app_name}}').reader.reads.keys]).toContain('/app/name')
})

test('include renders another file with data, and has the same functions', () => {
  write('deep/part.tmpl', '[{{.}} {{getv "/app/name"}}]')
  expect(render('{{include "deep/part.tmpl" 5}}{{include "deep/part.tmpl"}}')).toBe(
    '[5 shop][<no value> shop]',
  )
})

test('a fault of an included file has its own place', () => {
  const path = write('bad.tmpl', 'x\n  {{getv "/missing"}}')
  expect(faultOf('{{include "bad.tmpl"}}')).toMatchObject({ file: path, line: 2, column: 5 })
})

test('include is limited: cycles, depth, and the templates folder', () => {
  write('loop.tmpl', '{{include "loop.tmpl"}}')
  for (let i = 0; i < 12; i++) write(`chain${i}.tmpl`, `{{include "chain${i + 1}.tmpl"}}`)
  expect(faultOf('{{include "loop.tmpl"}}').message).toContain('include cycle detected')
  expect(faultOf('{{include "chain0.tmpl"}}').message).toContain(
    'maximum include depth (10) exceeded',
  )
  expect(faultOf('{{include "../x"}}').message).toContain('outside of the templates folder')
  expect(faultOf('{{include "none"}}').message).toContain('does not exist')
})

test('delimiters of the resource', () => {
  expect(render('[[getv "/app/name"]] {{x}}', { leftDelim: '[[', rightDelim: ']]' })).toBe(
    'shop {{x}}',
  )
})

test('bytes that are not UTF-8 come through', () => {
  expect(render('{{"\\xff" | len}}{{base64Decode "/w=="}}')).toBe('1\udcff')
})

test("JavaScript's own names are out of reach", () => {
  const json = '{{$j := json (getv "/app/json")}}'
  expect(render(`${json}{{$j.__proto__}} {{$j.constructor}} {{$j.toString}} {{$j}}`)).toBe(
    '1 c <no value> map[10:x 9:y __proto__:1 constructor:c]',
  )
})

test('endless templates are refused', () => {
  const deep = 1000
  expect(faultOf('{{if 1}}'.repeat(deep) + '{{end}}'.repeat(deep)).message).toContain(
    'nested deeper',
  )
  expect(faultOf(`{{${'('.repeat(deep)}1${')'.repeat(deep)}}}`).message).toContain('nested deeper')
  expect(faultOf('{{define "a"}}{{template "a"}}{{end}}{{template "a"}}').message).toContain(
    'exceeded maximum template depth',
  )
  expect(faultOf('{{range 10000000000}}{{end}}').message).toContain('too many steps')
})

test('900 levels are rendered', () => {
  expect(render(`${'{{if 1}}'.repeat(900)}x${'{{end}}'.repeat(900)}`)).toBe('x')
})

test('a missing key is reported with action, key, path and store', () => {
  const fault = faultOf('é {{getv "/none"}}')
  expect(fault).toMatchObject({ kind: 'template', line: 1, column: 5 })
  expect(fault.message).toContain(
    'at <getv "/none">: error calling getv: key "/none" does not exist (full path /none in test)',
  )
  expect(fault.hint).toContain('getv "/none" "..."')
})

test('a value that has no form outside of Go is refused by the functions of both engines', () => {
  expect(faultOf('{{services 1+2i}}').message).toContain(
    'error calling services: cannot take a value of type complex128',
  )
})

test('a malformed pattern is an error where there are keys to match it with', () => {
  expect(faultOf('{{gets "/["}}').message).toContain('syntax error in pattern "/["')
  expect(faultOf('{{getvs "/["}}').message).toContain('syntax error in pattern "/["')
  // A new key must cause another render.
  const src = write('empty.tmpl', '[{{range gets "/["}}x{{end}}{{range getvs "/[a"}}x{{end}}]')
  const reader = new Reader(tree, { store: 'test', prefix: '/', keys: ['/none'] })
  const fact = (): never => {
    throw new Error('no look-ups here')
  }
  const spec = { ...rest, src, dest: '/x', prefix: '/', keys: ['/none'] } as const
  const out = engine.render(spec, { reader, now: () => new Date(), fact })
  expect(Buffer.from(out).toString()).toBe('[]')
  expect([...reader.reads.trees]).toEqual(['/none'])
  expect([...reader.reads.keys]).toEqual(['/none'])
  expect([...reader.reads.patterns]).toEqual([])
})
