// The catalog on a real agent: registrations and their changes.
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import type { CatalogSettings, ConnectionSettings } from '../../src/core/settings.ts'
import type { Demand } from '../../src/core/store.ts'
import { MutableDemand } from '../../src/feeds/demand.ts'
import { open } from '../../src/stores/consul-catalog.ts'
import { everything } from '../../src/stores/consul-catalog/scope.ts'
import { joinAgent, startAgent, type Agent } from '../support/consul-agents.ts'
import { startFake } from '../support/fake-http.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { settingsFor } from '../support/settings.ts'

let agent: Agent
let tests = 0
let web: string

beforeAll(async () => {
  agent = await startAgent()
})
afterAll(() => agent.server.stop())
beforeEach(() => {
  web = `web${++tests}`
})

export const catalog: CatalogSettings = { health: 'passing', tags: [], meta: [], maxStale: 0 }

function watch(
  prefixes: readonly Key[],
  own: Partial<CatalogSettings> = {},
  demand?: Demand,
  node = agent.server.node,
): RawWatch {
  const connection: ConnectionSettings = { nodes: [node], scheme: 'http' }
  const settings = settingsFor({
    backend: 'consul-catalog',
    connection,
    catalog: { ...catalog, ...own },
  })
  const raw = new RawWatch(open(settings, {}), prefixes, demand)
  onTestFinished(() => raw.end())
  return raw
}

/** Registers an instance on a node without an agent. Consul checks less there than in an agent. */
const registerOn = (Node: string, Service: object, more: object = {}): Promise<string> => {
  const body = { Node, Address: '10.8.0.1', Service, ...more }
  return agent.server.client.call('PUT', '/v1/catalog/register', JSON.stringify(body))
}

/** Returns an event with parsed values, reduced to the given fields. The entries of the service list are left out. */
function seen(event: object, ...fields: readonly string[]): unknown {
  const { entries, put, del } = event as {
    entries?: Record<string, string>
    put?: Record<string, string>
    del?: string[]
  }
  const isListed = (key: string): boolean => key.endsWith('/')
  const told = Object.entries(entries ?? put ?? {}).filter(([key]) => !isListed(key))
  const parsed = told.map(([key, text]) => {
    const value = JSON.parse(text) as Record<string, unknown>
    return [key, Object.fromEntries(fields.map((field) => [field, value[field]]))]
  })
  return {
    ...Object.fromEntries(parsed),
    ...(del === undefined ? {} : { del: del.filter((key) => !isListed(key)) }),
  }
}

test('an instance with all that is known of it; the node has its address', async () => {
  await agent.registerChecked({
    Name: web,
    ID: `${web}/80%`,
    Port: 80,
    Tags: ['z', 'a'],
    Meta: { version: '2', canary: 'no' },
    Weights: { Passing: 7, Warning: 2 },
  })
  await agent.register({ Name: web, ID: `${web}-b`, Address: '10.0.0.2', Port: 81 })
  const event = (await watch([`/services/${web}`]).next()) as { entries: Record<string, string> }
  expect(Object.keys(event.entries).sort()).toEqual([
    `/services/${web}/one:${web}%2F80%25`,
    `/services/${web}/one:${web}-b`,
  ])
  const [first = '', second = ''] = Object.keys(event.entries)
    .sort()
    .map((key) => event.entries[key])
  const node = {
    ...{ node: 'one', nodeAddress: '127.0.0.1', datacenter: 'dc1', status: 'passing', kind: '' },
    nodeMeta: { 'consul-network-segment': '' },
    nodeTaggedAddresses: Object.fromEntries(
      ['lan', 'lan_ipv4', 'wan', 'wan_ipv4'].map((name) => [name, '127.0.0.1']),
    ),
  }
  const serf = { id: 'serfHealth', name: 'Serf Health Status', status: 'passing' }
  expect(JSON.parse(first)).toEqual({
    ...{ id: `${web}/80%`, name: web, address: '127.0.0.1', port: 80, tags: ['a', 'z'] },
    ...{ meta: { canary: 'no', version: '2' }, weights: { passing: 7, warning: 2 } },
    taggedAddresses: {},
    ...node,
    checks: [{ id: `check:${web}/80%`, name: `Service '${web}' check`, status: 'passing' }, serf],
  })
  expect(JSON.parse(second)).toEqual({
    ...{ id: `${web}-b`, name: web, address: '10.0.0.2', port: 81, tags: [], meta: {} },
    ...{ weights: { passing: 1, warning: 1 }, ...node, checks: [serf] },
    taggedAddresses: Object.fromEntries(
      ['lan_ipv4', 'wan_ipv4'].map((name) => [name, { address: '10.0.0.2', port: 81 }]),
    ),
  })
})

