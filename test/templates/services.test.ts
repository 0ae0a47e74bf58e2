// Services and nodes in both languages: stores, look-ups, and faults.
import { describe, expect, test } from 'vitest'
import { Workshop, type Keys, type Options } from './helper.ts'

const workshop = new Workshop()
let made = 0

/** Renders an expression in both languages and expects the same output. */
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

test('nearest first, if the values contain the order', async () => {
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
    'service("db"): the resource\'s keys do not include /services/db',
    '"/services/db"',
  ],
  ['services()', 'services', 'services(): the resource', '"/services"'],
  ['nodes()', 'nodes', 'nodes(): the resource', '"/nodes"'],
])('%s is refused where the keys do not include it', async (nunjucks, go, message, hint) => {
  const watched = nunjucks.startsWith('services') ? ['/app'] : ['/services/web', '/app']
  const { messages } = await both(`{{ ${nunjucks} | length }}`, `{{len (${go})}}`, WEB, { watched })
  for (const told of messages) {
    expect(told).toContain(message)
    expect(told).toContain(`add ${hint} to keys = [...]`)
  }
})

test('a service without a name is not all of them', async () => {
  const { messages } = await both('{{ service("") | length }}', '{{len (service "")}}', WEB)
  for (const told of messages)
    expect(told).toContain('service(""): the name of the service is empty')
})

test('in a named store, with any prefix', async () => {
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
    expect(told).toContain('the value of /services/web/n1:a is not a Service')
    expect(told).not.toContain('"secret"')
    expect(told).not.toContain('10.0.0.1')
  }
})

describe('of two stores', () => {
  const keys = {
    '/services/web/n1:a': instance('10.0.0.1'),
    '/nodes/n1': '{"node": "n1", "address": "10.0.0.1"}',
    '/sd:/services/web/n1:a': instance('10.8.0.1'),
    '/sd:/services/db/n1:a': instance('10.8.0.2', { name: 'db' }),
    '/sd:/services@dc2/web/n1:a': instance('10.9.0.1'),
    '/sd:/services@;query/geo/n1:a': instance('10.8.0.3'),
    '/sd:/nodes/n2': '{"node": "n2", "address": "10.8.0.9"}',
    '/sd:/nodes@;services/n2': '{"node": "n2", "services": [{"id": "a", "name": "web"}]}',
    '/sd:/datacenters@/dc8': '',
  }
  const watched = ['/services', '/nodes', '/sd:/services', '/sd:/nodes', '/sd:/services@dc2']

  test.each([
    ['service("web")[0].address', '(index (service "web") 0).Address', '10.0.0.1'],
    ['service("sd:web")[0].address', '(index (service "sd:web") 0).Address', '10.8.0.1'],
    ['service("sd:web@dc2")[0].address', '(index (service "sd:web@dc2") 0).Address', '10.9.0.1'],
    [
      'service("web", {store: "sd"})[0].address',
      '(index (service "web" (map "store" "sd")) 0).Address',
      '10.8.0.1',
    ],
    ['services() | length', 'len services', '1'],
    ['services({store: "sd"}) | length', 'len (services (map "store" "sd"))', '2'],
    ['nodes({store: "sd"})[0].node', '(index (nodes (map "store" "sd")) 0).Node', 'n2'],
    ['node("sd:n2").services[0].name', '(index (node "sd:n2").Services 0).Name', 'web'],
    ['query("sd:geo")[0].address', '(index (query "sd:geo") 0).Address', '10.8.0.3'],
    ['datacenters({store: "sd"})[0]', 'index (datacenters (map "store" "sd")) 0', 'dc8'],
  ])('%s', async (nunjucks, go, expected) => {
    const options = { watched: [...watched, '/sd:/services@;query', '/sd:/nodes@;services'] }
    const { text } = await both(`{{ ${nunjucks} }}`, `{{${go}}}`, keys, {
      ...options,
      watched: [...options.watched, '/sd:/datacenters@'],
    })
    expect(text).toBe(expected)
  })

  test('a store that the keys do not include', async () => {
    const { messages } = await both(
      '{{ services({store: "far"}) | length }}',
      '{{len (services (map "store" "far"))}}',
      keys,
      { watched },
    )
    for (const told of messages) {
      expect(told).toContain('the resource\'s keys include no store "far"')
      expect(told).toContain('add "far:/services" to keys = [...]')
    }
  })

  test('two named ones are distinguished by an option', async () => {
    const { messages } = await both('{{ nodes() | length }}', '{{len nodes}}', keys, {
      watched: ['/sd:/nodes', '/far:/nodes'],
    })
    for (const told of messages) {
      expect(told).toContain('choose one with the option store: "sd" or "far"')
    }
  })
})

describe("consul-template's ways to narrow a look-up say what to write", () => {
  test.each([
    ['service("web?ns=x")', 'service "web?ns=x"', '{namespace: "x"}'],
    [
      'service("web?peer=x")',
      'service "web?peer=x"',
      "Consul's partitions and cluster peering are not supported",
    ],
    ['service("web@dc2~n5")', 'service "web@dc2~n5"', 'service("web@dc2", {near: "n5"})'],
    [
      'service("web|passing,warning")',
      'service "web|passing,warning"',
      'service "web" (map "health" "passing,warning")',
    ],
    ['service("web|critical")', 'service "web|critical"', '{health: "any"}'],
    [
      'service("web@dc2~n5|any")',
      'service "web@dc2~n5|any"',
      'service("web@dc2", {near: "n5", health: "any"}) in nunjucks, service "web@dc2" (map "near" "n5" "health" "any") in Go',
    ],
    [
      'service("a.web@dc1")',
      'service "a.web@dc1"',
      'service("web@dc1", "a") in nunjucks, service "web@dc1" "a" in Go',
    ],
    ['services("@dc2")', 'services "@dc2"', 'services (map "dc" "dc2")'],
    ['nodes("~_agent")', 'nodes "~_agent"', 'write nodes() in nunjucks, nodes in Go'],
    ['datacenters(true)', 'datacenters true', 'datacenters() in nunjucks'],
    ['datacenters("x")', 'datacenters "x"', 'datacenters() in nunjucks'],
    ['byMeta("v|int", service("web"))', 'service "web" | byMeta "v|int"', 'only the metadata keys'],
    ['ls("app@dc2")', 'ls "app@dc2"', 'write "dc2:/app"'],
  ])('%s', async (nunjucks, go, hint) => {
    const keys = { ...WEB, '/services@dc1/web/n1:a': instance('10.0.0.1', { tags: ['a'] }) }
    const watched = ['/services', '/services@dc1', '/nodes']
    const options = { watched }
    const { messages } = await both(`{{ ${nunjucks} }}`, `{{${go}}}`, keys, options)
    for (const told of messages) expect(told).toContain(hint)
  })

  test('a key of that very name is a key', async () => {
    const { text } = await both('{{ ls("/app@x")[0] }}', '{{index (ls "/app@x") 0}}', {
      '/app@x/a': '1',
    })
    expect(text).toBe('a')
  })
})
