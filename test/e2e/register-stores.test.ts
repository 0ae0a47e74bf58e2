// `reconfd register` with stores of plain keys, in registrator's layouts. The registrar must put, renew, take over
// and remove its own entries and must not touch any others.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { FakeEngine } from '../support/engine.ts'
import {
  heldByConsulKv,
  heldByEtcdV2,
  heldByZookeeper,
  startRegister,
  type Held,
} from '../support/registry.ts'
import {
  startConsul,
  startEtcd,
  until,
  type ConsulServer,
  type EtcdServer,
} from '../support/servers.ts'
import { startZookeeper, type ZookeeperServer } from '../support/zookeeper.ts'
import type { Running } from './support.ts'

let etcd: EtcdServer
let consul: ConsulServer
let zookeeper: ZookeeperServer
const runs = new Set<Running>()

beforeAll(async () => {
  ;[etcd, consul, zookeeper] = await Promise.all([
    startEtcd({ v2: true }),
    startConsul(),
    startZookeeper({ maxSessionTimeout: 60_000 }),
  ])
})

afterEach(async () => {
  for (const run of runs) run.signal('SIGKILL')
  await Promise.all([...runs].map((run) => run.finished))
  runs.clear()
  await etcd.v2.delTree('/services').catch(() => undefined)
  await etcd.v2.delTree('/skydns').catch(() => undefined)
  await consul.client.delTree('/services')
  await zookeeper.client.delTree('/services').catch(() => undefined)
})

afterAll(async () => {
  await Promise.all([etcd.stop(), consul.stop(), zookeeper.stop()])
})

interface Place {
  readonly to: () => string
  readonly held: () => Promise<Held>
  /** Returns the entry of the service `web` with the id `one`, at 127.0.0.1 and this port. */
  readonly entry: (port: number) => Held
  readonly put: (key: string, value: string) => Promise<void>
  readonly del: (key: string) => Promise<void>
  readonly restart: () => Promise<void>
}

const plain = (port: number): Held => ({ '/services/web/one': `127.0.0.1:${port}` })

const places: Readonly<Record<string, Place>> = {
  etcdv2: {
    to: () => `etcdv2://${etcd.node}/services`,
    held: () => heldByEtcdV2(etcd),
    entry: plain,
    put: (key, value) => etcd.v2.put(key, value),
    del: (key) => etcd.v2.del(key),
    restart: () => etcd.restart(),
  },
  skydns2: {
    to: () => `skydns2://${etcd.node}/cluster.local`,
    held: () => heldByEtcdV2(etcd, '/skydns'),
    entry: (port) => ({
      '/skydns/local/cluster/web/one': `{"host":"127.0.0.1","port":${port}}`,
    }),
    put: (key, value) => etcd.v2.put(key, value),
    del: (key) => etcd.v2.del(key),
    restart: () => etcd.restart(),
  },
  consulkv: {
    to: () => `consulkv://${consul.node}/services`,
    held: () => heldByConsulKv(consul),
    entry: plain,
    put: (key, value) => consul.client.put(key, value),
    del: (key) => consul.client.del(key),
    restart: () => consul.restart(),
  },
  zookeeper: {
    to: () => `zookeeper://${zookeeper.node}/services`,
    held: () => heldByZookeeper(zookeeper),
    entry: (port) => ({
      [`/services/web/127.0.0.1:${port}`]: JSON.stringify({
        Name: 'web',
        IP: '127.0.0.1',
        PublicPort: port,
        PrivatePort: port,
        ContainerID: '',
        Tags: ['a'],
        Attrs: {},
      }),
    }),
    put: (key, value) => zookeeper.client.put(key, value),
    del: (key) => zookeeper.client.del(key),
    restart: () => zookeeper.restart(),
  },
}

async function untilHeld(held: () => Promise<Held>, expected: Held): Promise<void> {
  let last: Held = {}
  try {
    const isThere = async (): Promise<boolean> => {
      last = await held().catch(() => ({ unreadable: '' }))
      return JSON.stringify(Object.entries(last).sort()) === wanted
    }
    const wanted = JSON.stringify(Object.entries(expected).sort())
    await until('the store holds what it should', isThere)
  } catch (error) {
    expect(last).toEqual(expected)
    throw error
  }
}

describe.each(Object.entries(places))('%s', (_, { to, held, entry, put, del, restart }) => {
  const start = (port: number, state?: string) => {
    const own = ['-name', 'web', '-id', 'one', '-ip', '127.0.0.1', '-tags', 'a', '-ttl', '60s']
    const args = ['-to', to(), ...own, '-port', String(port)]
    const run = startRegister(args, state === undefined ? {} : { state })
    runs.add(run)
    return run
  }

  test('registers an entry, and removes it at the end', async () => {
    const run = start(80)
    await untilHeld(held, entry(80))
    expect((await run.stop()).code).toBe(0)
    expect(await held()).toEqual({})
  })

  test('entries of a killed registrar are taken over, even with another port', async () => {
    const first = start(80)
    await untilHeld(held, entry(80))
    first.signal('SIGKILL')
    await first.finished
    const second = start(80, first.state)
    await second.until('it is connected', () => second.stderr.includes('"event":"store-live"'))
    await second.until('it is ours', () => second.stderr.includes('"entries":1'))
    expect(second.stderr).not.toContain('"event":"registered"')
    second.signal('SIGKILL')
    await second.finished
    const third = start(81, first.state)
    await untilHeld(held, entry(81))
    await third.stop()
    await untilHeld(held, {})
  })

  test('entries of containers stay when the registrar is terminated', async () => {
    const engine = await FakeEngine.start()
    engine.run({
      name: 'c',
      env: ['SERVICE_NAME=web', 'SERVICE_ID=one'],
      hostname: '',
      ports: { '80/tcp': [{ HostPort: '80' }] },
    })
    const flags = ['-docker', engine.url, '-ip', '127.0.0.1', '-tags', 'a', '-ttl', '60s']
    const run = startRegister(['-to', to(), ...flags])
    runs.add(run)
    await untilHeld(held, entry(80))
    expect((await run.stop()).code).toBe(0)
    expect(await held()).toEqual(entry(80))
    await engine.kill()
  })

  test('a store that restarts', async () => {
    const run = start(80)
    await untilHeld(held, entry(80))
    await restart()
    const lives = (): number => run.stderr.split('"event":"store-live"').length - 1
    await run.until('it is connected again', () => lives() > 1)
    await untilHeld(held, entry(80))
  })

  test('an entry that somebody removes is restored', async () => {
    start(80)
    await untilHeld(held, entry(80))
    for (const key of Object.keys(entry(80))) await del(key)
    await untilHeld(held, entry(80))
  })

  test('an entry of another owner is left alone until its owner removes it', async () => {
    const [[key, value] = ['', '']] = Object.entries(entry(80))
    await put(key, `not ${value}`)
    const run = start(80)
    await run.until('it is refused', () => run.stderr.includes('"event":"refused"'))
    expect(await held()).toEqual({ [key]: `not ${value}` })
    await del(key)
    await untilHeld(held, entry(80))
  })
})
