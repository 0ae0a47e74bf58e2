// Services and nodes in both languages: where they are looked for, what is read, and what is refused.
import { expect, test } from 'vitest'
import { Workshop, type Keys, type Options } from './helper.ts'

const workshop = new Workshop()
let made = 0

/** What both languages make of an expression, which has to be the same. */
async function both(nunjucks: string, go: string, keys: Keys, options: Options = {}) {
  const name = `t${++made}`
  workshop.write(`${name}.njk`, nunjucks)
  workshop.write(`${name}.tmpl`, go)
  const one = await workshop.render(`${name}.njk`, keys, options)
  const other = await workshop.render(`${name}.tmpl`, keys, options)
  expect(one.text).toBe(other.text)
  expect(one.reads.trees).toEqual(other.reads.trees)
  return { ...one, messages: [one.message ?? '', other.message ?? ''] }
}

const instance = (address: string, more: object = {}): string =>
  JSON.stringify({ id: 'x', name: 'web', address, port: 80, ...more })

const WEB = {
  '/services/web/n1:a': instance('10.0.0.1', { tags: ['a', 'b'], meta: { z: '1', y: '2' } }),
  '/services/web/n2:b': instance('10.0.0.2', { tags: ['b'], weights: { passing: 3, warning: 1 } }),
  '/services/web-2/n1:a': instance('10.0.0.9'),
}

const LIST = [
  '{% for s in service("web") %}{{ s.address }}:{{ s.port }} {{ s.Weights.Passing }} {{ s.tags | join("+") }};{% endfor %}',
  '{{range service "web"}}{{.address}}:{{.Port}} {{.weights.passing}} {{join .Tags "+"}};{{end}}',
] as const

test('fields under both names, and no neighbour', async () => {
  const { text, reads } = await both(...LIST, WEB)
  expect(text).toBe('10.0.0.1:80 0 a+b;10.0.0.2:80 3 b;')
  expect([...reads.trees]).toEqual(['/services/web'])
})

test('metadata is a map, and a whole instance has the same JSON in both', async () => {
  const meta = await both(
    '{% for k, v in service("web")[0].meta %}{{ k }}={{ v }} {% endfor %}',
    '{{range $k, $v := (index (service "web") 0).Meta}}{{$k}}={{$v}} {{end}}',
    WEB,
  )
  expect(meta.text).toBe('y=2 z=1 ')
  const json = await both('{{ toJson(service("web")) }}', '{{toJson (service "web")}}', WEB)
  expect(JSON.parse(json.text ?? '')).toMatchObject([
    { Address: '10.0.0.1', Port: 80, Meta: { y: '2', z: '1' }, Checks: [] },
    { Address: '10.0.0.2', Weights: { Passing: 3, Warning: 1 } },
  ])
})

test('nearest first, where the values tell the order', async () => {
  const keys = {
    '/services/web/n1:a': instance('far', { order: 1 }),
    '/services/web/n2:b': instance('near', { order: 0 }),
  }
  const { text } = await both(
    '{% for s in service("web") %}{{ s.address }} {% endfor %}',
    '{{range service "web"}}{{.Address}} {{end}}',
    keys,
  )
  expect(text).toBe('near far ')
})

test('services() are those that the keys show', async () => {
  const options = { watched: ['/services/web'] }
  const { text } = await both(
    '{% for s in services() %}{{ s.name }}: {{ s.tags | join("+") }} {% endfor %}',
    '{{range services}}{{.Name}}: {{join .Tags "+"}} {{end}}',
    WEB,
    options,
  )
  expect(text).toBe('web: a+b ')
})

test.each([
  [
    'service("db")',
    'service "db"',
    'service("db"): the resource\'s keys do not name it',
    '"/services/db"',
  ],
  ['services()', 'services', 'services(): the resource', '"/services"'],
  ['nodes()', 'nodes', 'nodes(): the resource', '"/nodes"'],
])('%s is refused where the keys do not name it', async (nunjucks, go, message, hint) => {
  const watched = nunjucks.startsWith('services') ? ['/app'] : ['/services/web', '/app']
  const { messages } = await both(`{{ ${nunjucks} | length }}`, `{{len (${go})}}`, WEB, { watched })
  for (const told of messages) {
    expect(told).toContain(message)
    expect(told).toContain(`add ${hint} to keys = [...]`)
  }
})

test('a service without a name is not all of them', async () => {
  const { messages } = await both('{{ service("") | length }}', '{{len (service "")}}', WEB)
  for (const told of messages) expect(told).toContain('service(""): a service has a name')
})

test('in a named store, whatever the prefix', async () => {
  const keys = Object.fromEntries(Object.entries(WEB).map(([key, value]) => [`/sd:${key}`, value]))
  const options = { prefix: '/production', watched: ['/app', '/sd:/services/web'] }
  const { text, reads } = await both(...LIST, keys, options)
  expect(text).toBe('10.0.0.1:80 0 a+b;10.0.0.2:80 3 b;')
  expect([...reads.trees]).toEqual(['/sd:/services/web'])
  const names = await both(
    '{% for s in services() %}{{ s.name }} {% endfor %}',
    '{{range services}}{{.Name}} {{end}}',
    keys,
    options,
  )
  expect(names.text).toBe('web ')
})

test('names with a slash', async () => {
  const keys = { '/services/a%2Fb%25/n1:x': instance('10.0.0.1') }
  const { text } = await both(
    '{{ service("a/b%")[0].address }} {{ services()[0].name }}',
    '{{(index (service "a/b%") 0).Address}} {{(index services 0).Name}}',
    keys,
  )
  expect(text).toBe('10.0.0.1 a/b%')
})

test.each([
  '10.0.0.1:80 secret',
  '["secret"]',
  '{"address": ["secret"]}',
  '{"tags": [{"secret": 1}]}',
])('a value that is no instance is a fault that does not repeat it: %s', async (value) => {
  const { messages } = await both(...LIST, { '/services/web/n1:a': value })
  for (const told of messages) {
    expect(told).toContain('the value of /services/web/n1:a is no Service')
    expect(told).not.toContain('"secret"')
    expect(told).not.toContain('10.0.0.1')
  }
})
