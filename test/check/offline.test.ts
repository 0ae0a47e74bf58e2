// `reconfd check` without a store: it reports all findings together, each with its position.
import { symlink } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { checkOffline } from '../../src/check/offline.ts'
import { findingsText } from '../../src/check/findings.ts'
import { good, settingsFor } from '../config/load.ts'
import type { Settings } from '../../src/core/settings.ts'
import { folderOf } from '../config/folder.ts'

/** Returns the lines that `reconfd check` prints for a folder with these files, with relative paths. */
async function told(files: Record<string, string>): Promise<string[]> {
  const confdir = await folderOf({ 'templates/b.njk': 'b', ...files })
  const { findings, counted } = await checkOffline(await settingsFor(confdir))
  const text = findingsText(findings, counted, false).replaceAll(`${confdir}/`, '')
  return text.trimEnd().split('\n')
}

const withTemplate = (text: string) => ({
  'conf.d/a.toml': `${good}keys = ["/"]\n`,
  'templates/a.njk': text,
})
const go = '[template]\nsrc = "a.tmpl"\ndest = "/tmp/a"\n'
const withGo = (text: string) => ({ 'conf.d/a.toml': go, 'templates/a.tmpl': text })

test('a configuration without faults', async () => {
  expect(await told(withTemplate('{{ getv("/a") }}'))).toEqual([
    'no faults in 1 resource with 1 template',
  ])
})

test('all faults are reported at once, by file and line', async () => {
  const lines = await told({
    'conf.d/a.toml': `${good}modus = "0644"\nreload_cmd = "if then"\n`,
    'conf.d/b.toml': '[template]\nsrc = "c.tmpl"\ndest = "/tmp/a"\n',
    'templates/a.njk': '{% include "none.njk" %}\n{{ getvv("/x") }}\n',
    'templates/c.tmpl': 'x\n{{getvv "/x"}}\n',
  })
  expect(lines.filter((line) => line.includes(': error: '))).toEqual([
    'conf.d/a.toml:4:1: error: unknown key modus',
    'conf.d/a.toml:5:14: error: the shell cannot parse reload_cmd: Syntax error: "then" unexpected',
    'conf.d/b.toml:3:8: error: dest /tmp/a is already written by conf.d/a.toml:3',
    'templates/a.njk:1:12: error: template "none.njk" does not exist',
    'templates/a.njk:2:4: error: getvv is not defined',
    'templates/c.tmpl:2:3: error: function "getvv" not defined',
  ])
  expect(lines).toContain('  2 | {{ getvv("/x") }}')
  expect(lines.at(-1)).toBe('6 errors, 0 warnings in 2 resources with 2 templates')
})

test.each([
  ['{{ x', 'templates/a.njk:1:1: error: the tag that begins here has no end'],
  ['{% if true %}', 'templates/a.njk:1:1: error: {% if %} is never closed'],
  [
    '{{ 1 | nofilter }}',
    'templates/a.njk:1:8: error: template syntax: there is no filter "nofilter"',
  ],
  ['{{ nothing }}', 'templates/a.njk:1:4: error: nothing is not defined'],
  ['{% from "b.njk" import m %}{{ n() }}', 'templates/a.njk:1:31: error: n is not defined'],
  ['{{ include("none") }}', 'templates/a.njk:1:12: error: template "none" does not exist'],
  [
    '{% include "../x" %}',
    'templates/a.njk:1:12: error: template "../x" lies outside of the templates folder',
  ],
  [
    '{{range gets "/a/*"}}{{end}}',
    'templates/a.njk:1:1: error: the template is written for go, but would be rendered by nunjucks',
  ],
])('nunjucks: %s', async (text, expected) => {
  expect((await told(withTemplate(text)))[0]).toContain(expected)
})

test.each([
  '{% set x = 1 %}{{ x }}',
  '{% for k, v in dict("a", 1) %}{{ k }}{{ loop.index }}{% endfor %}',
  '{% macro m(a, b=2) %}{{ a }}{{ b }}{{ caller() }}{% endmacro %}{% call m(1) %}x{% endcall %}',
  '{% import "b.njk" as b %}{{ b.x() }}',
  '{% if x is defined %}{{ x }}{% endif %}',
  '{{ x | default("y") }}',
  '{% set x = 1 %}{% include "c.njk" %}',
  '{% include "none.njk" ignore missing %}',
  '{% include getv("/name") %}',
  '{% extends "b.njk" %}{% block a %}{{ super() }}{% endblock %}',
  '{% raw %}{{ nothing }}{% endraw %}',
])('nunjucks: nothing is wrong with %s', async (text) => {
  const files = { ...withTemplate(text), 'templates/c.njk': '{{ x }}' }
  expect(await told(files)).toEqual(['no faults in 1 resource with 1 template'])
})

