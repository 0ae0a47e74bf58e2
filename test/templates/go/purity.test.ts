// The output of a range's body is cached for key-value pairs that have not changed. These tests compare it with the
// output of renderers that have cached nothing.
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { type Key } from '../../../src/core/key.ts'
import { Matches } from '../../../src/core/matches.ts'
import { Reader } from '../../../src/core/reader.ts'
import { treeOf, type Tree } from '../../../src/core/tree.ts'
import { functions as shared } from '../../../src/templates/functions/index.ts'
import { execute } from '../../../src/templates/go/evaluator.ts'
import { createEngine } from '../../../src/templates/go/engine.ts'
import { pureFunctions } from '../../../src/templates/go/functions/pure.ts'
import { functionNames, functionsFor } from '../../../src/templates/go/functions/table.ts'
import { parse } from '../../../src/templates/go/parser.ts'
import { createRenderer, type TemplateRenderer } from '../../../src/templates/render.ts'
import { loadRe2 } from '../../../src/templates/functions/regex.ts'
import { removeDir } from '../../support/process.ts'
import { scopeFor, Workshop } from '../helper.ts'

const workshop = new Workshop()
afterAll(() => removeDir(workshop.folder))

const heads = [
  '{{range gets "/a/*"}}',
  '{{range $p := gets "/a/*"}}',
  '{{range $i, $p := gets "/a/*"}}',
  '{{range $x = gets "/a/*"}}',
  '{{$g := gets "/a/*"}}{{$s := sortKVByLength $g}}{{range $g}}',
  '{{$g := gets "/a/*"}}{{range $g}}',
  '{{range sortNatural (gets "/a/*")}}',
]
const pieces = [
  'text ',
  '{{.Key}} ',
  '{{base .Key}}={{.Value}}\n',
  '{{if eq .Value "1"}}one{{else}}{{continue}}{{end}}',
  '{{if eq .Value "2"}}{{break}}{{end}}',
  '{{$x}}',
  '{{$x := .Value}}{{$x}}',
  '{{if $y := .Value}}{{$y}}{{end}}{{$y}}',
  '{{$x = .Key}}',
  '{{getv "/v"}}',
  '{{len (gets "/a/*")}}',
  '{{exists (printf "%s/deep" .Key)}}',
  '{{with .Value}}{{.}}{{end}}',
  '{{range $i, $c := split .Key "/"}}{{$i}}{{$c}}{{$p}}{{end}}',
  '{{range split .Key "/"}}{{if eq . "a"}}{{break}}{{end}}{{end}}',
  '{{template "t" .}}',
  '{{printf "%s-%q" .Key .Value}}',
  '{{$p.Key}}',
  '{{$i}}',
  '{{$}}',
  '{{(index (split .Key "/") 1) | toUpper}}',
  '{{atoi .Value}}',
  '{{.Nothing}}',
]
const loop = fc
  .tuple(fc.constantFrom(...heads), fc.array(fc.constantFrom(...pieces), { maxLength: 4 }))
  .map(([head, body]) => `${head}${body.join('')}{{else}}none{{end}}`)
const templateOf = (loops: readonly string[]): string =>
  `{{define "t"}}[{{.}}{{getv "/v" ""}}]{{end}}{{$x := getv "/v" ""}}{{$y := $x}}{{$p := $x}}{{$i := $x}}${loops.join('')}{{$x}}`
const template = fc.array(loop, { minLength: 1, maxLength: 2 }).map(templateOf)
const key = fc.nat(120).map((n): Key => (n < 110 ? `/a/k${n}` : n < 115 ? '/v' : `/a/k${n}/deep`))
const value = fc.constantFrom('1', '2', '', 'ä', '\udcff')
const entries = fc
  .array(fc.tuple(key, value), { minLength: 50, maxLength: 200 })
  .map((all) => new Map(all))
const change = fc.record({
  put: fc.array(fc.tuple(key, value), { maxLength: 5 }).map((all) => new Map(all)),
  del: fc.array(key, { maxLength: 5 }).map((keys) => new Set(keys)),
})

const long = createRenderer(workshop.folder)
let count = 0

