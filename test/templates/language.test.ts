// A nunjucks template that would be rendered by the Go engine, or the reverse, must be refused with a hint. A
// template that only resembles the other language must not be refused.
import { expect, it } from 'vitest'
import { createRenderer } from '../../src/templates/render.ts'
import { scopeFor, treeFrom, Workshop } from './helper.ts'

const workshop = new Workshop()
let count = 0

async function refused(extension: string, text: string, more = {}): Promise<boolean> {
  const name = `t${count++}.${extension}`
  workshop.write(name, text)
  const { message = '' } = await workshop.render(name, { '/a': '1' }, { spec: more })
  return message.includes('the template is written for')
}

it('reports where, and what to do', async () => {
  workshop.write('a.tmpl', 'x\n  {% for s in range("/a") %}{{ s.value }}{% endfor %}\n')
  expect((await workshop.render('a.tmpl')).message).toBe(
    [
      'a.tmpl:2:3: the template is written for nunjucks, but would be rendered by go',
      '  1 | x',
      '  2 |   {% for s in range("/a") %}{{ s.value }}{% endfor %}',
      '    |   ^',
      '  this is nunjucks syntax: give the file the extension .njk, or set engine = "nunjucks" in the resource; to print such a tag, write {{"{%"}}',
    ].join('\n'),
  )
  workshop.write('a.njk', 'x\n{{range gets "/a/*"}}{{.Value}}{{end}}\n')
  expect((await workshop.render('a.njk')).message).toBe(
    [
      'a.njk:2:1: the template is written for go, but would be rendered by nunjucks',
      '  1 | x',
      '  2 | {{range gets "/a/*"}}{{.Value}}{{end}}',
      '    | ^',
      '  this is Go template syntax: give the file the extension .tmpl, or set engine = "go" in the resource; to print such text, put it into {% raw %}',
    ].join('\n'),
  )
})

it.each([
  '{% if x %}b{% endif %}',
  '{%- set x = 1 -%}',
  '{% if 7 % 2 == 1 %}odd{% endif %}',
  '{% include "b.njk" %}',
  '{{getv "/a"}} {% else %}',
])('nunjucks in a Go template: %s', async (text) => {
  expect(await refused('tmpl', text)).toBe(true)
  expect(await refused('conf', text, { engine: 'go' })).toBe(true)
})

it.each([
  'log-format %{+Q}o {%p}',
  '{{"{% if x %}"}}',
  '{{/* {% if x %} it is said */}}',
  '{{`{% raw %}`}}',
  'a {# b #} c',
])('a Go template all the same: %s', async (text) => {
  expect(await refused('tmpl', text)).toBe(false)
})

it.each([
  '{{range gets "/x/*"}}',
  '{{ range .x }}',
  '{{- range $i, $s := .x }}',
  '{{ if eq 1 1 }}',
  '{{end}}',
  '{{- end -}}',
  '{{else}}',
  '{{ else if .x }}',
  '{{with .x}}',
  '{{ $x := 1 }}',
  '{{.Value}}',
  '{{.}}',
  '{{getv "/a"}}',
  '{{ getv `/a` }}',
  '{{/* a comment */}}',
  '{{define "a"}}',
  '{{template "a" .}}',
  '{{toUpper (getv "/a")}}',
  '{{ join (getvs `/a/*`) "," }}',
])('Go in a nunjucks template: %s', async (text) => {
  expect(await refused('njk', `{{ getv("/a") }}\n${text}`)).toBe(true)
})

it.each([
  '{{ range("/a") | length }} {{ getv("/a") }}',
  '{{ range(1, 3) }}',
  '{% for start, end in [[1, 2]] %}{{ start }}-{{ end }}{% endfor %}',
  '{% set end = 1 %}{{ end }}',
  '{% raw %}{{ .Labels.instance }} {{ end }}{% endraw %}',
  '{# {{range .x}} #}',
  '{{ not "a" }}',
  '{{ "a" if exists("/a") else "b" }}',
  '{{ (not "a") }}{{ ("a" in "abc") }}{{ upper(1 or "b") }}',
  '{% set define = "a" %}{% set block = 1 %}{{ define }} {{ block }}',
  '{% set endpoint = 1 %}{{ endpoint }}',
])('nunjucks all the same: %s', async (text) => {
  expect(await refused('njk', text)).toBe(false)
})