test('one instance is registered, then another, and then one is deregistered', async () => {
  const raw = watch([`/services/${web}`])
  expect(await raw.next()).toEqual({ kind: 'snapshot', entries: {} })
  await agent.register({ Name: web, ID: 'a', Port: 1 })
  expect(seen(await raw.next(), 'port')).toEqual({
    [`/services/${web}/one:a`]: { port: 1 },
    del: [],
  })
  await agent.register({ Name: web, ID: 'b', Port: 2 })
  expect(seen(await raw.next(), 'port')).toEqual({
    [`/services/${web}/one:b`]: { port: 2 },
    del: [],
  })
  await agent.deregister('a')
  expect(seen(await raw.next())).toEqual({ del: [`/services/${web}/one:a`] })
  await agent.deregister('b')
  expect(seen(await raw.next())).toEqual({ del: [`/services/${web}/one:b`] })
})

test('passing, critical, passing; warning is not passing', async () => {
  await agent.registerChecked({ Name: web, ID: web })
  const key = `/services/${web}/one:${web}`
  const raw = watch([`/services/${web}`])
  expect(seen(await raw.next(), 'status')).toEqual({ [key]: { status: 'passing' } })
  for (const state of ['critical', 'warning'] as const) {
    await agent.check(web, state)
    expect(seen(await raw.next())).toEqual({ del: [key] })
    await agent.check(web, 'passing')
    expect(seen(await raw.next(), 'status')).toEqual({ [key]: { status: 'passing' }, del: [] })
  }
})

test('maintenance takes an instance out, and brings it back', async () => {
  await agent.registerChecked({ Name: web, ID: web })
  const key = `/services/${web}/one:${web}`
  const [passing, any] = [
    watch([`/services/${web}`]),
    watch([`/services/${web}`], { health: 'any' }),
  ]
  await passing.next()
  await any.next()
  await agent.maintain(web, true)
  expect(seen(await passing.next())).toEqual({ del: [key] })
  expect(seen(await any.next(), 'status')).toEqual({ [key]: { status: 'maintenance' }, del: [] })
  await agent.maintain(web, false)
  expect(seen(await passing.next(), 'status')).toEqual({ [key]: { status: 'passing' }, del: [] })
  expect(seen(await any.next(), 'status')).toEqual({ [key]: { status: 'passing' }, del: [] })
})

test('with any state allowed, each state is reported', async () => {
  await agent.registerChecked({ Name: web, ID: web })
  const key = `/services/${web}/one:${web}`
  const raw = watch([key as Key], { health: 'any' })
  await raw.next()
  for (const status of ['warning', 'critical', 'passing'] as const) {
    await agent.check(web, status)
    expect(seen(await raw.next(), 'status')).toEqual({ [key]: { status }, del: [] })
  }
})

test('changes of tags, metadata, weights and address arrive; the output of checks does not', async () => {
  await agent.registerChecked({ Name: web, ID: web, Port: 1 })
  const raw = watch([`/services/${web}`])
  await raw.next()
  const key = `/services/${web}/one:${web}`
  for (let n = 0; n < 5; n++) await agent.check(web, 'passing', `output ${n}`)
  await agent.registerChecked({ Name: web, ID: web, Port: 1, Tags: ['new'] })
  expect(seen(await raw.next(), 'tags')).toEqual({ [key]: { tags: ['new'] }, del: [] })
  await agent.registerChecked({ Name: web, ID: web, Port: 1, Meta: { a: 'b' } })
  expect(seen(await raw.next(), 'tags', 'meta')).toEqual({
    [key]: { tags: [], meta: { a: 'b' } },
    del: [],
  })
  const Weights = { Passing: 3, Warning: 1 }
  await agent.registerChecked({ Name: web, ID: web, Port: 1, Weights, Address: '10.9.9.9' })
  expect(seen(await raw.next(), 'weights', 'address')).toEqual({
    [key]: { weights: { passing: 3, warning: 1 }, address: '10.9.9.9' },
    del: [],
  })
})

