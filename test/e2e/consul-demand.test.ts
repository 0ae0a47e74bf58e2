// Of 300 services, reconfd must watch only those that templates look up, and only as long as they are looked up. A
// template contains the name of the service or reads the name from a key. reconfd must never treat a service as empty
// before it has received the instances of the service.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { changePort, fillCatalog, startAgent, type Agent } from '../support/consul-agents.ts'
import { startTap, type Tap } from '../support/http-tap.ts'
import { until } from '../support/until.ts'
import { Running, withSite, type LogLine, type Site } from './support.ts'

let agent: Agent
beforeAll(async () => {
  agent = await startAgent()
  await fillCatalog(agent, 300, 10)
})
afterAll(() => agent.server.stop())

const put = (key: string, value: string): Promise<string> =>
  agent.server.client.call('PUT', `/v1/kv/${key}`, value)

const change = (service: string, port: number): Promise<void> => changePort(agent, service, port)

async function tapped(): Promise<Tap> {
  const tap = await startTap(agent.server.node)
  onTestFinished(() => tap.close())
  return tap
}

/** Returns the services that were requested, each once, sorted. */
const servicesIn = (paths: readonly string[]): string[] => {
  const names = paths.flatMap((path) => /^\/v1\/health\/service\/([^?]+)/.exec(path)?.[1] ?? [])
  return [...new Set(names)].sort()
}
const isList = (path: string): boolean => path.startsWith('/v1/catalog/services')

/** Uses the catalog as the default store, and Consul's KV as the store `kv`. */
const withCatalog = (tap: Tap, use: (site: Site) => Promise<void>): Promise<void> =>
  withSite(['-backend', 'consul-catalog', '-node', tap.node], async (site) => {
    site.config(`[stores.kv]\nbackend = "consul"\nnodes = ["${agent.server.node}"]\n`)
    await use(site)
  })

const line = (service: string): string =>
  `{% for s in ${service} %}${'{{ s.name }} {{ s.address }}:{{ s.port }}'}\n{% endfor %}`

/** Creates a resource that looks up three fixed services, and the services named by the values below `kv:/DIR`. */
function threeAndMore(site: Site, dir: string): void {
  const named = ['s1', 's2', 's3'].map((name) => line(`service("${name}")`)).join('')
  const more = `{% for p in range("kv:/${dir}") %}{{ p.value }}:\n${line('service(p.value)')}{% endfor %}`
  site.template('web', named + more)
  // `allow_empty` allows the test to delete the last key of the store `kv`.
  site.resource('web', {
    keys: ['/services', `kv:/${dir}`],
    reload_cmd: 'true',
    allow_empty: true,
  })
}

/** Returns the JSON output of `reconfd why` for a resource. */
async function why(site: Site, resource: string): Promise<{ state: string; why?: string }> {
  const asked = new Running([
    'why',
    resource,
    '-json',
    '-confdir',
    site.root,
    '-state-dir',
    `${site.root}/state`,
    '-conf-file',
    `${site.root}/confd.toml`,
  ])
  const { stdout } = await asked.finished
  return JSON.parse(stdout) as { state: string }
}

