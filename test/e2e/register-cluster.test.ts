// `reconfd register` with realistic stores: clusters, users, certificates and tokens. Also tests several registrars
// that share a prefix.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Authority } from '../support/certificates.ts'
import { FakeEngine } from '../support/engine.ts'
import { startEtcdCluster } from '../support/etcd-cluster.ts'
import {
  heldByConsul,
  heldByEtcd,
  instancesIn,
  startRegister,
  type Held,
} from '../support/registry.ts'
import { startConsul, startEtcd, tempDir, until, type EtcdServer } from '../support/servers.ts'
import type { Running } from './support.ts'

const runs = new Set<Running>()
const endings: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const run of runs) run.signal('SIGKILL')
  await Promise.all([...runs].map((run) => run.finished))
  runs.clear()
  for (const end of endings.splice(0).reverse()) await end()
})

function register(...args: readonly string[]): ReturnType<typeof startRegister> {
  const run = startRegister(args)
  runs.add(run)
  return run
}

async function engineWith(...names: readonly string[]): Promise<FakeEngine> {
  const engine = await FakeEngine.start()
  endings.push(() => engine.kill())
  for (const name of names) run(engine, name)
  return engine
}

let port = 9_000
const run = (engine: FakeEngine, name: string): string =>
  engine.run({ name, env: ['SERVICE_NAME=web'], ports: { '80/tcp': [{ HostPort: `${port++}` }] } })

/** Waits until exactly these containers are registered. */
async function untilThere(held: () => Promise<Held>, ...names: readonly string[]): Promise<void> {
  const wanted = names.map((name) => `/services/web/${name}:80`).sort()
  let last: readonly string[] = []
  try {
    const isThere = async (): Promise<boolean> => {
      last = Object.keys(await held()).sort()
      return JSON.stringify(last) === JSON.stringify(wanted)
    }
    await until('they are registered', isThere)
  } catch (error) {
    expect(last).toEqual(wanted)
    throw error
  }
}

const docker = (engine: FakeEngine, host = 'h'): readonly string[] => [
  ...['-docker', engine.url, '-host', host, '-ip', '10.0.0.1', '-ttl', '60s'],
]

test('etcd members are killed, and hang', async () => {
  const [cluster, engine] = await Promise.all([startEtcdCluster(), engineWith('a')])
  endings.push(() => cluster.stop())
  const nodes = cluster.members.map(({ node }) => node).join(',')
  register('-to', `etcd://${nodes}/services`, ...docker(engine))
  const [first, second, third] = cluster.members
  // A read may fail while the cluster elects a new leader.
  const held = () => heldByEtcd({ client: third?.client } as EtcdServer).catch(() => ({}))
  await untilThere(held, 'h:a')
  await first?.process.kill()
  run(engine, 'b')
  await untilThere(held, 'h:a', 'h:b')
  await first?.process.start()
  second?.process.pause()
  run(engine, 'c')
  await untilThere(held, 'h:a', 'h:b', 'h:c')
  second?.process.resume()
})

test('several registrars share a prefix, on one host and on several', async () => {
  const [etcd, consul] = await Promise.all([startEtcd(), startConsul()])
  endings.push(
    () => etcd.stop(),
    () => consul.stop(),
  )
  for (const [to, held] of [
    [`etcd://${etcd.node}/services`, () => heldByEtcd(etcd)],
    [`consul://${consul.node}`, () => heldByConsul(consul)],
  ] as const) {
    const [one, two, other] = [await engineWith('a'), await engineWith('b'), await engineWith('c')]
    const first = register('-to', to, ...docker(one))
    register('-to', to, ...docker(two), '-cleanup')
    register('-to', to, ...docker(other, 'elsewhere'))
    await untilThere(held, 'h:a', 'h:b', 'elsewhere:c')
    for (const id of one.containers.keys()) one.die(id)
    await untilThere(held, 'h:b', 'elsewhere:c')
    run(one, 'd')
    await untilThere(held, 'h:b', 'h:d', 'elsewhere:c')
    first.signal('SIGKILL')
    await first.finished
    for (const id of two.containers.keys()) two.die(id)
    await untilThere(held, 'h:d', 'elsewhere:c')
  }
})