test('tag and metadata choose', async () => {
  await agent.register({ Name: web, ID: 'a', Tags: ['x', 'y'], Meta: { v: '1=1' } })
  await agent.register({ Name: web, ID: 'b', Tags: ['x'], Meta: { v: '1=1' } })
  await agent.register({ Name: web, ID: 'c', Tags: ['x', 'y'], Meta: { v: '2' } })
  const keys = async (own: Partial<CatalogSettings>): Promise<string[]> => {
    const event = await watch([`/services/${web}`], own).next()
    return Object.keys((event as { entries: object }).entries).map((key) => key.slice(-1))
  }
  expect(await keys({ tags: ['x'] })).toEqual(['a', 'b', 'c'])
  expect(await keys({ tags: ['x', 'y'] })).toEqual(['a', 'c'])
  expect(await keys({ tags: ['y'], meta: ['v=1=1'] })).toEqual(['a'])
  expect(await keys({ meta: ['v=none'] })).toEqual([])
})

test('all services, and those to come; a neighbour of the name is none of them', async () => {
  await agent.register({ Name: web, ID: web })
  const [all, one] = [watch(['/services']), watch([`/services/${web}`])]
  expect(Object.keys(((await all.next()) as { entries: object }).entries)).toContain(
    `/services/${web}/one:${web}`,
  )
  await one.next()
  await agent.register({ Name: `${web}-other`, ID: `${web}-other` })
  expect(seen(await all.next())).toHaveProperty([`/services/${web}-other/one:${web}-other`])
  await agent.deregister(`${web}-other`)
  expect(seen(await all.next())).toEqual({
    del: [`/services/${web}-other/one:${web}-other`],
  })
  await agent.deregister(web)
  expect(seen(await one.next())).toEqual({ del: [`/services/${web}/one:${web}`] })
})

test('registrations with odd names and ports harm no other service', async () => {
  const odd = ['bad\nname', 'a//b', '../x', '..', 'zero\0', '\u202ex']
  for (const [n, Name] of odd.entries()) await agent.register({ Name, ID: `odd${n}` })
  onTestFinished(async () => {
    await Promise.all(odd.map((_, n) => agent.deregister(`odd${n}`)))
  })
  // Consul, like Go, converts `İ` to `i`, so it returns the instances of both services for both names.
  await agent.register({ Name: `${web}i`, ID: 'x1', Port: -5 })
  await agent.register({ Name: `${web}İ`, ID: 'x2', Port: 2 ** 60 })
  const node = { Address: '10.0.0.1', SkipNodeUpdate: false }
  for (const [Node, ID] of [
    ['a:b', 'c'],
    ['a', 'b:c'],
  ]) {
    const body = { ...node, Node, Service: { Service: web, ID } }
    await agent.server.client.call('PUT', '/v1/catalog/register', JSON.stringify(body))
    onTestFinished(async () => {
      await agent.server.client.call('PUT', '/v1/catalog/deregister', JSON.stringify({ Node }))
    })
  }
  const raw = watch(['/services'])
  const { entries } = (await raw.next()) as { entries: object }
  const own = Object.keys(entries).filter((key) => key.startsWith(`/services/${web}`))
  expect(own.filter((key) => !key.endsWith('/')).sort()).toEqual([
    `/services/${web}/a%3Ab:c`,
    `/services/${web}/a:b:c`,
    `/services/${web}i/one:x1`,
    `/services/${web}i/one:x2`,
    `/services/${web}İ/one:x1`,
    `/services/${web}İ/one:x2`,
  ])
  expect(raw.notices).toEqual([
    'lists of services omit names that Consul\'s HTTP API cannot serve: "..", "../x", "a//b" and 3 more',
  ])
})

test.each([
  ['cannot serve', 'bad\nname'],
  ['cannot serve', '\udcff'],
  ['cannot serve', '..%2F..%2Fkv'],
  // Printable for Node, but not for the older Unicode tables of this Consul.
  ['rejected the request for', '\u{1fae8}'],
])('a look-up that Consul %s affects no other look-up: %j', async (message, name) => {
  await agent.register({ Name: web, ID: web })
  const good: Key = `/services/${web}`
  const bad: Key = `/services/${name}`
  const demand = new MutableDemand({ trees: new Set([bad, good]), names: new Set() })
  const raw = watch(['/services'], {}, demand)
  expect(seen(await raw.next(), 'port')).toEqual({ [`${good}/one:${web}`]: { port: 0 } })
  expect(raw.refused).toEqual({ [bad]: expect.stringContaining(message) as string })
})

