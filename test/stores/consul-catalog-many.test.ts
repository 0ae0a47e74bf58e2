// A catalog with more services than permitted connections, and agents that refuse requests.
import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Extent } from '../../src/core/extent.ts'
import type { Key } from '../../src/core/key.ts'
import type { CatalogSettings } from '../../src/core/settings.ts'
import { MutableDemand } from '../../src/feeds/demand.ts'
import { open } from '../../src/stores/consul-catalog.ts'
import { changePort, fillCatalog, startAgent, type Agent } from '../support/consul-agents.ts'
import { startFake } from '../support/fake-http.ts'
import { startTap } from '../support/http-tap.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { settingsFor } from '../support/settings.ts'
import { connectionsTo } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const catalog: CatalogSettings = { health: 'passing', tags: [], meta: [], maxStale: 0 }

function watch(
  node: string,
  prefixes: readonly Key[],
  own: Partial<CatalogSettings> = {},
  demand?: MutableDemand,
): RawWatch {
  const settings = settingsFor({
    backend: 'consul-catalog',
    connection: { nodes: [node], scheme: 'http' },
    catalog: { ...catalog, ...own },
  })
  const raw = new RawWatch(open(settings, {}), prefixes, demand)
  onTestFinished(() => raw.end())
  return raw
}

const portOf = (node: string): number => Number(node.split(':')[1])
/** Returns the keys of instances and nodes, without the entries of the list of services. */
const keysOf = (event: object): string[] =>
  Object.keys((event as { entries: object }).entries).filter((key) => !key.endsWith('/'))

let agent: Agent
beforeAll(async () => {
  agent = await startAgent()
  await fillCatalog(agent, 300, 10)
})
afterAll(() => agent.server.stop())

const change = (service: string, port: number): Promise<void> => changePort(agent, service, port)

test('300 services with 10 instances each over few connections', async () => {
  // Watches through a proxy in front of the agent, so that the test's own connections are not counted.
  const tap = await startTap(agent.server.node)
  onTestFinished(() => tap.close())
  const raw = watch(tap.node, ['/services'])
  let most = 0
  const counting = setInterval(() => (most = Math.max(most, tap.open.length)), 5)
  onTestFinished(() => clearInterval(counting))
  // The agent adds one instance, because it is registered as a service, too.
  expect(keysOf(await raw.next())).toHaveLength(3001)
  for (let n = 0; n < 3; n++) {
    await change(`s${n * 100}`, 9000 + n)
    let event: { put: Record<string, string>; del: string[] }
    // Skips changes of the agent's own service.
    do event = (await raw.next()) as typeof event
    while (Object.keys(event.put).every((key) => key.startsWith('/services/consul/')))
    expect(Object.keys(event.put)).toEqual([`/services/s${n * 100}/n3:s${n * 100}-3`])
    expect(event.del).toEqual([])
  }
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(8)
})

test('of 300 services, only the named ones are requested', async () => {
  const port = portOf(agent.server.node)
  agent.server.client.close()
  const raw = watch(agent.server.node, ['/services/s1', '/services/s2', '/services/none'])
  expect(keysOf(await raw.next())).toHaveLength(20)
  await until('one connection each', () => connectionsTo(port) === 3)
  await change('s5', 9999)
  await change('s2', 9998)
  expect(Object.keys(((await raw.next()) as { put: object }).put)).toEqual(['/services/s2/n3:s2-3'])
})

test('the demand may exceed the connections, and shrink again', async () => {
  const port = portOf(agent.server.node)
  agent.server.client.close()
  const these = (from: number, to: number): Extent => ({
    trees: new Set(Array.from({ length: to - from }, (_, n): Key => `/services/s${from + n}`)),
    names: new Set(),
  })
  const demand = new MutableDemand(these(0, 100))
  const raw = watch(agent.server.node, ['/services'], {}, demand)
  expect(keysOf(await raw.next())).toHaveLength(1000)

  demand.set(these(0, 101))
  const more = (await raw.next()) as { put: object; del: string[] }
  expect(Object.keys(more.put)).toHaveLength(10)
  expect(more.del).toEqual([])

  demand.set(these(99, 102))
  const fewer = (await raw.next()) as { put: object; del: string[] }
  expect(fewer.del).toHaveLength(990)
  expect(Object.keys(fewer.put)).toHaveLength(10)
  expect(connectionsTo(port)).toBeLessThanOrEqual(8)
  const next = raw.next()
  await until('one connection each', () => connectionsTo(port) === 3)
  await change('s0', 9101)
  await change('s101', 9102)
  expect(Object.keys(((await next) as { put: object }).put)).toEqual(['/services/s101/n3:s101-3'])
  demand.set(these(0, 0))
  expect(((await raw.next()) as { del: string[] }).del).toHaveLength(30)
  demand.set(these(5, 6))
  expect(Object.keys(((await raw.next()) as { put: object }).put)).toHaveLength(10)
})

