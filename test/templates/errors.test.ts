// The exact messages about faulty templates, as an operator reads them.
import { expect, it } from 'vitest'
import { render, Workshop, type Keys, type Options } from './helper.ts'

const json: Keys = { '/j': '{"b": {"c": 1}, "n": null}', '/secret': 'hunter2', '/a/1': 'x' }
const GIVE = 'correct the name, give a default with | default("..."), or test "is defined" first'

/** Each case is a template, the position and message, and the hint. */
const cases: [template: string, told: string, hint?: unknown][] = [
  // Syntax.
  ['a\n{{ foo bar }}', '2:8: template syntax: expected "}}" here'],
  ['a\n  {{ foo', '2:3: the tag that begins here has no end', 'put }} where it ends'],
  ['{% if x', '1:1: the tag that begins here has no end', 'put %} where it ends'],
  ['{# x }}\n', '1:1: the comment that begins here has no end', 'put #} where it ends'],
  ['a\n{{ getv("/a }}\nb', '2:9: the string that begins here has no end', 'put " where it ends'],
  ["{{ '\\' }}", '1:4: the string that begins here has no end', "put ' where it ends"],
  [
    '{% raw %}{{ " {%{% endraw %}{{ a(',
    '1:29: the tag that begins here has no end',
    'put }} where it ends',
  ],
  [
    'a\n{% raw %}b',
    '2:1: the raw block that begins here has no end',
    'put {% endraw %}, without dashes, where it ends',
  ],
  [
    '{% raw %}{% raw %}{% endraw %}{%- endraw %}',
    '1:1: the raw block that begins here has no end',
    'put {% endraw %}, without dashes, where it ends',
  ],
  ['{% set x %}a', '1:1: {% set %} is never closed', 'put {% endset %} where it ends'],
  [
    '{% switch 1 %}{% endswitch %}',
    '1:15: template syntax: the tag before this one is incomplete',
    'write {% switch value %}{% case 1 %} ... {% endswitch %}',
  ],
  [
    '{{ (1 }}',
    '1:4: template syntax: expected comma after expression',
    'look for a missing comma, or a missing closing bracket',
  ],
  [
    '{{ getv(/a) }}',
    '1:9: template syntax: unexpected token: /',
    'put text in quotes, as in getv("/app/port")',
  ],
  ['{% if x y %}{% endif %}', '1:11: template syntax: expected "%}" here, in the tag if'],
  ['{% widget %}', '1:4: template syntax: unknown block tag: widget'],
  ['{{ 1 + }}', '1:8: template syntax: unexpected token: }}'],
  [
    'a\n\n {% for x in [1] %}\n',
    '3:2: {% for %} is never closed',
    'put {% endfor %} where it ends',
  ],
  [
    '{% for x in [1] %}\n{% if x %}\n{% endfor %}',
    '3:4: {% endfor %} is out of place: {% if %} on line 2 is still open',
  ],
  ['{% else %}', '1:4: {% else %} is out of place: it belongs to no open tag'],
  [
    '{% for x in [1] %}{% endfore %}',
    '1:22: {% endfore %} is out of place: {% for %} on line 1 is still open',
  ],
  // Tags of other languages, and misspelt ones.
  [
    '{% foreach x in [1] %}{% endforeach %}',
    '1:4: template syntax: unknown block tag: foreach',
    'write {% for item in list %} ... {% endfor %}',
  ],
  [
    '{% if x %}{% end %}',
    '1:14: template syntax: unknown block tag: end',
    'write the end of the open tag, such as {% endif %} or {% endfor %}',
  ],
  ['{% fro x in [1] %}', '1:4: template syntax: unknown block tag: fro', 'did you mean {% for %}?'],
  [
    '{% for x of [1] %}{% endfor %}',
    '1:4: template syntax: expected "in" keyword for loop',
    'write "in" instead of "of"',
  ],
  [
    '{% set x == 1 %}',
    '1:4: template syntax: expected = or block end in set tag',
    'write "=" instead of "=="',
  ],
  [
    '{% set x := 1 %}',
    '1:4: template syntax: expected = or block end in set tag',
    'write "=" instead of ":="',
  ],
  ['{% x = 1 %}', '1:4: template syntax: unknown block tag: x', 'write {% set x = ... %}'],
  [
    '{% if exists "/a" %}{% endif %}',
    '1:19: template syntax: expected "%}" here, in the tag if',
    'put arguments in parentheses: write exists(...)',
  ],
  [
    '{% for x in [1] %}{% break %}{% endfor %}',
    '1:22: template syntax: unknown block tag: break',
    'write {% if condition %} ... {% endif %} around the rest of the loop',
  ],
  ['{{ True }}', '1:4: True is not defined', 'write true'],
  [
    '{% for k, v in json(getv("/j")).items() %}{% endfor %}',
    '1:16: json(...).items is not defined',
    'write {% for key, value in ... %} without .items()',
  ],
  ['{{ "a".upper() }}', '1:4: "upper" is not defined', 'write | upper'],
  [
    '{% if x = 1 %}{% endif %}',
    '1:11: template syntax: expected "%}" here, in the tag if',
    'write "==" to compare',
  ],
  [
    '{% if x %}{% else if y %}{% endif %}',
    '1:22: template syntax: expected "%}" here, in the tag else',
    'write {% elif condition %}',
  ],
  [
    '{{ "x" | gone }}',
    '1:10: template syntax: there is no filter "gone"',
    'see docs/templates.md for all functions and filters',
  ],
  [
    '{{ 1 is gone }}',
    '1:9: template syntax: there is no test "gone"',
    'see docs/templates.md for all functions and filters',
  ],
  ['{{ "x" | uper }}', '1:10: template syntax: there is no filter "uper"', 'did you mean upper?'],
  [
    '{{ "web" | service }}',
    '1:12: template syntax: there is no filter "service"',
    'service is a function: write service(...)',
  ],
  [
    '{{ "x" | to_json }}',
    '1:10: template syntax: there is no filter "to_json"',
    'write toJson instead: "to_json" is a function of Jinja',
  ],
  // Names and operators of other languages.
  ['{{ getss("/a") }}', '1:4: getss is not defined', 'did you mean gets?'],
  ['{% set server = 1 %}{{ servr }}', '1:24: servr is not defined', 'did you mean server?'],
  ['{{ get("/secret").vale }}', '1:4: get(...).vale is not defined', 'did you mean .value?'],
  [
    '{{ key("a") }}',
    '1:4: key is not defined',
    'write getv("/app/port") instead: "key" is a function of consul-template',
  ],
  [
    '{% if 1 || 2 %}{% endif %}',
    '1:10: template syntax: expected symbol, got pipe',
    'write "or" instead of "||"',
  ],
  [
    '{% if not 1 && !2 %}{% endif %}',
    '1:16: template syntax: expected "%}" here, in the tag if',
    'write "and" instead of "&&", "not" instead of "!"',
  ],
  [
    '{{ 1 ? 2 : 3 }}',
    '1:6: template syntax: expected "}}" here',
    'write "a if condition else b" for condition ? a : b',
  ],
  // Undefined.
  ['{{ gone }}', '1:4: gone is not defined', GIVE],
  ['{{ gone("x") }}', '1:4: gone is not defined', GIVE],
  ['{% if gone %}x{% endif %}', '1:7: gone is not defined', GIVE],
  ['{% for x in gone %}x{% endfor %}', '1:13: gone is not defined', GIVE],
  ['{{ getv("/a/1", gone) }}', '1:17: gone is not defined', GIVE],
  ['{% set j = json(getv("/j")) %}\n{{ j.b.q }}', '2:4: j.b.q is not defined', GIVE],
  ['{% set j = json(getv("/j")) %}\n{{ j.q.c }}', '2:4: j.q is not defined', GIVE],
  ['{% set j = json(getv("/j")) %}\n{% if j.q == 1 %}{% endif %}', '2:7: j.q is not defined', GIVE],
  ['{{ constructor }}', '1:4: constructor is not defined', GIVE],
  [
    '{% set j = json(getv("/j")) %}{{ j.n }}',
    '1:34: j.n is null',
    'give a default: {{ j.n | default("...", true) }}',
  ],
  ['{% set j = json(getv("/j")) %}{{ j.n.x }}', '1:34: j.n is null'],
  // Values without a text form.
  [
    '{% set j = json(getv("/j")) %}{{ j.b }}',
    '1:34: j.b is an object, which has no text form',
    'select one of its attributes, or write it as JSON with | dump',
  ],
  ['{{ hostname }}', '1:4: hostname is a function', 'call it: hostname()'],
  // Arguments.
  ['{{ getv() }}', '1:4: getv takes 1 to 2 arguments, got 0', 'write getv(key, default?)'],
  ['{{ "x" | base(1) }}', '1:10: base takes 1 argument, got 2', 'write base(path)'],
  [
    '{{ seq(1, "2") }}',
    '1:4: seq: argument 2 (last) must be a whole number, got a string',
    'a value from the store is a string: convert it with atoi(...)',
  ],
  ['{{ div(1, 0) }}', '1:4: div: division by zero'],
  ['{{ gets("/a/[") }}', '1:4: syntax error in pattern "/a/["'],
  ['{{ 1 in 5 }}', '1:9: "in" works on a list, a string or an object, not on a number'],
  // A message must never quote a bad value.
  ['{{ json(getv("/secret")) }}', '1:4: json: the text is not valid JSON at character 1'],
  ['{{ json("") }}', '1:4: json: the text is not valid JSON: it is empty'],
  ['{{ atoi(getv("/secret")) }}', '1:4: atoi: the text is not a whole number'],
  // Files.
  [
    '{% include "gone.njk" %}',
    '1:12: template "gone.njk" does not exist',
    'create gone.njk, or correct the name',
  ],
  [
    '{% include "../x.njk" %}',
    '1:12: template "../x.njk" lies outside of the templates folder',
    expect.stringContaining('move the file below'),
  ],
  [
    '{% include "/etc/passwd" %}',
    '1:12: template "/etc/passwd" lies outside of the templates folder',
    expect.stringContaining('move the file below'),
  ],
  // Endless recursion.
  [
    '{% macro m(a) %}{{ m(a) }}{% endmacro %}{{ m(1) }}',
    '1:20: templates include or call each other endlessly',
    'look for an include, import or macro that leads back to itself',
  ],
]