test('a node that comes and leaves takes its services with it', async () => {
  const raw = watch(['/nodes', `/services/${web}`])
  expect(seen(await raw.next(), 'node', 'address')).toEqual({
    '/nodes/one': { node: 'one', address: '127.0.0.1' },
  })
  const second = await joinAgent(agent, 'two')
  onTestFinished(() => second.server.stop())
  expect(seen(await raw.next(), 'datacenter')).toEqual({
    '/nodes/two': { datacenter: 'dc1' },
    del: [],
  })
  await second.register({ Name: web, ID: web })
  const key = `/services/${web}/two:${web}`
  while (!Object.hasOwn(seen(await raw.next()) as object, key));
  await second.leave()
  const gone = new Set<string>()
  while (gone.size < 2)
    for (const key of ((await raw.next()) as { del: string[] }).del) gone.add(key)
  expect(gone).toEqual(new Set(['/nodes/two', key]))
})

test('keys that the catalog cannot have are reported, but are no failure', async () => {
  const settings = settingsFor({
    backend: 'consul-catalog',
    connection: { nodes: [agent.server.node], scheme: 'http' },
  })
  const opened = open(settings, {})
  if (!opened.ok) throw new Error(opened.error.message)
  const abort = new AbortController()
  for await (const event of opened.value.watch(agent.server.node, ['/app'], abort.signal)) {
    expect(event).toMatchObject({ kind: 'snapshot', entries: new Map() })
    expect(event.kind === 'snapshot' && event.notices?.[0]?.message).toContain('/app')
    abort.abort()
  }
})

test('the values contain the order by distance', async () => {
  await agent.register({ Name: web, ID: 'a' })
  await agent.register({ Name: web, ID: 'b' })
  const near = seen(await watch([`/services/${web}`], { near: '_agent' }).next(), 'order')
  const orders = Object.values(near as Record<string, { order: number }>).map(({ order }) => order)
  expect(orders.sort()).toEqual([0, 1])
})

test.each<[string, Partial<CatalogSettings>, RegExp, string]>([
  ['a datacenter', { datacenter: 'nowhere' }, /No path to datacenter/, '-consul-datacenter'],
  [
    'a namespace',
    { namespace: 'team' },
    /Namespaces are a Consul Enterprise feature/,
    '-consul-namespace',
  ],
])('%s that is not there is a fault with a hint', async (_, own, message, hint) => {
  const fault = await watch([`/services/${web}`], own).fault()
  expect(fault.message).toMatch(message)
  expect(fault.hint).toContain(hint)
})

test('stale reads see changes too', async () => {
  const raw = watch([`/services/${web}`], { maxStale: 5000, datacenter: 'dc1' })
  await raw.next()
  await agent.register({ Name: web, ID: 'a' })
  expect(seen(await raw.next())).toHaveProperty([`/services/${web}/one:a`])
})

test('-consul-meta without a value is refused', () => {
  const settings = settingsFor({ backend: 'consul-catalog', catalog: { ...catalog, meta: ['x'] } })
  expect(open(settings, {})).toMatchObject({ ok: false, error: { kind: 'config' } })
})

