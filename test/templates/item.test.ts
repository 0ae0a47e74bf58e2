// `item` is the match for which a for_each template is rendered. Tests it in both languages and in `dest`.
import { describe, expect, it } from 'vitest'
import { formatFault } from '../../src/core/fault.ts'
import { toKey } from '../../src/core/key.ts'
import type { TemplateSpec } from '../../src/core/resource.ts'
import { scopeFor, treeFrom, Workshop, type Keys } from './helper.ts'

const workshop = new Workshop()
const keys: Keys = {
  '/p/vhosts/a': 'on',
  '/p/vhosts/a/port': '8080',
  '/p/vhosts/a/up/s1': '10.0.0.1',
  '/p/vhosts/a/up/s2': '10.0.0.2',
  '/p/vhosts/b[1]/port': '80',
  '/p/vhosts/b1/port': '81',
}
let count = 0

interface Options {
  readonly item?: string
  readonly dest?: string
  readonly spec?: Partial<TemplateSpec>
}

/** Renders a template for one item below the prefix /p. */
async function render(extension: 'njk' | 'tmpl', text: string, options: Options = {}) {
  const name = `t${count++}.${extension}`
  workshop.write(name, text)
  const spec = workshop.spec(name, { dest: options.dest ?? '/etc/x', ...options.spec })
  const item = toKey(options.item ?? '/vhosts/a')
  const result = await workshop.renderer.renderItem(
    spec,
    treeFrom(keys),
    scopeFor({ prefix: '/p' }),
    item,
  )
  if (result.ok) {
    const { bytes, dest, reads } = result.value
    return { text: Buffer.from(bytes).toString(), dest, reads, message: undefined }
  }
  const message = formatFault(result.error.fault).replaceAll(`${workshop.folder}/${name}`, 't')
  return { text: undefined, dest: undefined, reads: result.error.reads, message }
}

describe('both languages', () => {
  it.each([
    ['{{ item.key }} {{ item.Key }}', '{{item.Key}} {{item.key}}', '/vhosts/a /vhosts/a'],
    ['{{ item.name }}={{ item.value }}', '{{item.Name}}={{item.Value}}', 'a=on'],
    ['{{ item.Name }}={{ item.Value }}', '{{(item).name}}={{item.value}}', 'a=on'],
    ['{{ item.get("port") }}', '{{item.Get "port"}}', '8080'],
    ['{{ item.get("/port/") }}', '{{"port" | item.get}}', '8080'],
    ['{{ item.get("none", "80") }}', '{{item.Get "none" "80"}}', '80'],
    ['{{ item.get("") }}', '{{item.Get ""}}', 'on'],
    [
      '{{ item.exists("port") }} {{ item.exists("up") }}',
      '{{item.Exists "port"}} {{item.Exists "up"}}',
      'true false',
    ],
    [
      '{% for p in item.pairs %}{{ p.key }}={{ p.value }} {% endfor %}',
      '{{range item.Pairs}}{{.Key}}={{.Value}} {{end}}',
      '/vhosts/a/port=8080 /vhosts/a/up/s1=10.0.0.1 /vhosts/a/up/s2=10.0.0.2 ',
    ],
    [
      '{% for p in item.gets("up/*") %}{{ base(p.key) }} {% endfor %}',
      '{{range item.Gets "up/*"}}{{base .Key}} {{end}}',
      's1 s2 ',
    ],
    ['{{ item.ls() }} {{ item.ls("up") }}', '{{join item.Ls ","}} {{join (item.Ls "up") ","}}', 'port,up s1,s2'], // prettier-ignore
    ['{{ getv(item.key ~ "/port") }}', '{{getv (printf "%s/port" item.Key)}}', '8080'],
    ['{{ item | dump }}', '{{toJson item}}', '{"key":"/vhosts/a","name":"a","value":"on"}'],
  ])('%s', async (nunjucks, go, expected) => {
    expect(await render('njk', nunjucks)).toMatchObject({ message: undefined, text: expected })
    expect(await render('tmpl', go)).toMatchObject({ message: undefined, text: expected })
  })

  it('of a directory without a value it has no value, and its key is no pattern', async () => {
    const item = '/vhosts/b[1]'
    expect((await render('njk', '[{{ item.value }}]', { item })).text).toBe('[]')
    expect((await render('tmpl', '[{{item.Value}}]', { item })).text).toBe('[]')
    const gets = '{% for p in item.gets("*") %}{{ p.key }} {% endfor %}'
    expect((await render('njk', gets, { item })).text).toBe('/vhosts/b[1]/port ')
    expect((await render('tmpl', '{{range item.Gets "*"}}{{.Key}} {{end}}', { item })).text).toBe(
      '/vhosts/b[1]/port ',
    )
  })

  it('is available in included files, and in imported macros', async () => {
    workshop.write('part.njk', '{{ item.get("port") }}')
    workshop.write('part.tmpl', '{{item.Get "port"}}')
    workshop.write('macros.njk', '{% macro port() %}{{ item.get("port") }}{% endmacro %}')
    const nunjucks =
      '{% include "part.njk" %} {{ include("part.njk") }} {% import "macros.njk" as m %}{{ m.port() }}'
    expect((await render('njk', nunjucks)).text).toBe('8080 8080 8080')
    expect((await render('tmpl', '{{include "part.tmpl"}}')).text).toBe('8080')
  })

  it('records only its look-ups', async () => {
    for (const language of ['njk', 'tmpl'] as const) {
      const capital = language === 'njk' ? '{{ item.get("port") }}' : '{{item.Get "port"}}'
      const { reads } = await render(language, `{{ item.key }}${capital}`)
      expect(reads.keys).toEqual(new Set(['/p/vhosts/a/port']))
      expect(reads.trees.size + reads.listings.size + reads.patterns.size).toBe(0)
    }
  })

  it('a missing key is an error that names it, the way out in the syntax of the template', async () => {
    const nunjucks = await render('njk', 'a\n{{ item.get("tls") }}')
    expect(nunjucks.message).toContain(
      't:2:4: key "/vhosts/a/tls" does not exist (full path /p/vhosts/a/tls in etcdv3)',
    )
    expect(nunjucks.message).toContain('give a default: item.get("tls", "..."), or add the key')
    const go = await render('tmpl', 'a\n{{item.Get "tls"}}')
    expect(go.message).toContain('error calling Get: key "/vhosts/a/tls" does not exist')
    expect(go.message).toContain('give a default: item.get "tls" "...", or add the key')
    expect(go.reads.keys).toEqual(new Set(['/p/vhosts/a/tls']))
  })

  it('mistakes in its use are reported', async () => {
    expect((await render('njk', '{{ item.tls }}')).message).toContain('item.tls is not defined')
    expect((await render('njk', '{{ item.get() }}')).message).toContain(
      'item.get takes 1 to 2 arguments, got 0',
    )
    expect((await render('njk', '{{ item }}')).message).toContain('which has no text form')
    expect((await render('tmpl', '{{item.Tls}}')).message).toContain(
      "can't evaluate field Tls in type reconfd.Item",
    )
    expect((await render('tmpl', '{{item.Get}}')).message).toContain('wrong number of args for Get')
  })
})