it.each(cases.map((row) => ({ row })))('$row.0', async ({ row: [text, told, hint] }) => {
  const { message } = await render(text, json)
  const lines = message?.split('\n') ?? []
  expect(lines[0]).toBe(`t.njk:${told}`)
  expect(lines.find((line) => /^ {2}[a-z]/.test(line))?.trim()).toEqual(hint)
  // The output contains the line itself, with a caret below it.
  expect(lines.some((line) => /^ {2} +\| .*\^$/.test(line) || /^ {4}\| \s*\^$/.test(line))).toBe(
    true,
  )
})

it.each<readonly [string, Options, readonly [string, string]]>([
  [
    '/app/port',
    {},
    [
      't.njk:3:11: key "/app/port" does not exist (full path /app/port in etcdv3)',
      '  give a default: getv("/app/port", "..."), or add the key',
    ],
  ],
  [
    '/app/port',
    { prefix: '/production', watched: ['/app'] },
    [
      't.njk:3:11: key "/app/port" does not exist (full path /production/app/port in etcdv3)',
      '  give a default: getv("/app/port", "..."), or add the key',
    ],
  ],
  [
    '/db/host',
    { prefix: '/production', watched: ['/app'] },
    [
      't.njk:3:11: key "/db/host" does not exist (full path /production/db/host in etcdv3)',
      `  the resource's keys do not include this key: add "/db/host" or a directory above it to keys = [...]`,
    ],
  ],
  [
    'vault2:/secret/key',
    { prefix: '/production', watched: ['/app', 'vault2:/secret'] },
    [
      't.njk:3:11: key "vault2:/secret/key" does not exist (full path /secret/key in vault2)',
      '  give a default: getv("vault2:/secret/key", "..."), or add the key',
    ],
  ],
  [
    // A resource that sets its own store reads only from that store.
    '/secret/key',
    { prefix: '/vault2:/production', watched: ['/secret'] },
    [
      't.njk:3:11: key "/secret/key" does not exist (full path /production/secret/key in vault2)',
      '  give a default: getv("/secret/key", "..."), or add the key',
    ],
  ],
])('a missing key: %s, %j', async (key, options, [told, hint]) => {
  const { message, reads } = await render(`listen\n\n  port {{ getv("${key}") }}\n`, {}, options)
  expect(message).toBe(
    [told, '  2 | ', `  3 |   port {{ getv("${key}") }}`, '    |           ^', hint].join('\n'),
  )
  // The missing key must be recorded, so that its appearance triggers a render. A key outside `keys` must not.
  const full = key.startsWith('/') ? `${options.prefix ?? ''}${key}` : `/${key}`
  expect([...reads.keys]).toEqual(hint?.includes('do not include this key') === true ? [] : [full])
})