it('included files are looked at too, in both languages', async () => {
  workshop.write('part.tmpl', '{% if x %}{% endif %}')
  workshop.write('part.njk', '{{end}}')
  expect(await refused('tmpl', '{{include "part.tmpl"}}')).toBe(true)
  expect(await refused('njk', '{% include "part.njk" %}')).toBe(true)
  expect(await refused('njk', '{{ include("part.njk") }}')).toBe(true)
})

it('a Go template that uses its own delimiters may contain anything else', async () => {
  const delims = { engine: 'go', leftDelim: '[[', rightDelim: ']]' }
  expect(await refused('a', '{% if x %}[[getv "/a"]]{% endif %}', delims)).toBe(false)
  expect(await refused('a', '{% if x %}{{ getv("/a") }}{% endif %}', delims)).toBe(true)
  expect(
    await refused('a', '{%range gets "/x/*"%}', { ...delims, leftDelim: '{%', rightDelim: '%}' }),
  ).toBe(false)
})

it.each([
  ['haproxy.cfg', '{{range gets "/s/*"}}server {{base .Key}} {{.Value}}\n{{end}}', 'server x 1\n'],
  ['named', '{{with getv "/a" "b"}}{{.}}{{end}}', 'b'],
  ['join.conf', '{{join (getvs "/s/*") ","}}', '1'],
  ['bare.conf', 'on {{hostname | printf "%.0s"}}.', 'on .'],
  ['set.conf', '{% set hostname = "h" %}{{ hostname }}', 'h'],
  ['plain.conf', 'port = {{ getv("/s/x") }}', 'port = 1'],
  ['either.conf', 'no tags at all', 'no tags at all'],
  ['env.sh', '{% for p in gets("/s/*") %}{{ p.value }}{% endfor %}', '1'],
])('the content decides where the name says nothing: %s', async (name, text, out) => {
  workshop.write(name, text)
  const notices: string[] = []
  const renderer = createRenderer(workshop.folder, { notice: (told) => notices.push(told) })
  for (let times = 0; times < 2; times++) {
    const made = await renderer.render(workshop.spec(name), treeFrom({ '/s/x': '1' }), scopeFor())
    expect(made.ok && Buffer.from(made.value.bytes).toString()).toBe(out)
    expect((await renderer.check(workshop.spec(name))).faults).toEqual([])
  }
  expect(notices.length).toBe(/\{\{(?:range|with|join|hostname)/.test(text) ? 1 : 0)
})

it('an ambiguous template requires `engine`; custom delimiters mean Go', async () => {
  workshop.write('both.conf', '{% if x %}\n{{range ls "/"}}{{end}}\n{% endif %}')
  const both = await workshop.render('both.conf')
  expect(both.message).toContain(
    'both.conf:2:1: the template contains Go syntax (line 2) and nunjucks syntax (line 1)',
  )
  expect(both.fault?.hint).toContain('set engine = "go" or engine = "nunjucks"')
  expect((await workshop.renderer.check(workshop.spec('both.conf'))).faults).toHaveLength(1)
  workshop.write('delims.conf', '{% if x %}<<getv "/a">>')
  const spec = { leftDelim: '<<', rightDelim: '>>' }
  expect((await workshop.render('delims.conf', { '/a': '1' }, { spec })).text).toBe('{% if x %}1')
})

it('a file that becomes a Go template is one from then on', async () => {
  workshop.write('turns.conf', '{{ getv("/a") }}')
  expect((await workshop.render('turns.conf', { '/a': '1' })).text).toBe('1')
  const path = workshop.write('turns.conf', '{{getv "/a"}}!')
  workshop.renderer.forget(path)
  expect((await workshop.render('turns.conf', { '/a': '1' })).text).toBe('1!')
})