/** Compares a renderer that has rendered all previous trees with a new one. */
async function expectSame(text: string, trees: readonly Tree[]): Promise<void> {
  const name = `t${count++}.tmpl`
  workshop.write(name, text)
  const outcome = async (renderer: TemplateRenderer, tree: Tree): Promise<unknown> => {
    const result = await renderer.render(workshop.spec(name), tree, scopeFor())
    return result.ok
      ? [Buffer.from(result.value.bytes).toString('latin1'), result.value.reads]
      : [result.error.fault, result.error.reads]
  }
  for (const tree of trees) {
    const fresh = createRenderer(workshop.folder)
    expect(await outcome(long, tree)).toEqual(await outcome(fresh, tree))
  }
}

test.each(pieces)('a body of %s', async (piece) => {
  const keys = Array.from({ length: 100 }, (_, n): [Key, string] => [`/a/k${n}`, String(n % 3)])
  const first = treeOf(new Map<Key, string>([...keys, ['/v', '1']]))
  const next = first.with(new Map<Key, string>([['/v', '2']]), new Set())
  const put = new Map<Key, string>([
    ['/a/k30', 'changed'],
    ['/a/k60/deep', 'new'],
  ])
  const last = next.with(put, new Set<Key>(['/a/k90']))
  for (const head of heads) {
    await expectSame(templateOf([`${head}${piece}{{else}}none{{end}}`]), [first, next, last, first])
  }
})

test('a template gives the same after any changes as when it is rendered for the first time', async () => {
  await fc.assert(
    fc.asyncProperty(
      template,
      entries,
      fc.array(change, { maxLength: 4 }),
      (text, first, changes) => {
        const trees = [treeOf(first)]
        for (const { put, del } of changes) trees.push((trees.at(-1) as Tree).with(put, del))
        return expectSame(text, trees)
      },
    ),
    { numRuns: 100, endOnFailure: true },
  )
})

test('a list that is sorted in place is another one', async () => {
  workshop.write('sorted.tmpl', heads[4] + '{{.Key}} {{end}}')
  const keys = Object.fromEntries([1, 10, 2].map((n) => [`/a/${n}`, '']))
  const { text } = await workshop.render('sorted.tmpl', keys)
  expect(text).toBe('/a/1 /a/2 /a/10 ')
})

test('the limits on steps and output are met in the same place', () => {
  const pairs = Array.from({ length: 70 }, (_, n) => [`/a/${100 + n}`, `v${n}`] as [Key, string])
  const reader = new Reader(treeOf(new Map(pairs)), scopeFor(), new Matches())
  const functions = functionsFor({
    reader,
    now: () => new Date(0),
    fact: () => {
      throw new Error('no look-ups here')
    },
  })
  const source = 'begin {{range gets "/a/*"}}{{base .Key}} {{.Value}}\n{{end}}end'
  const compiled = () => {
    const parsed = parse(source, 't.tmpl', { functions: functionNames })
    if (!parsed.ok) throw new Error(parsed.error.message)
    return parsed.value
  }
  const warm = compiled()
  expect(execute(warm, undefined, { functions }).ok).toBe(true)
  for (let n = 0; n < 800; n += 7) {
    const limited = [{ budget: { steps: n } }, { limits: { depth: 10, output: n } }] as const
    for (const limit of limited) {
      const again = execute(warm, undefined, { functions, ...structuredClone(limit) })
      expect(again).toEqual(
        execute(compiled(), undefined, { functions, ...structuredClone(limit) }),
      )
    }
  }
})

test('functions that count as pure do not use the context', async () => {
  await loadRe2()
  for (const name of pureFunctions) expect(functionNames).toContain(name)
  const refuse = (): never => {
    throw new Error('asked the context')
  }
  const reader = new Proxy({} as Reader, { get: refuse })
  const engine = createEngine(workshop.folder)
  const pure = new RegExp(`^[ (|]*(?:${[...pureFunctions].join('|')})\\b`)
  let tried = 0
  for (const { name, examples } of shared) {
    if (!pureFunctions.has(name)) continue
    for (const { go, error } of examples) {
      if (go === undefined || error !== undefined || !pure.test(go) || /get|\$|item/.test(go))
        continue
      workshop.write('pure.tmpl', `{{${go}}}`)
      engine.forget(workshop.spec('pure.tmpl').src)
      engine.render(workshop.spec('pure.tmpl'), { reader, now: refuse, fact: refuse })
      tried++
    }
  }
  expect(tried).toBeGreaterThan(30)
})