test('a node that is in maintenance takes its instances out of every service', async () => {
  const raw = watch(agent.server.node, ['/services'])
  await raw.next()
  const call = (path: string, body: object): Promise<string> =>
    agent.server.client.call('PUT', path, JSON.stringify({ Node: 'n7', ...body }))
  const CheckID = '_node_maintenance'
  await call('/v1/catalog/register', {
    SkipNodeUpdate: true,
    Check: { Node: 'n7', CheckID, Name: 'Node Maintenance Mode', Status: 'critical' },
  })
  expect(((await raw.next()) as { del: string[] }).del).toHaveLength(300)
  await call('/v1/catalog/deregister', { CheckID })
  expect(Object.keys(((await raw.next()) as { put: object }).put)).toHaveLength(300)
})

test('an agent with few connections to spare gets few', async () => {
  const small = await startAgent({ limits: { http_max_conns_per_client: 8 } })
  onTestFinished(() => small.server.stop())
  for (let n = 0; n < 30; n++) await small.register({ Name: `s${n}`, ID: `s${n}` })
  small.server.client.close()
  const raw = watch(small.server.node, ['/services'])
  expect(keysOf(await raw.next())).toHaveLength(31)
  await until(
    'fewer connections than it allows',
    () => connectionsTo(portOf(small.server.node)) < 8,
  )
  await small.register({ Name: 's7', ID: 's7', Port: 77 })
  small.server.client.close()
  expect(Object.keys(((await raw.next()) as { put: object }).put)).toEqual(['/services/s7/one:s7'])
})

const entry = (name: string, port: number) => ({
  Node: { Node: 'n1', Address: '10.1.0.1', Datacenter: 'dc1' },
  Service: { ID: name, Service: name, Port: port },
  Checks: [],
})
function give(response: ServerResponse, index: number, value: unknown): void {
  response.setHeader('x-consul-index', index)
  response.end(JSON.stringify(value))
}

test('429 is obeyed: a pause as long as requested, then fewer concurrent requests', async () => {
  const refused: number[] = []
  let resumed = Infinity
  let isPause = false
  // Requests that were sent before the second refusal arrive within some turns of the event loop, and do not count.
  const beginPause = async (): Promise<void> => {
    for (let turns = 0; turns < 100; turns++) await nextTurn()
    isPause = true
  }
  const fake = await startFake((url, response) => {
    const name = url.pathname.split('/').at(-1) ?? ''
    if (refused.length < 2 && name === 's5') {
      response.writeHead(429, { 'retry-after': '1' }).end()
      if (refused.push(performance.now()) === 2) void beginPause()
    } else if (url.searchParams.has('index')) {
      // Leaves a blocking query unanswered.
    } else {
      if (isPause) resumed = Math.min(resumed, performance.now())
      if (url.pathname.startsWith('/v1/health/service/')) give(response, 7, [entry(name, 80)])
      else give(response, 7, url.pathname === '/v1/catalog/services' ? {} : [])
    }
  })
  onTestFinished(() => fake.close())
  const raw = watch(
    fake.node,
    Array.from({ length: 10 }, (_, n): Key => `/services/s${n}`),
  )
  expect(keysOf(await raw.next())).toHaveLength(10)
  expect(refused).toHaveLength(2)
  // Allows slightly less than the requested second, because a timer may fire early.
  expect(resumed - (refused[1] ?? 0)).toBeGreaterThanOrEqual(990)
})

