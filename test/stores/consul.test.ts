// Special cases of Consul's KV store; test/contract covers the rest.
import { writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import type { ConnectionSettings } from '../../src/core/settings.ts'
import { open } from '../../src/stores/consul.ts'
import { startFake } from '../support/fake-http.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { startConsul, tempDir, type ConsulServer } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'
import { until } from '../support/until.ts'

const ROOT_TOKEN = 'root-token-of-the-test'

/** All tests share one agent with ACLs. Nothing is readable without a token. */
let consul: ConsulServer
let tests = 0
let dir: Key

beforeAll(async () => {
  const tokens = { master: ROOT_TOKEN }
  const acl = { enabled: true, default_policy: 'deny', tokens }
  consul = await startConsul({ config: { acl }, token: ROOT_TOKEN })
})
afterAll(() => consul.stop())
beforeEach(() => {
  dir = `/t${++tests}`
})

interface Access extends Partial<ConnectionSettings> {
  readonly env?: Record<string, string>
}

function watch(
  prefixes: readonly Key[],
  node = consul.node,
  { env = {}, ...connection }: Access = { password: ROOT_TOKEN },
): RawWatch {
  const settings = settingsFor({
    backend: 'consul',
    connection: { nodes: [node], scheme: 'http', ...connection },
  })
  const raw = new RawWatch(open(settings, env), prefixes)
  onTestFinished(() => raw.end())
  return raw
}

const snapshot = (entries: Record<string, string>) => ({ kind: 'snapshot', entries })
const delta = (put: Record<string, string>, del: readonly string[] = []) => ({
  kind: 'delta',
  put,
  del,
})

/** Creates a policy with these rules and a token with this policy. */
async function tokenFor(rules: string) {
  const call = async (path: string, body: object): Promise<Record<string, string>> =>
    JSON.parse(await consul.client.call('PUT', path, JSON.stringify(body))) as Record<
      string,
      string
    >
  const name = `policy-of-${dir.slice(1)}`
  const policy = await call('/v1/acl/policy', { Name: name, Rules: rules })
  const token = await call('/v1/acl/token', { Policies: [{ Name: name }] })
  return {
    token: token['SecretID'] as string,
    accessor: token['AccessorID'] as string,
    policy: policy['ID'] as string,
    name,
  }
}

/** Creates another token for an existing policy. */
async function anotherToken(policy: string): Promise<string> {
  const body = JSON.stringify({ Policies: [{ Name: policy }] })
  const text = await consul.client.call('PUT', '/v1/acl/token', body)
  return (JSON.parse(text) as { SecretID: string }).SecretID
}

test('folders are not keys, null values are empty, and the key of the prefix itself is seen', async () => {
  await consul.client.call('PUT', `/v1/kv${dir}/folder/`, '')
  await consul.client.put(`${dir}/folder/empty`, '')
  await consul.client.put(`${dir}/folder/ü b`, 'ö')
  await consul.client.put(dir, 'own')
  await consul.client.put(`${dir}lication/a`, 'foreign')
  const raw = watch([dir])
  expect(await raw.next()).toEqual(
    snapshot({ [dir]: 'own', [`${dir}/folder/empty`]: '', [`${dir}/folder/ü b`]: 'ö' }),
  )
  await consul.client.put(`${dir}lication/a`, 'foreign again')
  await consul.client.call('PUT', `/v1/kv${dir}/another/`, '')
  await consul.client.put(`${dir}/folder/empty`, '')
  await consul.client.put(dir, '')
  expect(await raw.next()).toEqual(delta({ [dir]: '' }))
  await consul.client.delTree(`${dir}/folder`)
  expect(await raw.next()).toEqual(delta({}, [`${dir}/folder/empty`, `${dir}/folder/ü b`]))
})

test('names that are not UTF-8 are invisible, because Consul gives several keys the same name', async () => {
  const put = (name: string) => consul.client.call('PUT', `/v1/kv${dir}/${name}`, 'odd')
  await put('%ff%fe')
  await put('%fe%ff')
  await consul.client.put(`${dir}/a`, '1')
  const raw = watch([dir])
  expect(await raw.next()).toEqual(snapshot({ [`${dir}/a`]: '1' }))
  await put('%fd')
  await consul.client.put(`${dir}/a`, '2')
  expect(await raw.next()).toEqual(delta({ [`${dir}/a`]: '2' }))
})

test('a prefix that is not there is empty, until it is', async () => {
  const raw = watch([dir])
  expect(await raw.next()).toEqual(snapshot({}))
  await consul.client.put('/foreign', '1')
  await consul.client.put(`${dir}/a`, '1')
  expect(await raw.next()).toEqual(delta({ [`${dir}/a`]: '1' }))
})

test('many prefixes share one query, and see only their own keys', async () => {
  const prefixes = Array.from({ length: 40 }, (_, n): Key => `${dir}/services/s${n}`)
  await consul.client.put(`${dir}/services/s7/a`, '1')
  await consul.client.put(`${dir}/services/other`, 'foreign')
  const raw = watch(prefixes)
  expect(await raw.next()).toEqual(snapshot({ [`${dir}/services/s7/a`]: '1' }))
  await consul.client.put(`${dir}/services/other`, 'foreign again')
  await consul.client.put(`${dir}/services/s39`, '2')
  expect(await raw.next()).toEqual(delta({ [`${dir}/services/s39`]: '2' }))
})

test.each<[string, Access]>([
  ['no token', {}],
  ['an unknown token', { env: { CONSUL_HTTP_TOKEN: 'unknown-token' } }],
  ['an unknown token as password', { password: 'unknown-token' }],
])('with %s the keys are denied, never empty', async (_, access) => {
  await consul.client.put(`${dir}/a`, '1')
  for (const prefix of [dir, '/'] as const) {
    const fault = await watch([prefix], consul.node, access).fault()
    expect(fault).toMatchObject({ kind: 'store', permanent: true })
    expect(fault.message).toMatch(/^Consul at http:.* denied access to \/(t\d+)? and below$/)
    expect(fault.hint).toContain('CONSUL_HTTP_TOKEN')
    expect(JSON.stringify(fault)).not.toContain('unknown-token')
  }
})

test.each<[string, Access]>([
  ['two lines', { env: { CONSUL_HTTP_TOKEN: 'secret\nsecret' } }],
  ['no ASCII', { password: 'sécret' }],
])('a token that cannot be sent is refused at the start: %s', (_, { env = {}, ...connection }) => {
  const nodes = [consul.node]
  const access = { nodes, scheme: 'http' as const, ...connection }
  const opened = open(settingsFor({ backend: 'consul', connection: access }), env)
  expect(opened).toMatchObject({ ok: false, error: { permanent: true } })
  const told = JSON.stringify(opened)
  expect(told).toContain('the ACL token contains a line break')
  expect(told).not.toContain('cret')
})

test('a policy for the directory is sufficient, whatever its neighbours contain', async () => {
  const { token } = await tokenFor(`key_prefix "${dir.slice(1)}/" { policy = "read" }`)
  await consul.client.put(`${dir}lication`, 'denied')
  const raw = watch([dir], consul.node, { env: { CONSUL_HTTP_TOKEN: token } })
  expect(await raw.next()).toEqual(snapshot({}))
  await consul.client.put(`${dir}/a`, '1')
  expect(await raw.next()).toEqual(delta({ [`${dir}/a`]: '1' }))
})

test('a policy for one key is enough to watch that key', async () => {
  const { token } = await tokenFor(`key "${dir.slice(1)}" { policy = "read" }`)
  const raw = watch([dir], consul.node, { env: { CONSUL_HTTP_TOKEN: token } })
  expect(await raw.next()).toEqual(snapshot({}))
  await consul.client.put(dir, '1')
  expect(await raw.next()).toEqual(delta({ [dir]: '1' }))
})

test('a token that loses its rights breaks the watch', async () => {
  const { token, policy, name } = await tokenFor(`key_prefix "${dir.slice(1)}" { policy = "read" }`)
  await consul.client.put(`${dir}/a`, '1')
  const raw = watch([dir], consul.node, { env: { CONSUL_HTTP_TOKEN: token } })
  expect(await raw.next()).toEqual(snapshot({ [`${dir}/a`]: '1' }))
  await consul.client.call(
    'PUT',
    `/v1/acl/policy/${policy}`,
    JSON.stringify({ ID: policy, Name: name, Rules: '' }),
  )
  // Consul admitted the running query before the policy changed. It may still answer this query and deny only the
  // next one.
  const writing = async (): Promise<void> => {
    for (let n = 2; n < 5; n++) {
      await consul.client.put(`${dir}/a`, String(n))
      await raw.next()
    }
  }
  await expect(writing()).rejects.toThrow('denied access')
})

test.each<[string, (token: string, file: string) => Access]>([
  ['-auth-token', (token) => ({ authToken: token })],
  ['-auth-token-file', (_, file) => ({ authTokenFile: file })],
  ['-password without a user', (token) => ({ password: token })],
  ['CONSUL_HTTP_TOKEN', (token) => ({ env: { CONSUL_HTTP_TOKEN: token } })],
  ['CONSUL_HTTP_TOKEN_FILE', (_, file) => ({ env: { CONSUL_HTTP_TOKEN_FILE: file } })],
  [
    '-auth-token before all others',
    (token) => ({ authToken: token, password: 'x', env: { CONSUL_HTTP_TOKEN: 'y' } }),
  ],
])('a token by %s', async (_, access) => {
  const { token } = await tokenFor(`key_prefix "${dir.slice(1)}" { policy = "read" }`)
  const file = join(tempDir('token'), 'token')
  writeFileSync(file, `${token}\n`)
  await consul.client.put(`${dir}/a`, '1')
  const raw = watch([dir], consul.node, access(token, file))
  expect(await raw.next()).toEqual(snapshot({ [`${dir}/a`]: '1' }))
})

test('a token is rotated in its file: the watch continues after the old one is deleted', async () => {
  const rules = `key_prefix "${dir.slice(1)}" { policy = "read" }`
  const old = await tokenFor(rules)
  const file = join(tempDir('token'), 'token')
  writeFileSync(file, old.token)
  await consul.client.put(`${dir}/a`, '1')
  const raw = watch([dir], consul.node, { authTokenFile: file })
  expect(await raw.next()).toEqual(snapshot({ [`${dir}/a`]: '1' }))
  const change = raw.next()
  writeFileSync(file, await anotherToken(old.name))
  await consul.client.call('DELETE', `/v1/acl/token/${old.accessor}`)
  await consul.client.put(`${dir}/a`, '2')
  expect(await change).toEqual(delta({ [`${dir}/a`]: '2' }))
  await consul.client.put(`${dir}/a`, '3')
  expect(await raw.next()).toEqual(delta({ [`${dir}/a`]: '3' }))
})

test('a refused query is retried if the token file contains another token by then', async () => {
  const file = join(tempDir('token'), 'token')
  writeFileSync(file, 'old-token')
  const tokens: unknown[] = []
  const fake = await startFake((_, response, nth, { headers }) => {
    tokens.push(headers['x-consul-token'])
    if (nth === 0) return give(response, 5, [entry('app/a', '1', 5)])
    if (nth === 1) {
      // Rotates the token during the query. Consul 1.8 answers with an empty list instead of a refusal.
      writeFileSync(file, 'new-token')
      return give(response, 6, [])
    }
    if (headers['x-consul-token'] === 'old-token') response.writeHead(403).end()
    else if (nth < 8) give(response, 7, [entry('app/a', '2', 7)])
  })
  onTestFinished(() => fake.close())
  const raw = watch(['/app'], fake.node, { authTokenFile: file })
  expect(await raw.next()).toEqual(snapshot({ '/app/a': '1' }))
  expect(await raw.next()).toEqual(delta({ '/app/a': '2' }))
  expect(tokens.slice(0, 2)).toEqual(['old-token', 'old-token'])
  expect(tokens.at(-1)).toBe('new-token')
})

test('an empty or missing token file breaks the watch, with a message that contains no token', async () => {
  const file = join(tempDir('token'), 'token')
  writeFileSync(file, ROOT_TOKEN)
  const raw = watch([dir], consul.node, { authTokenFile: file })
  await raw.next()
  const change = raw.next()
  writeFileSync(file, '\n')
  await consul.client.put(`${dir}/a`, '1')
  await change
  expect(await raw.fault()).toEqual({
    kind: 'store',
    message: 'the file given by -auth-token-file is empty',
    file,
    hint: "check -auth-token-file and the file's permissions",
    permanent: true,
  })
})

const entry = (key: string, value: string, modifyIndex: number) => ({
  Key: key,
  Value: Buffer.from(value).toString('base64'),
  ModifyIndex: modifyIndex,
})
const give = (response: ServerResponse, index: number, entries: readonly object[]): void => {
  response.setHeader('x-consul-index', index)
  response.end(JSON.stringify(entries))
}

test('an index that goes back starts over from 0, and equal indexes hide no change', async () => {
  const fake = await startFake((_, response, nth) => {
    if (nth === 0) give(response, 90, [entry('app/a', 'old', 7), entry('app/b', 'same', 8)])
    else if (nth < 3) give(response, 12, [entry('app/a', 'new', 7), entry('app/b', 'same', 8)])
  })
  onTestFinished(() => fake.close())
  const raw = watch(['/app'], fake.node)
  expect(await raw.next()).toEqual(snapshot({ '/app/a': 'old', '/app/b': 'same' }))
  expect(await raw.next()).toEqual(delta({ '/app/a': 'new' }))
  const index = fake.asked.map((path) => new URL(path, 'http://fake').searchParams.get('index'))
  expect(index.slice(0, 3)).toEqual([null, '90', null])
})

test('another cluster with higher indexes hides no change behind an equal ModifyIndex', async () => {
  const fake = await startFake((_, response, nth) => {
    if (nth === 0) give(response, 90, [entry('app/a', 'blue', 7), entry('app/b', 'same', 8)])
    else if (nth === 1) give(response, 100, [entry('app/a', 'green', 7), entry('app/b', 'same', 8)])
  })
  onTestFinished(() => fake.close())
  const settings = settingsFor({
    backend: 'consul',
    connection: { nodes: [fake.node], scheme: 'http' },
  })
  const raw = new RawWatch(open(settings, {}, 0), ['/app'])
  onTestFinished(() => raw.end())
  expect(await raw.next()).toEqual(snapshot({ '/app/a': 'blue', '/app/b': 'same' }))
  expect(await raw.next()).toEqual(delta({ '/app/a': 'green' }))
})

/**
 * Starts a fake member of a Consul cluster. Its data may be older than the data of other members. It leaves blocking
 * queries unanswered.
 */
async function startServer(answer: (consistent: boolean, response: ServerResponse) => void) {
  const fake = await startFake((url, response) => {
    if (!url.searchParams.has('index')) answer(url.searchParams.has('consistent'), response)
  })
  onTestFinished(() => fake.close())
  return fake
}

test('a server behind another one is not trusted; a leader that confirms its state is', async () => {
  const ahead = await startServer((_, r) => give(r, 90, [entry('app/a', 'new', 90)]))
  const behind = await startServer((consistent, r) =>
    consistent
      ? give(r, 91, [entry('app/a', 'newest', 91)])
      : give(r, 50, [entry('app/a', 'old', 50)]),
  )
  const restored = await startServer((_, r) => give(r, 12, [entry('app/a', 'restored', 12)]))
  const deposed = await startServer((consistent, r) =>
    consistent ? r.writeHead(500).end('leadership lost') : give(r, 9, [entry('app/a', 'old', 9)]),
  )
  const settings = settingsFor({
    backend: 'consul',
    connection: { nodes: ['unused:1'], scheme: 'http' },
  })
  const store = open(settings, {})
  const read = async (node: string): Promise<object> => {
    if (!store.ok) throw new Error(store.error.message)
    const raw = new RawWatch({ ok: true, value: { ...store.value, nodes: [node] } }, ['/app'])
    onTestFinished(() => raw.end())
    return raw.next()
  }
  expect(await read(ahead.node)).toEqual(snapshot({ '/app/a': 'new' }))
  expect(await read(behind.node)).toEqual(snapshot({ '/app/a': 'newest' }))
  // The index of a restored cluster stays behind permanently, and the leader confirms this index.
  expect(await read(restored.node)).toEqual(snapshot({ '/app/a': 'restored' }))
  await expect(read(deposed.node)).rejects.toThrow('leadership lost')
})

test('a server that answers at once without changes is queried less and less often', async () => {
  let answers = 0
  const fake = await startFake((_, response) => {
    answers++
    give(response, 5, [entry('app/a', '1', 5)])
  })
  onTestFinished(() => fake.close())
  const raw = watch(['/app'], fake.node)
  await raw.next()
  const begin = performance.now()
  void raw.next().catch(() => undefined)
  await until('some questions', () => answers >= 12)
  // Each early answer is followed by a query in consistent mode. The pauses before these queries are 0, 0, 0.1, 0.2
  // and 0.4 s. Jitter shortens each pause by at most half.
  expect(performance.now() - begin).toBeGreaterThanOrEqual(350)
})

test('an index below 1 counts as 1, and an answer without a change causes no event', async () => {
  const fake = await startFake((_, response, nth) => {
    if (nth < 3) give(response, 0, [entry('app', '1', 7)])
    else if (nth === 3) give(response, 9, [entry('app', '2', 9)])
  })
  onTestFinished(() => fake.close())
  const raw = watch(['/app'], fake.node)
  await raw.next()
  expect(await raw.next()).toEqual(delta({ '/app': '2' }))
  expect(fake.asked[1]).toContain('index=1&')
})

test('an answer that the ACL filtered is a fault, unless only neighbours are missing', async () => {
  const fake = await startFake((url, response) => {
    const { pathname } = url
    if (pathname === '/v1/kv/app' || pathname === '/v1/kv/web' || pathname === '/v1/kv/web/') {
      response.setHeader('x-consul-results-filtered-by-acls', 'true')
    }
    const entries = pathname.startsWith('/v1/kv/app') ? [entry('app/a', '1', 5)] : []
    if (!url.searchParams.has('index')) give(response, 5, entries)
  })
  onTestFinished(() => fake.close())
  expect(await watch(['/app'], fake.node).next()).toEqual(snapshot({ '/app/a': '1' }))
  expect((await watch(['/web'], fake.node).fault()).message).toContain('denied access to /web')
})

test.each<[string, (response: ServerResponse) => void, RegExp]>([
  [
    'without a leader (X-Consul-KnownLeader)',
    (r) => r.writeHead(200, { 'x-consul-index': 5, 'x-consul-knownleader': 'false' }).end('[]'),
    /has no cluster leader/,
  ],
  [
    'without a leader (500)',
    (r) => r.writeHead(500).end('No cluster leader\n'),
    /failed \(HTTP 500\): No cluster leader$/,
  ],
  [
    'that there are too many requests',
    (r) => r.writeHead(429, { 'retry-after': '7' }).end(),
    /HTTP 429, retry after 7 s/,
  ],
  [
    'that is not JSON',
    (r) => r.writeHead(200, { 'x-consul-index': 5 }).end('[{"Value":"secret'),
    /sent an invalid response: it is not JSON$/,
  ],
  [
    'that is not from Consul',
    (r) => r.writeHead(404).end('secret'),
    /its header X-Consul-Index is missing$/,
  ],
  [
    'cut off',
    (r) => r.writeHead(200, { 'content-length': 9 }).write('[', () => r.destroy()),
    /closed the connection/,
  ],
])('an answer %s is a fault without values', async (_, answer, expected) => {
  const fake = await startFake((_, response) => answer(response))
  onTestFinished(() => fake.close())
  const fault = await watch(['/app'], fake.node).fault()
  expect(fault.message).toMatch(expected)
  expect(fault.message).toContain(fake.node)
  expect(JSON.stringify(fault)).not.toContain('secret')
})

test('the password is the token, unless there is a user name: then it is for basic auth', async () => {
  const seen: unknown[] = []
  const fake = await startFake((url, response, _, { headers }) => {
    if (url.searchParams.has('index')) return
    seen.push([headers['authorization'], headers['x-consul-token']])
    give(response, 5, [entry('app', '1', 5)])
  })
  onTestFinished(() => fake.close())
  const env = { CONSUL_HTTP_TOKEN: 'env' }
  await watch(['/app'], fake.node, { env }).next()
  await watch(['/app'], fake.node, { env, password: 'own' }).next()
  await watch(['/app'], fake.node, { env, username: 'me', password: 'own' }).next()
  const basic = `Basic ${Buffer.from('me:own').toString('base64')}`
  expect(seen).toEqual([
    [undefined, 'env'],
    [undefined, 'own'],
    [basic, 'env'],
  ])
})