test.each([
  ['{{nope}}', 'templates/a.tmpl:1:3: error: function "nope" not defined'],
  [
    '{{if eq 1 1}}',
    'templates/a.tmpl:1:1: error: unexpected EOF: the if on line 1 is never closed',
  ],
  [
    '{{define "x"}}{{with 1}}{{template "y" .}}{{end}}{{end}}{{template "x"}}',
    'templates/a.tmpl:1:27: error: template "y" not defined',
  ],
  ['{{include "none"}}', 'templates/a.tmpl:1:11: error: template "none" does not exist'],
  [
    '{{if (include "none" | toUpper)}}{{end}}',
    'templates/a.tmpl:1:15: error: template "none" does not exist',
  ],
])('Go: %s', async (text, expected) => {
  expect((await told(withGo(text)))[0]).toContain(expected)
})

test.each([
  ['a.njk', '{{ getv("/b") }}', "getv finds nothing here: the resource's keys do not include /b"],
  [
    'a.njk',
    '{{ gets("/b/*") }}',
    "gets finds nothing here: the resource's keys do not include /b/*",
  ],
  ['a.tmpl', '{{getv "/b"}}', "getv finds nothing here: the resource's keys do not include /b"],
  ['a.njk', '{{ range("/b") }}', "range finds nothing here: the resource's keys do not include /b"],
  [
    'a.njk',
    '{{ service("shop") }}',
    "service fails here: the resource's keys do not include /services/shop",
  ],
  [
    'a.tmpl',
    '{{service "x/y"}}',
    "service fails here: the resource's keys do not include /services/x%2Fy",
  ],
  ['a.njk', '{{ range(3) }}{{ range("/") }}{{ range("/a/b") }}', undefined],
  ['a.njk', '{{ getv("/a/b") }}{{ gets("/*") }}{{ ls("/") }}{{ gets("/a/x*") }}', undefined],
  ['a.tmpl', '{{range gets "/a/*"}}{{end}}{{getv "/a"}}', undefined],
])(
  'a look-up outside of the keys of the resource is a warning: %s %s',
  async (src, text, expected) => {
    const toml = `[template]\nsrc = "${src}"\ndest = "/tmp/a"\nkeys = ["/a"]\nprefix = "/p"\n`
    const lines = await told({ 'conf.d/a.toml': toml, [`templates/${src}`]: text })
    if (expected === undefined) expect(lines).toEqual(['no faults in 1 resource with 1 template'])
    else expect(lines[0]).toContain(`: warning: ${expected}`)
  },
)

test.each(['/services', '/services/shop', '/services/shop/n1', 'consul:/services'])(
  'a service that the keys cover in any store causes no warning: %s',
  async (key) => {
    const toml = `[template]\nsrc = "a.njk"\ndest = "/tmp/a"\nkeys = ["/x", "${key}"]\n`
    const lines = await told({
      'conf.d/a.toml': toml,
      'templates/a.njk': '{{ service("shop") }}',
    })
    expect(lines.filter((line) => line.includes(': warning: '))).toEqual([])
  },
)

test('all unknown names in a template are reported, along with its other faults', async () => {
  const lines = await told({
    'conf.d/a.toml': `${good}keys = ["/a"]\n`,
    'conf.d/b.toml': '[template]\nsrc = "b.tmpl"\ndest = "/tmp/b"\nkeys = ["/a"]\n',
    'templates/a.njk':
      '{{ 1 | no }}{{ 1 | nope }}\n{% if 1 is nay %}{% endif %}{% include "none" %}{{ nothing }}',
    'templates/b.tmpl': '{{no}}{{$x}}{{nope "/a"}}\n{{getv "/b"}}{{if}}',
  })
  expect(lines.filter((line) => line.startsWith('templates/'))).toEqual([
    'templates/a.njk:1:8: error: template syntax: there is no filter "no"',
    'templates/a.njk:1:20: error: template syntax: there is no filter "nope"',
    'templates/a.njk:2:12: error: template syntax: there is no test "nay"',
    'templates/a.njk:2:40: error: template "none" does not exist',
    'templates/a.njk:2:52: error: nothing is not defined',
    'templates/b.tmpl:1:3: error: function "no" not defined',
    'templates/b.tmpl:1:9: error: undefined variable "$x"',
    'templates/b.tmpl:1:15: error: function "nope" not defined',
    'templates/b.tmpl:2:18: error: missing value for if',
  ])
})

