// Common mistakes in Go templates, and the hints in their messages.
import { afterAll, expect, it } from 'vitest'
import { Workshop } from '../helper.ts'
import { removeDir } from '../../support/process.ts'

const workshop = new Workshop()
afterAll(() => removeDir(workshop.folder))

const KEYS = { '/v/a': '1', '/s': 'x', '/services/web/n:1': '{"name": "web", "tags": ["blue"]}' }

it.each<[mistake: string, template: string, place: string, says: string | RegExp]>([
  [
    'a block without end',
    'one\n{{range gets "/v/*"}}\n{{.Key}}\n',
    '2:1',
    'put {{end}} where the range that begins on line 2 ends',
  ],
  [
    'the outer one of two',
    '{{if 1}}\n{{range ls "/v"}}{{end}}\n',
    '1:1',
    'put {{end}} where the if that begins on line 1 ends',
  ],
  [
    'a definition without end',
    '{{define "x"}}\na',
    '1:1',
    'put {{end}} where the define that begins on line 1 ends',
  ],
  ['an end too many', 'a{{end}}', '1:7', 'remove it: no block is open here'],
  [
    'a lost }} before more text',
    'one\n{{getv "/v/a"\nline three\n',
    '3:1',
    'add the closing }} of the action that begins on line 2',
  ],
  [
    'a lost }} at the end',
    '{{getv "/v/a"',
    '1:14',
    'add the closing }} of the action that begins on line 1',
  ],
  [
    'a lost }} before an action',
    '{{if exists "/v/a"\nx {{end}}',
    '2:1',
    'add the closing }} of the action that begins on line 1',
  ],
  [
    'a misspelt field',
    '{{range gets "/v/*"}}{{.Vale}}{{end}}',
    '1:24',
    'did you mean .Value? write one of .Key, .Value',
  ],
  ['an unknown field', '{{(get "/s").X}}', '1:13', 'write one of .Key, .Value'],
  [
    'a field of a string',
    '{{range getvs "/v/*"}}{{.Value}}{{end}}',
    '1:25',
    'the value is a string, which has no fields: remove .Value, or write {{.}} if nothing precedes it',
  ],
  [
    'a field of consul-template',
    '{{(index (service "web") 0).ServiceMeta}}',
    '1:28',
    /^did you mean \.Meta\? /,
  ],
  [
    'a field of a list',
    '{{(gets "/v/*").Value}}',
    '1:16',
    'the value is a list: range over it, or take one item with index',
  ],
  ['a misspelt method', '{{datetime.Formt "x"}}', '1:11', /^did you mean \.Format\?/],
  [
    'a misspelt template',
    '{{define "server"}}{{end}}{{template "servr"}}',
    '1:29',
    'did you mean "server"?',
  ],
  [
    'an operator',
    '{{if getv "/s" == "x"}}{{end}}',
    '1:16',
    /^use a function instead of the operator: eq/,
  ],
  ['two of them', '{{if 1 && 2}}{{end}}', '1:8', /and, or, not/],
  [
    'a sign between values',
    '{{getv "/s" + 1}}',
    '1:13',
    /^use a function instead of the operator: eq/,
  ],
  ['a key without quotes', '{{getv /s}}', '1:8', /^write text in double quotes/],
  ['a key in single quotes', "{{getv '/s'}}", '1:8', /^write text in double quotes/],
  ['a call as in C', '{{if getv("/s")}}{{end}}', '1:10', /^call a function without parentheses/],
  [
    'a call as an argument',
    '{{if not exists "/s"}}{{end}}',
    '1:6',
    /^put parentheses around a call that is an argument/,
  ],
  ['a loop of Jinja', '{{for x}}', '1:3', 'write {{range gets "/dir/*"}}...{{end}}'],
  ['an elseif', '{{if 1}}{{elseif 2}}{{end}}', '1:11', 'write {{else if ...}}'],
  ['an endif', '{{if 1}}{{endif}}', '1:11', 'write {{end}}'],
  ['a sum with a string', '{{add (getv "/v/a") 1}}', '1:13', /^convert the string with atoi/],
  ['a number for text', '{{toUpper (atoi (getv "/v/a"))}}', '1:23', /^convert the number with/],
  ['pairs for texts', '{{join (gets "/v/*") ","}}', '1:14', /use getvs for the values/],
  [
    'a loop over a string',
    '{{range getv "/s"}}{{end}}',
    '1:14',
    /^range over a list: gets .* return lists/,
  ],
  ['a string and a number', '{{eq (getv "/v/a") 1}}', '1:3', /^write the number in quotes/],
  [
    'a float and an integer',
    '{{eq (fromJson "1") 1}}',
    '1:3',
    /^write the number with a decimal point/,
  ],
  ['a misspelt variable', '{{$server := 1}}{{$servr}}', '1:19', 'did you mean $server?'],
  ['a misspelt function', '{{getss "/v/*"}}', '1:3', 'did you mean gets?'],
  [
    'a function that nobody has',
    '{{frobnicate 1}}',
    '1:3',
    'see docs/templates.md for all functions',
  ],
  [
    "consul-template's key",
    '{{key "v"}}',
    '1:3',
    'write getv "/app/port" instead: "key" is a function of consul-template',
  ],
  [
    "a fork's filter",
    '{{getvs "/v/*" | filter "1"}}',
    '1:18',
    /^write .*regexMatch.* instead: "filter" is a function of a fork of confd$/,
  ],
  [
    'Vault',
    '{{secret "x"}}',
    '1:3',
    /^there is no such function here: "secret" is a function of consul-template; Vault/,
  ],
  [
    'a health after a name',
    '{{service "web|any"}}',
    '1:3',
    /^write service\("web", \{health: "any"\}\) in nunjucks, service "web" \(map "health" "any"\) in Go$/,
  ],
  [
    'a health as second argument',
    '{{service "web" "passing,warning"}}',
    '1:3',
    /, or write service\("web", \{health: "passing,warning"\}\)/,
  ],
  ['a tag before a name', '{{service "blue.web"}}', '1:3', /service "web" "blue" in Go$/],
])('%s', async (_, template, place, says) => {
  workshop.write('t.tmpl', template)
  workshop.renderer.forget(`${workshop.folder}/t.tmpl`)
  const { fault } = await workshop.render('t.tmpl', KEYS)
  expect(fault?.hint).toEqual(typeof says === 'string' ? says : expect.stringMatching(says))
  expect(`${fault?.line}:${fault?.column}`).toBe(place)
})

it('check finds what can be seen without keys, and doubts a tag before a name', async () => {
  workshop.write(
    'c.tmpl',
    '{{service "web~n1"}}{{service "web" "any"}}{{service "a.b"}}{{kye "x"}}',
  )
  const { faults, doubts } = await workshop.renderer.check(workshop.spec('c.tmpl'))
  expect(faults.map(({ message }) => message)).toEqual([
    expect.stringContaining('function "kye" not defined'),
    expect.stringContaining('a nearby node after a name'),
    expect.stringContaining('the second argument is a tag here'),
  ])
  expect(doubts.map(({ message }) => message)).toEqual([expect.stringContaining('the tag a of b')])
})