test('etcd with users: a wrong password, a user without permission, the right user', async () => {
  const etcd = await startEtcd()
  endings.push(() => etcd.stop())
  await etcd.client.enableAuth('root', { name: 'me', password: 'secret', prefix: '/services' })
  const web = ['-name', 'web', '-port', '80', '-id', 'a:80', '-ip', '10.0.0.1', '-ttl', '60s']
  const file = join(tempDir('password'), 'password')
  writeFileSync(file, 'secret\n')
  const as = (password: readonly string[], path = 'services') =>
    register('-to', `etcd://${etcd.node}/${path}`, ...web, '-username', 'me', ...password)
  const wrong = as(['-password', 'another'])
  await wrong.until('it is refused', () => wrong.stderr.includes('wrong name or password'))
  expect(wrong.stderr).not.toContain('another')
  const elsewhere = as(['-password-file', file], 'elsewhere')
  const said = 'denies writing below /elsewhere/'
  await elsewhere.until('it is logged', () => elsewhere.stderr.includes(said))
  const right = as(['-password-file', file])
  await untilThere(() => heldByEtcd(etcd), 'a')
  expect((await right.stop()).code).toBe(0)
  await untilThere(() => heldByEtcd(etcd))
})

test('etcd with certificates', async () => {
  const authority = new Authority(tempDir('authority'))
  const [server, client] = [authority.issue('server'), authority.issue('client')]
  const etcd = await startEtcd({ tls: { ...server, clientCa: authority.cert } })
  endings.push(() => etcd.stop())
  const files = ['-client-ca-keys', authority.cert, '-client-cert', client.cert]
  const tls = ['-scheme', 'https', ...files, '-client-key', client.key]
  const web = ['-name', 'web', '-port', '80', '-id', 'a:80', '-ip', '10.0.0.1']
  register('-to', `etcd://${etcd.secureNode}/services`, ...web, ...tls)
  await untilThere(() => heldByEtcd(etcd), 'a')
})

test('Consul with a token that may register only this service', async () => {
  const acl = { enabled: true, default_policy: 'deny', tokens: { master: 'root' } }
  const consul = await startConsul({ config: { acl }, token: 'root' })
  endings.push(() => consul.stop())
  const call = async (path: string, body: object): Promise<{ SecretID: string }> => {
    const answer = await consul.client.call('PUT', path, JSON.stringify(body))
    return JSON.parse(answer) as { SecretID: string }
  }
  const rules = 'service "web" { policy = "write" } node_prefix "" { policy = "read" }'
  await call('/v1/acl/policy', { Name: 'web', Rules: rules })
  const { SecretID } = await call('/v1/acl/token', { Policies: [{ Name: 'web' }] })
  const web = ['-name', 'web', '-port', '80', '-id', 'a', '-ip', '10.0.0.1', '-ttl', '60s']
  const run = register('-to', `consul://${consul.node}`, ...web, '-auth-token', SecretID)
  const there = async (): Promise<boolean> => (await instancesIn(consul, 'web', true)).length === 1
  await until('it is registered', there)
  await consul.client.call('PUT', '/v1/agent/service/deregister/a')
  await until('it is put back', there)
  expect((await run.stop()).code).toBe(0)
  await until('it is gone', async () => (await instancesIn(consul, 'web')).length === 0)
  const dir = tempDir('services')
  for (const name of ['a', 'web', 'z']) {
    writeFileSync(join(dir, `${name}.toml`), `name = "${name}"\nid = "${name}"\nport = 80\n`)
  }
  const some = register('-to', `consul://${consul.node}`, '-conf', dir, '-auth-token', SecretID)
  await until('the permitted one is registered', there)
  await some.until('the others are logged', () =>
    ['a/a', 'z/z'].every((one) => some.stderr.includes(`denied access to the service ${one}`)),
  )
  expect(some.stderr).not.toContain('"event":"store-away"')
  expect((await some.stop()).code).toBe(0)
  const none = register('-to', `consul://${consul.node}`, ...web, '-auth-token', 'wrong')
  await none.until('it is logged', () => none.stderr.includes('denied access'))
})