it('a failure is reported at its place: in a loop, in an include, in a folder', async () => {
  const workshop = new Workshop()
  workshop.write('main.njk', 'top\n{% include "parts/list.njk" %}\n')
  workshop.write(
    'parts/list.njk',
    'x\n{% for i in [1, 2] %}\n  {% include "./item.njk" %}\n{% endfor %}\n',
  )
  workshop.write('parts/item.njk', '{{ i }}\n{{ getv("/q/" ~ i) }}\n')
  const { message, reads } = await workshop.render('main.njk', { '/q/1': 'one' })
  expect(message).toBe(
    [
      'parts/item.njk:2:4: key "/q/2" does not exist (full path /q/2 in etcdv3)',
      '  1 | {{ i }}',
      '  2 | {{ getv("/q/" ~ i) }}',
      '    |    ^',
      '  give a default: getv("/q/2", "..."), or add the key',
    ].join('\n'),
  )
  const files = ['main.njk', 'parts/list.njk', 'parts/item.njk'].map(
    (name) => `${workshop.folder}/${name}`,
  )
  expect([...reads.files]).toEqual(files)
})

it('a failure in an imported macro, a syntax error in an include, a name that cannot be imported', async () => {
  const workshop = new Workshop()
  workshop.write('macros.njk', '{% macro port(key) %}\n{{ getv(key) }}{% endmacro %}')
  workshop.write('a.njk', '{% from "macros.njk" import port %}\n{{ port("/none") }}')
  expect((await workshop.render('a.njk')).message).toMatch(
    /^macros\.njk:2:4: key "\/none" does not exist/,
  )
  workshop.write('b.njk', 'x\n{% from "macros.njk" import prot %}')
  expect((await workshop.render('b.njk')).message).toMatch(/^b\.njk:2:9: cannot import 'prot'\n/)
  workshop.write('broken.njk', 'x\n{{ 1 + }}')
  workshop.write('c.njk', '{% include "broken.njk" %}')
  expect((await workshop.render('c.njk')).message).toMatch(
    /^broken\.njk:2:8: template syntax: unexpected token/,
  )
})