test('an included file is checked too, once', async () => {
  const lines = await told({
    ...withGo('{{include "b.tmpl"}}{{include "b.tmpl"}}'),
    'templates/b.tmpl': '{{nope}}{{if true}}{{include "a.tmpl"}}{{end}}',
  })
  expect(lines.filter((line) => line.includes('error:'))).toEqual([
    'templates/b.tmpl:1:3: error: function "nope" not defined',
  ])
})

test('with for_each, dest is checked as a template', async () => {
  const toml =
    '[template]\nsrc = "b.njk"\ndest = "/tmp/x/{{ nope( }}"\nkeys = ["/v"]\nfor_each = "/v/*"\n'
  expect((await told({ 'conf.d/a.toml': toml }))[0]).toMatch(
    /^conf\.d\/a\.toml:3:8: error: in dest: template syntax: /,
  )
})

test('probable mistakes are reported as warnings, along with the errors', async () => {
  const lines = await told({
    'conf.d/a.toml': `group = "edge"\nsplay = "5s"\n${good}modus = "0644"\n`,
    'templates/a.njk': '',
  })
  expect(lines.filter((line) => line.startsWith('conf.d/'))).toEqual([
    'conf.d/a.toml:1:9: warning: a.toml is the only resource in its group "edge"',
    'conf.d/a.toml:2:1: warning: splay has no effect: there is no reload_cmd',
    'conf.d/a.toml:6:1: error: unknown key modus',
  ])
})

test('faults in the settings of a store are reported without a connection', async () => {
  const confdir = await folderOf({
    'conf.d/a.toml': `${good}keys = ["/a"]\n`,
    'templates/a.njk': '',
  })
  const told = async (...argv: string[]): Promise<string[]> => {
    const { findings } = await checkOffline(await settingsFor(confdir, argv))
    return findings.map(({ severity, fault }) => `${severity}: ${fault.message}`)
  }
  expect(await told('-client-cert', '/none.pem')).toEqual([
    'error: -client-cert is given without -client-key',
  ])
  expect(await told('-username', 'u', '-password-file', '/none')).toEqual([
    'warning: cannot read the file given by -password-file: ENOENT',
  ])
})

test('notices are warnings and do not fail the check', async () => {
  const lines = await told({ 'conf.d/a.toml': `group = "edge"\n${good}`, 'templates/a.njk': '' })
  expect(lines).toEqual([
    'conf.d/a.toml:1:9: warning: a.toml is the only resource in its group "edge"',
    '  1 | group = "edge"',
    '    |         ^',
    '0 errors, 1 warning in 1 resource with 1 template',
  ])
})

describe('templates that include one another in a circle', () => {
  const circle = 'error: templates include each other in a cycle: '
  test.each<[Record<string, string>, string]>([
    [
      {
        'conf.d/a.toml': good,
        'templates/a.njk': '\n{% include "b.njk" %}',
        'templates/b.njk': '{% if true %}{% endif %}{% include "c.njk" %}',
        'templates/c.njk': 'x {% include "b.njk" %}',
      },
      `templates/c.njk:1:14: ${circle}b.njk > c.njk > b.njk`,
    ],
    [
      { 'conf.d/a.toml': good, 'templates/a.njk': '{% extends "a.njk" %}' },
      `templates/a.njk:1:12: ${circle}a.njk > a.njk`,
    ],
    [
      {
        'conf.d/a.toml': go,
        'templates/a.tmpl': '{{include "b.tmpl"}}',
        'templates/b.tmpl': '{{with include "a.tmpl" | toUpper}}{{end}}',
      },
      `templates/b.tmpl:1:16: ${circle}a.tmpl > b.tmpl > a.tmpl`,
    ],
  ])('%j', async (files, expected) => {
    const lines = await told(files)
    expect(lines.filter((line) => line.includes(': error: '))).toEqual([expected])
  })

  test.each<Record<string, string>>([
    withTemplate('{% if getv("/deeper") %}{% include "a.njk" %}{% endif %}'),
    withTemplate('{% for x in getvs("/x/*") %}{% include "a.njk" %}{% endfor %}'),
    withTemplate('{{ include("a.njk") if getv("/deeper") }}'),
    withTemplate('{% include "b.njk" %}{% include "b.njk" %}'),
    withGo('{{if exists "/deeper"}}{{include "a.tmpl"}}{{end}}'),
    withGo('{{define "x"}}{{include "a.tmpl"}}{{end}}'),
  ])('recursion that may end is accepted: %j', async (files) => {
    const lines = await told(files)
    expect(lines.filter((line) => line.includes(': error: '))).toEqual([])
  })
})