test('an agent that keeps refusing is a fault', async () => {
  const fake = await startFake((_, response) => {
    response.writeHead(429, { 'retry-after': '0' }).end()
  })
  onTestFinished(() => fake.close())
  const fault = await watch(fake.node, ['/services/web']).fault()
  expect(fault.message).toMatch(/too many requests \(HTTP 429/)
  expect(fake.asked.length).toBeLessThan(20)
})

test('a stale answer that is too old is requested from the leader', async () => {
  const fake = await startFake((url, response) => {
    const stale = url.searchParams.has('stale')
    if (url.searchParams.has('index')) return
    response.setHeader('x-consul-lastcontact', stale ? 60_000 : 0)
    response.setHeader('x-consul-knownleader', stale ? 'false' : 'true')
    give(response, 7, [entry('web', stale ? 1 : 2)])
  })
  onTestFinished(() => fake.close())
  const ports = async (maxStale: number): Promise<unknown> => {
    const event = await watch(fake.node, ['/services/web'], { maxStale }).next()
    const [value = ''] = Object.values((event as { entries: Record<string, string> }).entries)
    return (JSON.parse(value) as { port: number }).port
  }
  expect(await ports(0)).toBe(2)
  expect(await ports(5000)).toBe(2)
  expect(await ports(70_000)).toBe(1)
})

test('an index that goes back starts over; unchanged values cause no event', async () => {
  const fake = await startFake((url, response) => {
    const index = Number(url.searchParams.get('index') ?? 0)
    if (index === 0)
      give(response, fake.asked.length < 3 ? 90 : 12, [entry('web', fake.asked.length < 3 ? 1 : 2)])
    else if (index === 90) give(response, 12, [entry('web', 1)])
  })
  onTestFinished(() => fake.close())
  const raw = watch(fake.node, ['/services/web'])
  await raw.next()
  expect(Object.keys(((await raw.next()) as { put: object }).put)).toEqual(['/services/web/n1:web'])
  await until('it blocks on the new index', () => fake.asked.at(-1)?.includes('index=12') === true)
})

/** Returns how often each path was requested, regardless of the index in the query. */
const counted = (paths: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const path of paths) {
    const name = path.replace(/[?&](?:index|wait)=[^&]*/g, '')
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

test('the requests that a change causes', async () => {
  const tap = await startTap(agent.server.node)
  onTestFinished(() => tap.close())
  const names = Array.from({ length: 100 }, (_, n) => `s${n}`)
  // Adds a check to the first instance of a service, or changes its status. s1 is watched, and s200 is not.
  const check = (service: string, Status: string): Promise<string> =>
    agent.server.client.call(
      'PUT',
      '/v1/catalog/register',
      JSON.stringify({
        Node: 'n0',
        SkipNodeUpdate: true,
        Check: { Node: 'n0', CheckID: service, Name: 'c', Status, ServiceID: `${service}-0` },
      }),
    )
  await check('s1', 'passing')
  await check('s200', 'passing')
  const raw = watch(
    tap.node,
    names.map((name): Key => `/services/${name}`),
  )
  let most = 0
  const counting = setInterval(() => (most = Math.max(most, tap.open.length)), 5)
  onTestFinished(() => clearInterval(counting))
  expect(keysOf(await raw.next())).toHaveLength(1000)
  const isArmed = (): boolean =>
    tap.open.length === 3 && tap.open.every((p) => p.includes('index='))
  await until('three bells', isArmed)
  expect(counted(tap.asked)).toMatchObject({ '/v1/health/service/s1': 1 })
  const since = async (act: () => Promise<unknown>, over: () => boolean) => {
    const before = tap.asked.length
    await act()
    await until('it is read', () => over() && isArmed())
    return counted(tap.asked.slice(before))
  }

  const next = raw.next()
  const flap = await since(
    () => check('s1', 'critical'),
    () => (counted(tap.asked)['/v1/health/service/s1'] ?? 0) > 1,
  )
  expect(flap).toEqual({ '/v1/health/state/any': 1, '/v1/health/service/s1': 1 })
  expect(((await next) as { del: string[] }).del).toEqual(['/services/s1/n0:s1-0'])

  // The store proceeds only while the test waits for the next event.
  const port = raw.next()
  const bells = (): number => tap.asked.filter((path) => path.includes('/state/any')).length
  const before = bells()
  const foreign = await since(
    () => check('s200', 'critical'),
    () => bells() > before,
  )
  expect(foreign).toEqual({ '/v1/health/state/any': 1 })

  const pass = await since(
    () => change('s7', 9777),
    () => tap.asked.filter((path) => path.startsWith('/v1/health/service/')).length > 200,
  )
  expect(Object.keys(((await port) as { put: object }).put)).toEqual(['/services/s7/n3:s7-3'])
  expect(pass).toEqual({
    '/v1/catalog/services': 1,
    ...Object.fromEntries(names.map((name) => [`/v1/health/service/${name}`, 1])),
  })
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(8)
})