test('three of 300 services are watched, a fourth while a key names it', async () => {
  const tap = await tapped()
  await withCatalog(tap, async (site) => {
    threeAndMore(site, 'more')
    const run = site.start('-watch', '-log-level', 'debug')
    const told = (what: LogLine['event']): number =>
      run.log.filter(({ event }) => event === what).length
    await run.until('three', () => site.lines('web') === 30)
    await until(
      'each is waited for, once',
      () => servicesIn(tap.open).join() === 's1,s2,s3' && tap.open.length === 3,
    )
    expect(servicesIn(tap.asked)).toEqual(['s1', 's2', 's3'])
    expect(tap.asked.some(isList)).toBe(false)

    await put('more/a', 's4')
    await run.until('a fourth', () => site.lines('web') === 41)
    await until('it is watched', () => servicesIn(tap.open).join() === 's1,s2,s3,s4')

    // No resource reads s200, so a change of s200 causes no request and no render.
    await run.until('it is logged', () => told('written') === 2)
    const [asked, renders] = [tap.asked.length, told('rendered')]
    await change('s200', 7000)
    await change('s4', 7001)
    await run.until('the change of the fourth', () => site.read('web')?.includes(':7001') === true)
    await run.until('it is logged', () => told('written') === 3)
    expect(told('rendered')).toBe(renders + 1)
    expect(servicesIn(tap.asked.slice(asked))).toEqual(['s4'])

    // A new generation must start with the keys that are already known.
    site.resource('other', { src: 'web.njk', keys: ['/services', 'kv:/more'] })
    await run.until('the new one', () => site.lines('other') === 41)
    expect(servicesIn(tap.asked.slice(asked))).toEqual(['s4'])

    await put('more/b', 'nosuch')
    await run.until('one that is not there is empty', () => site.lines('web') === 42)
    await agent.register({ Name: 'nosuch', ID: 'nosuch', Address: '10.9.9.9', Port: 9 })
    await run.until('until it is', () => site.read('web')?.includes('nosuch 10.9.9.9:9') === true)

    await agent.server.client.call('DELETE', '/v1/kv/more?recurse=true', '')
    await run.until('three again', () => site.lines('web') === 30)
    await until('the others are let go', () => servicesIn(tap.open).join() === 's1,s2,s3')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('a store that refuses new look-ups: the files wait, and follow later', async () => {
  const tap = await tapped()
  await withCatalog(tap, async (site) => {
    threeAndMore(site, 'late')
    const run = site.start('-watch', '-log-level', 'debug')
    await run.until('three', () => site.lines('web') === 30)
    const before = site.read('web')

    let refused = 0
    tap.refuse((path, response) => {
      if (!path.includes('/s5') || ++refused > 2) return false
      response.writeHead(429, { 'retry-after': '0' }).end()
      return true
    })
    await put('late/a', 's5')
    await run.until('429 is waited out', () => site.lines('web') === 41)
    expect(run.tells('store-stale')).toBe(false)

    tap.refuse((path, response) => {
      if (!path.includes('/s6')) return false
      response.writeHead(500).end('broken')
      return true
    })
    await put('late/a', 's6')
    await run.until('it breaks', () => run.tells('store-stale'))
    expect(site.lines('web')).toBe(41)
    const told = await why(site, 'web.toml')
    expect(told.state).toBe('waiting')
    expect(told.why).toContain('the first read of /services/s6 from consul-catalog')

    tap.refuse(() => false)
    await run.until('it follows', () => site.read('web')?.includes('s6 10.0.0.1:8000') === true)
    expect((await why(site, 'web.toml')).state).toBe('in sync')
    expect(site.read('web')?.startsWith(before ?? '')).toBe(true)
    expect(await run.stop()).toMatchObject({ code: 0 })
    expect(run.log.filter(({ event }) => event === 'written')).toHaveLength(3)
  })
})

test('a group waits as one for look-ups of an edited include', async () => {
  const tap = await tapped()
  await withCatalog(tap, async (site) => {
    site.template('part', line('service("s21")'))
    site.template('one', line('service("s20")'))
    site.template('two', '{% include "part.njk" %}')
    for (const name of ['one', 'two']) {
      site.resource(name, { keys: ['/'] })
      const file = join(site.root, 'conf.d', `${name}.toml`)
      writeFileSync(file, `group = "pair"\nhold_down = "1s"\n${readFileSync(file, 'utf8')}`)
    }
    const run = site.start('-watch')
    await run.until('both', () => site.lines('one') + site.lines('two') === 20)

    tap.refuse((path, response) => {
      if (!path.includes('/s22')) return false
      response.writeHead(500).end('broken')
      return true
    })
    site.template('part', line('service("s22")'))
    await run.until('it breaks', () => run.tells('store-stale'))
    expect(await why(site, 'two.toml')).toMatchObject({ state: 'waiting' })
    expect(await why(site, 'one.toml')).toMatchObject({
      state: 'waiting',
      why: expect.stringContaining('two.toml, of the same group, waits') as string,
    })
    expect(site.read('two')).toContain('s21 ')

    tap.refuse(() => false)
    await run.until('it follows', () => site.read('two')?.includes('s22 ') === true)
    expect(site.lines('two')).toBe(10)
    await until('the other is let go', () => servicesIn(tap.open).join() === 's20,s22')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('a onetime run continues until all look-ups are known', async () => {
  const tap = await tapped()
  await withCatalog(tap, async (site) => {
    const filter = '{% for s in services() %}{% if s.name.startsWith("s11") %}'
    site.template('some', `${filter}${line('service(s.name)')}{% endif %}{% endfor %}`)
    site.resource('some', { keys: ['/services'] })
    site.template('each', line('service(base(item.key))'))
    site.resource('each', {
      keys: ['/'],
      for_each: '/services/s12*',
      dest: `${site.path('each')}-{{ base(item.key) }}`,
    })
    // This template fails if it is rendered before the instances of the service are known.
    site.template('first', '{{ service("s77")[0].address }}')
    site.resource('first', { keys: ['/services'] })
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    const eleven = ['s11', ...Array.from({ length: 10 }, (_, n) => `s11${n}`)]
    const twelve = ['s12', ...Array.from({ length: 10 }, (_, n) => `s12${n}`)]
    expect(site.lines('some')).toBe(110)
    expect(twelve.map((name) => site.lines(`each-${name}`))).toEqual(twelve.map(() => 10))
    expect(site.read('first')).toBe('10.0.0.1')
    expect(servicesIn(tap.asked)).toEqual([...eleven, ...twelve, 's77'].sort())

    tap.refuse((path, response) => {
      if (path.includes('/s77')) return response.writeHead(500).end('no') !== undefined
      return false
    })
    const away = await site.start('-onetime', '-timeout', '2').finished
    expect(away.code).toBe(69)
    expect(away.stderr).toContain('consul-catalog')
    expect(site.read('first')).toBe('10.0.0.1')
  })
})

test('a service that the token may not read fails only its reader', async () => {
  const root = 'root-token-of-the-test'
  const acl = { enabled: true, default_policy: 'deny', tokens: { master: root } }
  const closed = await startAgent({ acl }, root)
  onTestFinished(() => closed.server.stop())
  for (const [n, name] of ['web', 'db'].entries())
    await closed.register({ Name: name, ID: name, Address: '10.0.0.1', Port: 80 + n })
  const call = async (path: string, body: object): Promise<Record<string, string>> =>
    JSON.parse(await closed.server.client.call('PUT', path, JSON.stringify(body))) as never
  const rules = (...services: readonly string[]): string =>
    [...services.map((name) => `service "${name}"`), 'node_prefix ""']
      .map((what) => `${what} { policy = "read" }`)
      .join(' ')
  const policy = await call('/v1/acl/policy', { Name: 'some', Rules: rules('web') })
  const { SecretID = '' } = await call('/v1/acl/token', { Policies: [{ Name: 'some' }] })

  const store = ['-backend', 'consul-catalog', '-node', closed.server.node, '-auth-token', SecretID]
  await withSite(store, async (site) => {
    for (const name of ['web', 'db']) {
      site.template(name, line(`service("${name}")`))
      site.resource(name, { keys: ['/services'] })
    }
    const run = site.start('-watch')
    await run.until('what may be read', () => site.lines('web') === 1)
    await run.until('it says so', () => run.tells('failed'))
    expect(run.tells('store-stale')).toBe(false)
    const told = await why(site, 'db.toml')
    expect(told.state).toBe('failed')
    expect(told.why).toContain('denied access to the service db')
    await closed.register({ Name: 'web', ID: 'web2', Address: '10.0.0.1', Port: 81 })
    await run.until('what may be read is followed', () => site.lines('web') === 2)

    await call(`/v1/acl/policy/${policy['ID'] ?? ''}`, {
      Name: 'some',
      Rules: rules('web', 'db'),
    })
    await run.until('the other as well', () => site.lines('db') === 1)
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('the catalog as a named store, in Go; a snapshot renders the same', async () => {
  const tap = await tapped()
  const check = { CheckID: 'check:down', TTL: '1h', Status: 'critical' }
  await agent.register({ Name: 'down', ID: 'down', Tags: ['old'], Check: check })
  onTestFinished(() => agent.deregister('down'))
  await put('which', 's8')
  await withSite(['-backend', 'consul', '-node', agent.server.node], async (site) => {
    site.config(`[stores.catalog]\nbackend = "consul-catalog"\nnodes = ["${tap.node}"]\n`)
    const named = '{{range service (getv "/which")}}{{.Address}} {{end}}\n'
    const listed =
      '{{range services}}{{if eq (join .Tags "") "old"}}{{.Name}}: {{len (service .Name)}}{{end}}{{end}}\n'
    site.template('go', named + listed)
    site.resource('go', { keys: ['/which', 'catalog:/services'], engine: 'go' })
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    const addresses = Array.from({ length: 10 }, (_, n) => `10.0.${n}.1 `).join('')
    expect(site.read('go')).toBe(`${addresses}\ndown: 0\n`)
    expect(servicesIn(tap.asked)).toEqual(['down', 's8'])

    const keys = site.path('keys.json')
    expect(await site.start('snapshot', '-o', keys).finished).toMatchObject({ code: 0 })
    const replayed = site.start('-replay', keys, '-onetime', '-noop', '-detailed-exitcode')
    expect(await replayed.finished).toMatchObject({ code: 0 })
  })
})