test('proxies of the mesh are in no list, and hide no service', async () => {
  const { client } = agent.server
  const put = (what: string, body: object): Promise<string> =>
    client.call('PUT', `/v1/catalog/${what}`, JSON.stringify({ Node: 'mesh', ...body }))
  const register = (ID: string, Service: string, of?: string): Promise<string> =>
    put('register', {
      Address: '10.9.0.1',
      Service: {
        ...{ ID, Service, Port: 80 },
        ...(of === undefined
          ? {}
          : { Kind: 'connect-proxy', Proxy: { DestinationServiceName: of } }),
      },
    })
  await register('a', web)
  await register('b', `${web}-sidecar-proxy`, web)
  await register('c', `${web}-odd`, web)
  // A service and a proxy may have the same name. The summary of services then shows the kind of only one of them.
  await register('z', web, web)
  await register('k', `${web}-both`, `${web}-both`)
  await register('l', `${web}-both`)
  const raw = watch(['/services'])
  const listed = (keys: Iterable<string>): string[] =>
    [...keys].filter((key) => key.includes(web) && key.endsWith('/')).sort()
  const first = (await raw.next()) as { entries: Record<string, string> }
  expect(listed(Object.keys(first.entries))).toEqual([
    `/services/${web}-both/`,
    `/services/${web}/`,
  ])

  // Waits until an event adds this key to the list of services. Returns all keys that the event adds to the list.
  const until = async (key: Key): Promise<string[]> => {
    for (;;) {
      const { put: told } = (await raw.next()) as { put: Record<string, string> }
      const names = listed(Object.keys(told))
      if (names.includes(key)) return names
    }
  }
  await put('deregister', { ServiceID: 'c' })
  await register('d', `${web}-mark`)
  expect(await until(`/services/${web}-mark/`)).toEqual([`/services/${web}-mark/`])
  await register('c', `${web}-odd`)
  await until(`/services/${web}-odd/`)
  await put('deregister', {})
})

test('a negative port, and names that differ only in the place of a colon', async () => {
  await registerOn('node', { Service: web, ID: 'a:b', Port: -1 })
  await registerOn('node:a', { Service: web, ID: 'b', Port: 2 })
  expect(seen(await watch([`/services/${web}`]).next(), 'node', 'id', 'port')).toEqual({
    [`/services/${web}/node:a:b`]: { node: 'node', id: 'a:b', port: -1 },
    [`/services/${web}/node%3Aa:b`]: { node: 'node:a', id: 'b', port: 2 },
  })
})

test('an unknown status of a check is not healthy', async () => {
  const Check = { CheckID: 'c', ServiceID: 'odd', Status: 'odd' }
  await registerOn(`${web}-odd`, { Service: web, ID: 'odd' }, { Check })
  await registerOn(`${web}-even`, { Service: web, ID: 'even' })
  const [even, odd] = [`/services/${web}/${web}-even:even`, `/services/${web}/${web}-odd:odd`]
  expect(seen(await watch([`/services/${web}`]).next(), 'status')).toEqual({
    [even]: { status: 'passing' },
  })
  expect(seen(await watch([`/services/${web}`], { health: 'any' }).next(), 'status')).toEqual({
    [even]: { status: 'passing' },
    [odd]: { status: 'critical' },
  })
})

test('the list of services is read without the summary, and with it once it is available', async () => {
  let summaries = 0
  const fake = await startFake((url, response, nth) => {
    response.setHeader('x-consul-index', nth + 1)
    if (url.pathname === '/v1/catalog/services') {
      response.end('{"web": [], "odd": [], "web-sidecar-proxy": []}')
    } else if (url.pathname !== '/v1/internal/ui/services') response.writeHead(404).end()
    else if (summaries++ === 0) response.writeHead(500).end('rpc error')
    else response.end('[{"Name": "odd", "Kind": "connect-proxy"}]')
  })
  onTestFinished(() => fake.close())
  const names: Demand = {
    ...everything([]),
    now: { trees: new Set(), names: new Set(['/services']) },
  }
  const raw = watch(['/services'], {}, names, fake.node)
  const all = ['/services/odd/', '/services/web-sidecar-proxy/', '/services/web/'] as const
  const [odd, sidecar, own] = all
  const { entries } = (await raw.next()) as { entries: object }
  expect(Object.keys(entries).sort()).toEqual([odd, own])
  expect(await raw.next()).toMatchObject({
    put: { [sidecar]: expect.any(String) as string },
    del: [odd],
  })
})

test('the TTL of a prepared query may be longer than the longest timer', async () => {
  const fake = await startFake((_, response) => response.end('{"DNS": {"TTL": "8760h"}}'))
  onTestFinished(() => fake.close())
  const warnings: string[] = []
  const note = ({ name }: Error): unknown => warnings.push(name)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  const prefixes: Key[] = ['/services@;query/geo']
  const raw = watch(prefixes, {}, everything(prefixes), fake.node)
  expect(await raw.next()).toEqual({ kind: 'snapshot', entries: {} })
  const pending = raw.next().catch(() => undefined)
  await new Promise((turn) => setImmediate(turn))
  expect(warnings).toEqual([])
  await raw.end()
  await pending
})
