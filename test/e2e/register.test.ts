// `reconfd register` with real etcd and Consul servers. The services come from a command, from files, and from the
// containers of a fake engine.
import { createServer, type Server } from 'node:http'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { statOf } from '../../src/system/process.ts'
import { FakeEngine } from '../support/engine.ts'
import { startProxy } from '../support/proxy.ts'
import {
  heldByConsul,
  heldByEtcd,
  instancesIn,
  startRegister,
  type Held,
} from '../support/registry.ts'
import {
  freePorts,
  startConsul,
  startEtcd,
  tempDir,
  until,
  type ConsulServer,
  type EtcdServer,
} from '../support/servers.ts'
import { Running } from './support.ts'

let etcd: EtcdServer
let consul: ConsulServer
const runs = new Set<Running>()
const engines = new Set<FakeEngine>()

beforeAll(async () => {
  ;[etcd, consul] = await Promise.all([startEtcd(), startConsul()])
})

afterEach(async () => {
  for (const run of runs) run.signal('SIGKILL')
  await Promise.all([...runs].map((run) => run.finished))
  runs.clear()
  for (const engine of engines) await engine.kill()
  engines.clear()
  await etcd.client.delTree('/services')
  const services = JSON.parse(await consul.client.call('GET', '/v1/agent/services')) as object
  for (const id of Object.keys(services)) {
    await consul.client.call('PUT', `/v1/agent/service/deregister/${encodeURIComponent(id)}`)
  }
})

afterAll(async () => {
  await Promise.all([etcd.stop(), consul.stop()])
})

function register(...all: Parameters<typeof startRegister>): ReturnType<typeof startRegister> {
  const run = startRegister(...all)
  runs.add(run)
  return run
}

async function engineOf(): Promise<FakeEngine> {
  const engine = await FakeEngine.start()
  engines.add(engine)
  return engine
}

const stores = {
  etcd: {
    args: () => ['-to', `etcd://${etcd.node}/services`],
    held: () => heldByEtcd(etcd),
  },
  consul: {
    args: () => ['-to', `consul://${consul.node}`],
    held: () => heldByConsul(consul),
  },
} as const

/** Waits until the store contains exactly these entries. */
async function untilHeld(held: () => Promise<Held>, expected: Held): Promise<void> {
  let last: Held = {}
  try {
    await until('the store holds what it should', async () => {
      last = await held()
      return JSON.stringify(sorted(last)) === JSON.stringify(sorted(expected))
    })
  } catch (error) {
    expect(last).toEqual(expected)
    throw error
  }
}

const sorted = (held: Held): unknown => Object.entries(held).sort()