describe('without for_each', () => {
  it.each(['{{ item.key }}', '{{ item }}', '{% if item.key %}{% endif %}', '{% set x = item %}'])(
    'nunjucks: %s',
    async (text) => {
      workshop.write('plain.njk', text)
      workshop.renderer.forget(`${workshop.folder}/plain.njk`)
      const { message } = await workshop.render('plain.njk')
      expect(message).toMatch(/^plain\.njk:1:\d+: item is not defined: .*templates with for_each\n/)
      expect(message).toContain('set for_each = ')
    },
  )

  it('Go', async () => {
    workshop.write('plain.tmpl', 'x\n{{item.Key}}')
    const { message } = await workshop.render('plain.tmpl')
    expect(message).toContain('plain.tmpl:2:')
    expect(message).toContain('item is not defined: it exists only in templates with for_each')
  })

  it('the name is free for variables and loops, and can be asked for', async () => {
    workshop.write(
      'own.njk',
      '{{ item is defined }} {% for item in [1, 2] %}{{ item }}{% endfor %}{% set item = 3 %}{{ item }}',
    )
    expect((await workshop.render('own.njk')).text).toBe('false 123')
    expect((await render('njk', '{% for item in [1] %}{{ item }}{% endfor %}')).text).toBe('1')
  })
})

describe('dest', () => {
  it('is a template of the same language', async () => {
    const nunjucks = '/etc/{{ base(item.key) }}.{{ item.get("port") }}.conf'
    expect((await render('njk', '', { dest: nunjucks })).dest).toBe('/etc/a.8080.conf')
    const go = '/etc/{{base item.Key}}.{{item.Get "port"}}.conf'
    const made = await render('tmpl', '', { dest: go })
    expect(made.dest).toBe('/etc/a.8080.conf')
    expect(made.reads.keys).toEqual(new Set(['/p/vhosts/a/port']))
  })

  it('always uses double braces, whatever the delimiters of the template', async () => {
    const spec = { leftDelim: '<<', rightDelim: '>>' }
    const made = await render('tmpl', '<<item.Name>>{{', { dest: '/etc/{{item.Name}}', spec })
    expect(made).toMatchObject({ text: 'a{{', dest: '/etc/a' })
  })

  it.each([
    ['njk', '/etc/{{ item.nane }}', 'item.nane is not defined'],
    ['njk', '/etc/{{ item.name', 'the tag that begins here has no end'],
    ['njk', '/etc/{{ base item.Key }}', 'write dest in the language of the template (nunjucks)'],
    ['tmpl', '/etc/{{ base(item.key) }}', '(Go template syntax), as in {{base item.Key}}'],
    ['tmpl', '/etc/{{ nope item.Key }}', 'function "nope" not defined'],
    ['tmpl', '/etc/{{ item.Get "none" }}', 'key "/vhosts/a/none" does not exist'],
  ] as const)('a mistake in a %s dest is reported as one: %s', async (language, dest, told) => {
    const { message } = await render(language, 'x', { dest })
    expect(message).toMatch(/^in dest: /)
    expect(message).toContain(told)
    expect(message).toContain(`1 | ${dest}`)
  })
})