test('the same file by two paths', async () => {
  const folder = await folderOf({ 'real/x': '' })
  await symlink('real', `${folder}/link`)
  await symlink('x', `${folder}/real/y`)
  const resource = (dest: string): string =>
    `[template]\nsrc = "b.njk"\ndest = "${folder}/${dest}"\nkeys = ["/"]\n`
  const errors = async (one: string, other: string): Promise<string[]> => {
    const lines = await told({ 'conf.d/a.toml': resource(one), 'conf.d/b.toml': resource(other) })
    return lines
      .filter((line) => line.includes(': error: '))
      .map((line) => line.replaceAll(`${folder}/`, ''))
  }
  const shared = (one: string, other: string): string =>
    `conf.d/b.toml:3:8: error: dest ${other} is already written by conf.d/a.toml:3 as ${one}, through a symbolic link`
  expect(await errors('real/new', 'link/new')).toEqual([shared('real/new', 'link/new')])
  expect(await errors('link/x', 'real/y')).toEqual([shared('link/x', 'real/y')])
  expect(await errors('real/none/z', 'link/none/z')).toEqual([shared('real/none/z', 'link/none/z')])
  expect(await errors('real/a', 'link/b')).toEqual([])
})

test('a conf.d without resources is an error that names the files that may have been meant', async () => {
  expect(await told({ 'conf.d/web.tml': good })).toEqual([
    'error: no resources: conf.d contains no .toml file',
    '  give each resource a name that ends in .toml; found web.tml',
    '1 error, 0 warnings in 0 resources with 0 templates',
  ])
})

test('names that begin with a dot are read, copies are not, and names of confd’s *toml are reported', async () => {
  const other = (dest: string): string => good.replace('/tmp/a', dest)
  const lines = await told({
    'conf.d/.env.toml': good,
    'conf.d/.hidden/x.toml': other('/tmp/x'),
    'conf.d/..data/env.toml': good,
    'conf.d/.#env.toml': good,
    'conf.d/.git/env.toml': good,
    'conf.d/ytoml': other('/tmp/y'),
    'templates/a.njk': '',
  })
  expect(lines).toEqual([
    'conf.d/ytoml: warning: not read: the name does not end in .toml',
    '  rename it if it is a resource',
    '0 errors, 1 warning in 2 resources with 2 templates',
  ])
})

test.each([
  ['grep -q x /tmp/a', true],
  ['nginx -t -c {{.dest}}', true],
  ['test -e /tmp/a && nginx -t -c {{.src}}', false],
  ['grep -q x /tmp/ab', false],
  ['grep -q x /etc/tmp/a', false],
  ['true', false],
])('a check_cmd that looks at the file in place: %s', async (command, isTold) => {
  const lines = await told({
    'conf.d/a.toml': `${good}check_cmd = "${command}"\n`,
    'templates/a.njk': '',
  })
  expect(lines.filter((line) => line.includes('warning: check_cmd reads dest'))).toHaveLength(
    isTold ? 1 : 0,
  )
})

test('a user that this machine lacks is a fault of a run, and a warning where it may be another machine', async () => {
  const confdir = await folderOf({
    'conf.d/a.toml': `${good}owner = "no-such-user"\n`,
    'templates/a.njk': '',
  })
  const settings = await settingsFor(confdir)
  const severities = async (of: Settings): Promise<string[]> =>
    (await checkOffline(of)).findings.map(({ severity, fault }) => `${severity}: ${fault.message}`)
  const message = 'there is no user no-such-user on this machine'
  expect(await severities(settings)).toEqual([`error: ${message}`])
  expect(await severities({ ...settings, isElsewhere: true })).toEqual([`warning: ${message}`])
})