/** Starts a server that answers with `status`, which tests may change. */
async function webServer(): Promise<Server & { port: number; status: number }> {
  const server = Object.assign(createServer(), { port: 0, status: 200 })
  server.on('request', (_, response) => {
    response.writeHead(server.status).end()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  server.port = (server.address() as { port: number }).port
  return server
}

const web = (port: number, ...more: readonly string[]): readonly string[] => [
  ...['-name', 'web', '-port', String(port), '-id', 'one', '-ip', '127.0.0.1', '-ttl', '60s'],
  ...more,
]

const listener = (port: number): readonly string[] => [
  process.execPath,
  '-e',
  `const answer = ({ url }, response) => response.end(() => url === '/exit' && process.exit(5))
   require('http').createServer(answer).listen(${port}, '127.0.0.1')
   process.on('SIGTERM', () => process.exit(7))`,
]

describe.each(['etcd', 'consul'] as const)('%s', (name) => {
  const { args, held } = stores[name]

  describe('beside a command', () => {
    test('is registered once its port accepts, and deregistered before it is terminated', async () => {
      const [port] = (await freePorts(1)) as [number]
      const run = register([...args(), ...web(port, '-drain', '1h'), '--', ...listener(port)])
      await untilHeld(held, { '/services/web/one': `127.0.0.1:${port}` })
      run.signal('SIGTERM')
      await untilHeld(held, {})
      const answer = await fetch(`http://127.0.0.1:${port}/exit`).catch(() => undefined)
      expect(answer?.status).toBe(200)
      expect((await run.finished).code).toBe(5)
    })

    test('is terminated when the drain time is over', async () => {
      const [port] = (await freePorts(1)) as [number]
      const run = register([...args(), ...web(port, '-drain', '1s'), '--', ...listener(port)])
      await untilHeld(held, { '/services/web/one': `127.0.0.1:${port}` })
      expect((await run.stop()).code).toBe(7)
    })

    test('a command that never listens is not registered, and its exit code is passed on', async () => {
      const [port] = (await freePorts(1)) as [number]
      const run = register([...args(), ...web(port), '--', '/bin/sh', '-c', 'sleep 1; exit 3'])
      expect((await run.finished).code).toBe(3)
      expect(await held()).toEqual({})
      expect(run.log.some(({ event }) => (event as string) === 'registered')).toBe(false)
    })

    test('a command that dies is deregistered', async () => {
      const [port] = (await freePorts(1)) as [number]
      const run = register([...args(), ...web(port), '--', ...listener(port)])
      await untilHeld(held, { '/services/web/one': `127.0.0.1:${port}` })
      await fetch(`http://127.0.0.1:${port}/exit`).catch(() => undefined)
      expect((await run.finished).code).toBe(5)
      expect(await held()).toEqual({})
    })

    test('the rest of the process group of a command ends with it', async () => {
      const script = 'sleep 60 & echo $!; exit 3'
      const run = register([...args(), ...web(1), '--', 'sh', '-c', script])
      const { code, stdout } = await run.finished
      expect(code).toBe(3)
      const state = (): string | undefined => statOf(Number(stdout))?.state
      await until('its end', () => [undefined, 'Z'].includes(state()))
    })

    test('a command that cannot be started', async () => {
      const run = register([...args(), ...web(1), '--', '/nowhere/at/all'])
      expect((await run.finished).code).toBe(127)
    })
  })

  test.each(['SIGHUP', 'SIGQUIT', 'SIGINT'] as const)(
    'without a command, %s deregisters and ends',
    async (signal) => {
      const server = await webServer()
      const run = register([...args(), ...web(server.port)])
      await untilHeld(held, { '/services/web/one': `127.0.0.1:${server.port}` })
      run.signal(signal)
      expect((await run.finished).code).toBe(0)
      expect(await held()).toEqual({})
      server.close()
    },
  )

  test('deregistered after `fall` failures, registered again after `rise` successes', async () => {
    const server = await webServer()
    server.status = 500
    const check = ['-check', `http://127.0.0.1:${server.port}/`, '-check-interval', '200ms']
    const run = register([...args(), ...web(server.port, ...check)])
    await run.until('it is checked', () => run.tells('checked'))
    expect(await held()).toEqual({})
    const there = { '/services/web/one': `127.0.0.1:${server.port}` }
    for (const [status, expected] of [
      [200, there],
      [503, {}],
      [200, there],
    ] as const) {
      server.status = status
      await untilHeld(held, expected)
    }
    server.close()
  })

  test('services in files are added, changed and removed', async () => {
    const dir = tempDir('services')
    const file = join(dir, 'api.toml')
    writeFileSync(file, 'name = "api"\nport = 81\nid = "a"\ntags = ["x"]\n')
    register([...args(), '-conf', dir, '-ip', '10.0.0.1'])
    await untilHeld(held, { '/services/api/a': '10.0.0.1:81' })
    writeFileSync(file, 'name = "api"\nport = 82\nid = "a"\n')
    await untilHeld(held, { '/services/api/a': '10.0.0.1:82' })
    mkdirSync(join(dir, 'ignored'))
    writeFileSync(
      join(dir, 'two.toml'),
      'name = "two"\nport = 83\nid = "b"\naddress = "10.0.0.9"\n',
    )
    writeFileSync(file, 'name = "api"\nport = "wrong"\n')
    await untilHeld(held, { '/services/api/a': '10.0.0.1:82', '/services/two/b': '10.0.0.9:83' })
    rmSync(file)
    await untilHeld(held, { '/services/two/b': '10.0.0.9:83' })
  })

  test('containers start, are renamed, swap ports, and die', async () => {
    const engine = await engineOf()
    const port = (number: number) => ({ '80/tcp': [{ HostIp: '0.0.0.0', HostPort: `${number}` }] })
    const one = engine.run({ name: 'one', env: ['SERVICE_NAME=web'], ports: port(8001) })
    register([...args(), '-docker', engine.url, '-ip', '10.0.0.1', '-host', 'h', '-ttl', '60s'])
    await untilHeld(held, { '/services/web/h:one:80': '10.0.0.1:8001' })
    const two = engine.run({ name: 'two', env: ['SERVICE_NAME=web'], ports: port(8002) })
    await untilHeld(held, {
      '/services/web/h:one:80': '10.0.0.1:8001',
      '/services/web/h:two:80': '10.0.0.1:8002',
    })
    engine.change(one, { name: 'three' })
    engine.change(two, { name: 'one' })
    engine.change(one, { name: 'two' })
    await untilHeld(held, {
      '/services/web/h:two:80': '10.0.0.1:8001',
      '/services/web/h:one:80': '10.0.0.1:8002',
    })
    engine.die(one)
    await untilHeld(held, { '/services/web/h:one:80': '10.0.0.1:8002' })
    engine.remove(two)
    await untilHeld(held, {})
  })

  test('a killed registrar leaves its entries, and the next one takes them over', async () => {
    const engine = await engineOf()
    const start = (name: string, port: number): string =>
      engine.run({ name, ports: { '80/tcp': [{ HostPort: String(port) }] } })
    const one = start('one', 8001)
    start('two', 8002)
    const flags = ['-docker', engine.url, '-ip', '10.0.0.1', '-host', 'h', '-ttl', '60s']
    const first = register([...args(), ...flags])
    const both = {
      '/services/web/h:one:80': '10.0.0.1:8001',
      '/services/web/h:two:80': '10.0.0.1:8002',
    }
    await untilHeld(held, both)
    first.signal('SIGKILL')
    await first.finished
    expect(await held()).toEqual(both)
    engine.die(one)
    const second = register([...args(), ...flags], { state: first.state })
    await untilHeld(held, { '/services/web/h:two:80': '10.0.0.1:8002' })
    const registered = second.log.filter(({ event }) => (event as string) === 'registered')
    expect(registered).toEqual([])
    // Containers may outlive the registrar, so a normal stop does not deregister them.
    expect((await second.stop()).code).toBe(0)
    expect(await held()).toEqual({ '/services/web/h:two:80': '10.0.0.1:8002' })
  })

  test('entries are restored after the store was unreachable or emptied', async () => {
    const own = await (name === 'etcd' ? startEtcd() : startConsul())
    const proxy = await startProxy(own.node)
    const to = name === 'etcd' ? `etcd://${proxy.node}/services` : `consul://${proxy.node}`
    const all = (): Promise<Held> =>
      name === 'etcd' ? heldByEtcd(own as EtcdServer) : heldByConsul(own as ConsulServer)
    register(['-to', to, ...web(80)])
    await untilHeld(all, { '/services/web/one': '127.0.0.1:80' })
    await own.restartEmpty()
    await untilHeld(all, { '/services/web/one': '127.0.0.1:80' })
    proxy.cut()
    proxy.restore()
    await own.restart()
    await untilHeld(all, { '/services/web/one': '127.0.0.1:80' })
    await proxy.close()
    await own.stop()
  })

  test('removed entries are restored at once, and foreign entries are left alone', async () => {
    await etcd.client.put('/services/web/foreign', '10.9.9.9:1')
    await consul.client.call(
      'PUT',
      '/v1/agent/service/register',
      JSON.stringify({ ID: 'foreign', Name: 'web', Address: '10.9.9.9', Port: 1 }),
    )
    const run = register([...args(), ...web(80)])
    const both = { '/services/web/foreign': '10.9.9.9:1', '/services/web/one': '127.0.0.1:80' }
    await untilHeld(held, both)
    await etcd.client.del('/services/web/one')
    await consul.client.call('PUT', '/v1/agent/service/deregister/one')
    await untilHeld(held, both)
    await run.stop()
    await untilHeld(held, { '/services/web/foreign': '10.9.9.9:1' })
  })

  test('an entry of another owner blocks the registration until its owner removes it', async () => {
    await etcd.client.put('/services/web/one', '10.9.9.9:1')
    await consul.client.call(
      'PUT',
      '/v1/agent/service/register',
      JSON.stringify({ ID: 'one', Name: 'other', Address: '10.9.9.9', Port: 1 }),
    )
    const run = register([...args(), ...web(80)])
    await run.until('it is refused', () => run.stderr.includes('"event":"refused"'))
    await etcd.client.del('/services/web/one')
    await consul.client.call('PUT', '/v1/agent/service/deregister/one')
    await untilHeld(held, { '/services/web/one': '127.0.0.1:80' })
  })
})

describe('inspection', () => {
  const status = async (state: string): Promise<{ code: number | null; stdout: string }> => {
    const run = new Running(['register', '-status', '-json', '-state-dir', state])
    return run.finished
  }

  test('-status of a running, a killed and a stopped registrar', async () => {
    const run = register([...stores.etcd.args(), ...web(80)])
    const shown = await until('it is registered', async () => {
      const { code, stdout } = await status(run.state)
      return code === 0 && (JSON.parse(stdout) as unknown)
    })
    expect(shown).toMatchObject([
      {
        running: true,
        store: { name: 'etcd', live: true },
        services: [
          {
            name: 'web',
            id: 'one',
            address: '127.0.0.1:80',
            key: '/services/web/one',
            state: 'registered',
          },
        ],
      },
    ])
    run.signal('SIGKILL')
    await run.finished
    const killed = await status(run.state)
    expect(killed.code).toBe(1)
    expect(JSON.parse(killed.stdout)).toMatchObject([{ running: false }])
    const second = register([...stores.etcd.args(), ...web(80)], { state: run.state })
    await until('it runs', async () => (await status(run.state)).code === 0)
    await second.stop()
    expect(await status(run.state)).toMatchObject({ code: 69, stdout: '[]\n' })
  })

  test('-status shows a service whose key another service has', async () => {
    const dir = tempDir('services')
    for (const port of [81, 82]) {
      writeFileSync(join(dir, `${port}.toml`), `name = "api"\nid = "a"\nport = ${port}\n`)
    }
    const run = register([...stores.etcd.args(), '-conf', dir, '-ip', '10.0.0.1'])
    const shown = await until('the first is registered', async () => {
      const { code, stdout } = await status(run.state)
      return code === 1 && stdout.includes('"registered"') && (JSON.parse(stdout) as unknown)
    })
    const why = 'another service has the key /services/api/a'
    const services = [
      { address: '10.0.0.1:81', state: 'registered' },
      { address: '10.0.0.1:82', state: 'refused', why },
    ]
    expect(shown).toMatchObject([{ services }])
  })

  test('metrics, health and readiness', async () => {
    const [port] = (await freePorts(1)) as [number]
    const engine = await engineOf()
    const flags = ['-docker', engine.url, '-http', `127.0.0.1:${port}`, '-ip', '10.0.0.1']
    register([...stores.etcd.args(), ...flags])
    const get = (path: string): Promise<Response | undefined> =>
      fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined)
    await until('it is ready', async () => (await get('/readyz'))?.status === 200)
    expect((await get('/healthz'))?.status).toBe(200)
    engine.run({ name: 'a', ports: { '80/tcp': [{ HostPort: '1' }] } })
    const metrics = await until('it is counted', async () => {
      const text = (await (await get('/metrics'))?.text()) ?? ''
      return text.includes('reconfd_register_services{state="registered"} 1') && text
    })
    expect(metrics).toContain('reconfd_register_store_up{store="etcd"} 1')
    expect(metrics).toContain('reconfd_register_source_up{source="the container engine"} 1')
    expect(metrics).toContain('reconfd_register_events_total{event="registered"} 1')
    await engine.kill()
    const unready = await until('it is not ready', async () => {
      const answer = await get('/readyz')
      return answer?.status === 503 && answer.text()
    })
    expect(unready).toContain('the container engine')
    expect(await (await get('/'))?.text()).toContain('reconfd register')
  })

  test('-noop prints what would be registered, and contacts no store', async () => {
    const engine = await engineOf()
    engine.run({
      name: 'a',
      labels: { SERVICE_TAGS: 'x' },
      ports: { '80/tcp': [{ HostPort: '1' }] },
    })
    const flags = ['-docker', engine.url, '-ip', '10.0.0.1', '-host', 'h', '-noop']
    const plain = await register(['-to', 'etcd://127.0.0.1:1/s', ...flags, ...web(80)]).finished
    expect(plain).toMatchObject({
      code: 0,
      stdout: '/s/web/one = 127.0.0.1:80\n/s/web/h:a:80 = 127.0.0.1:1\n',
    })
    const run = await register(['-to', 'consul://127.0.0.1:1', ...flags]).finished
    expect(run.stdout).toContain('h:a:80 = {"ID":"h:a:80","Name":"web"')
    expect(run.stdout).toContain('"Tags":["x"]')
  })

  test('-retry-attempts limits the attempts', async () => {
    const attempts = ['-retry-attempts', '2', '-retry-interval', '10']
    const run = register(['-to', 'etcd://127.0.0.1:1/s', ...web(80), ...attempts])
    const { code, stderr } = await run.finished
    expect(code).toBe(69)
    expect(stderr.split('"event":"store-away"').length - 1).toBe(2)
    expect(stderr).toContain('connection refused')
  })

  test.each([
    'etcd://127.0.0.1:1/s',
    'etcdv2://127.0.0.1:1/s',
    'consul://127.0.0.1:1',
    'consulkv://127.0.0.1:1/s',
    'zookeeper://127.0.0.1:1/s',
  ])('a failed connection leaves no listeners behind: %s', async (to) => {
    const attempts = ['-retry-attempts', '20', '-retry-interval', '1']
    const run = register(['-to', to, ...web(80), ...attempts])
    const { code, stderr } = await run.finished
    expect(code).toBe(69)
    expect(stderr).toContain('check -to')
    expect(stderr).not.toContain('-node')
    // Node prints a warning if listeners leak (from the eleventh on).
    expect(stderr).not.toContain('Warning')
  })

  test('the same registrar twice', async () => {
    const first = register([...stores.etcd.args(), ...web(80)])
    await untilHeld(stores.etcd.held, { '/services/web/one': '127.0.0.1:80' })
    const second = register([...stores.etcd.args(), ...web(80)], { state: first.state })
    const { code, stderr } = await second.finished
    expect(code).toBe(78)
    expect(stderr).toContain(`another reconfd (pid ${first.pid}) is registering the same services`)
  })
})

test('consul gets tags, metadata and its own checks', async () => {
  const engine = await engineOf()
  const server = await webServer()
  const labels = {
    SERVICE_NAME: 'web',
    SERVICE_TAGS: 'a,b\\,c',
    SERVICE_REGION: 'eu',
    SERVICE_CHECK_HTTP: '/health',
    SERVICE_CHECK_INTERVAL: '1s',
    SERVICE_CHECK_INITIAL_STATUS: 'passing',
  }
  const ports = { '80/tcp': [{ HostPort: String(server.port) }] }
  engine.run({ name: 'c', labels, ports })
  register([`consul://${consul.node}`, '-docker', engine.url, '-ip', '127.0.0.1', '-host', 'h'])
  const [instance] = await until('it is there', async () => {
    const found = await instancesIn(consul, 'web')
    return found.length > 0 && found
  })
  expect(instance?.Service).toMatchObject({
    ID: 'h:c:80',
    Address: '127.0.0.1',
    Port: server.port,
    Tags: ['a', 'b,c'],
    Meta: { region: 'eu', check_http: '/health' },
  })
  expect(instance?.Checks.map(({ CheckID }) => CheckID)).toContain('service:h:c:80')
  server.close()
})

test('an edited service stays in Consul, and in maintenance; checks that it no longer has are removed', async () => {
  const server = await webServer()
  const dir = tempDir('services')
  const write = (more: string): void => {
    const service = `name = "web"\nid = "one"\nport = ${server.port}\n${more}`
    writeFileSync(join(dir, 'web.toml'), service)
  }
  const checks = async (tag: string): Promise<readonly string[] | false> => {
    const [found] = await instancesIn(consul, 'web')
    if (JSON.stringify(found?.Service.Tags) !== JSON.stringify([tag])) return false
    const ids = (found?.Checks ?? []).map(({ CheckID }) => CheckID)
    return ids.filter((id) => id !== 'serfHealth').sort()
  }
  write(`tags = ["a"]\ncheck = "http://127.0.0.1:${server.port}/"\n`)
  const run = register([...stores.consul.args(), '-conf', dir, '-ip', '127.0.0.1'])
  expect(await until('it is there', () => checks('a'))).toEqual(['reconfd:one', 'service:one'])
  await consul.client.call('PUT', '/v1/agent/service/maintenance/one?enable=true')
  write(`tags = ["b"]\ncheck = "http://127.0.0.1:${server.port}/"\n`)
  const all = ['_service_maintenance:one', 'reconfd:one', 'service:one']
  expect(await until('it has a new tag', () => checks('b'))).toEqual(all)
  write('tags = ["c"]\ncheck = "tcp"\n')
  expect(await until('it has a new check', () => checks('c'))).toEqual(all)
  write('tags = ["d"]\n')
  const withoutCheck = async (): Promise<boolean> =>
    JSON.stringify(await checks('d')) === JSON.stringify(all.slice(0, 2))
  await until('it has no check', withoutCheck)
  expect(run.stderr).not.toContain('"event":"deregistered"')
  server.close()
})

test('a dead registrar no longer counts as healthy after its TTL', async () => {
  const run = register([...stores.consul.args(), ...web(80, '-ttl', '2s')])
  await untilHeld(stores.consul.held, { '/services/web/one': '127.0.0.1:80' })
  run.signal('SIGKILL')
  await untilHeld(stores.consul.held, {})
})