it.each(['include', 'extends', 'import'])(
  'a file that leads back to itself by %s ends',
  async (tag) => {
    const workshop = new Workshop()
    workshop.write('loop.njk', `{% ${tag} "loop.njk" ${tag === 'import' ? 'as x ' : ''}%}`)
    expect((await workshop.render('loop.njk')).message).toMatch(
      /^loop\.njk:1:\d+: more than 50 nested templates\n/,
    )
  },
)

it('a missing template file is reported and recorded', async () => {
  const workshop = new Workshop()
  const { message, reads } = await workshop.render('none.njk')
  expect(message).toBe('none.njk: the template file does not exist')
  expect([...reads.files]).toEqual([`${workshop.folder}/none.njk`])
})

it.each(['a.tmpl', 'a.gotmpl', 'a.ctmpl', 'a.tpl', 'a.TMPL'])(
  '%s is Go syntax, unless it is said to be nunjucks',
  async (name) => {
    const workshop = new Workshop()
    workshop.write(name, '{{ add 1 2 }}')
    expect((await workshop.render(name)).text).toBe('3')
    workshop.write(name, '{{ add(1, 2) + 1 }}')
    expect((await workshop.render(name, {}, { spec: { engine: 'nunjucks' } })).text).toBe('4')
  },
)

it.each(['a.njk', 'a.j2', 'a.jinja', 'a.nunjucks', 'haproxy.cfg', 'tmpl'])(
  '%s is nunjucks, unless it is said to be in Go syntax',
  async (name) => {
    const workshop = new Workshop()
    workshop.write(name, '{{ add(1, 2) + 1 }}')
    expect((await workshop.render(name)).text).toBe('4')
    workshop.write(name, '{{ add 1 2 }}')
    expect((await workshop.render(name, {}, { spec: { engine: 'go' } })).text).toBe('3')
  },
)
