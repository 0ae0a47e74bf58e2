// The Consul catalog on an agent with ACLs. Denied access must cause a fault, never an empty list.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import type { ConnectionSettings } from '../../src/core/settings.ts'
import { open } from '../../src/stores/consul-catalog.ts'
import { startAgent, type Agent } from '../support/consul-agents.ts'
import { startFake } from '../support/fake-http.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { removeDir, tempDir } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'

const ROOT_TOKEN = 'root-token-of-the-test'

let agent: Agent
beforeAll(async () => {
  const acl = { enabled: true, default_policy: 'deny', tokens: { master: ROOT_TOKEN } }
  agent = await startAgent({ acl }, ROOT_TOKEN)
  await agent.register({ Name: 'web', ID: 'web' })
  await agent.register({ Name: 'db', ID: 'db' })
})
afterAll(() => agent.server.stop())

const call = async (path: string, body: object): Promise<Record<string, string>> =>
  JSON.parse(await agent.server.client.call('PUT', path, JSON.stringify(body))) as never

let policies = 0
/** Creates a policy with these rules and a token with this policy. */
async function tokenFor(Rules: string): Promise<{ token: string; policy: string; Name: string }> {
  const Name = `policy-${++policies}`
  const policy = await call('/v1/acl/policy', { Name, Rules })
  const { SecretID = '' } = await call('/v1/acl/token', { Policies: [{ Name }] })
  return { token: SecretID, policy: policy['ID'] ?? '', Name }
}

const WEB = 'service "web" { policy = "read" } node_prefix "" { policy = "read" }'

function watch(
  prefixes: readonly Key[],
  own: Partial<ConnectionSettings>,
  node = agent.server.node,
): RawWatch {
  const connection = { nodes: [node], scheme: 'http', ...own } as const
  const raw = new RawWatch(
    open(settingsFor({ backend: 'consul-catalog', connection }), {}),
    prefixes,
  )
  onTestFinished(() => raw.end())
  return raw
}

const keysOf = (event: object): string[] => Object.keys((event as { entries: object }).entries)

test('a token with rights on the service and the nodes reads the service', async () => {
  const { token } = await tokenFor(WEB)
  const raw = watch(['/services/web', '/nodes'], { authToken: token })
  expect(keysOf(await raw.next()).sort()).toEqual(['/nodes/one', '/services/web/one:web'])
})

test.each<[string, string | undefined, readonly Key[], RegExp]>([
  ['no token', undefined, ['/services/web'], /the service web/],
  ['an unknown token', 'unknown-token', ['/services/web'], /denied access/],
  ['no token, all services', undefined, ['/services'], /the list of services/],
  ['no token, nodes', undefined, ['/nodes'], /the nodes/],
  [
    'rights on the service only',
    'service "web" { policy = "read" }',
    ['/services/web'],
    /the service web/,
  ],
  ['rights on another service', WEB, ['/services/db'], /the service db/],
])('with %s it is denied', async (_, rules, prefixes, message) => {
  const token = rules?.includes('{') === true ? (await tokenFor(rules)).token : rules
  const fault = await watch(prefixes, token === undefined ? {} : { authToken: token }).fault()
  expect(fault).toMatchObject({ kind: 'store', permanent: true })
  expect(fault.message).toMatch(/^Consul at http:.* denied access to /)
  expect(fault.message).toMatch(message)
  expect(fault.hint).toContain('node_prefix')
  if (token !== undefined) expect(JSON.stringify(fault)).not.toContain(token)
})

test('with rights on some services the list contains these, which is reported', async () => {
  const { token } = await tokenFor(WEB)
  const raw = watch(['/services'], { authToken: token })
  const { entries } = (await raw.next()) as { entries: object }
  expect(Object.keys(entries).sort()).toEqual(['/services/web/', '/services/web/one:web'])
  const told = expect.stringContaining('the token can read only some services') as string
  expect(raw.notices).toEqual([told])
})

test('a token that loses its rights breaks the watch, and removes no instance', async () => {
  const { token, policy, Name } = await tokenFor(WEB)
  const raw = watch(['/services/web'], { authToken: token })
  await raw.next()
  await call(`/v1/acl/policy/${policy}`, { ID: policy, Name, Rules: '' })
  // Consul admitted the running query before the policy changed, but filters its answer by the new policy.
  await agent.register({ Name: 'web', ID: 'web', Port: 1 })
  expect((await raw.fault()).message).toContain('denied access to the service web')
})

test('a token that is rotated in its file is used', async () => {
  const folder = tempDir('token')
  onTestFinished(() => removeDir(folder))
  const file = join(folder, 'token')
  const [first, second] = [await tokenFor(WEB), await tokenFor(WEB)]
  writeFileSync(file, first.token)
  const raw = watch(['/services/web'], { authTokenFile: file })
  await raw.next()
  writeFileSync(file, second.token)
  await call(`/v1/acl/policy/${first.policy}`, { ID: first.policy, Name: first.Name, Rules: '' })
  // The running query still uses the first token, so its answer lacks the instance. The instance must not count as
  // removed.
  await agent.register({ Name: 'web', ID: 'web', Port: 2 })
  const event = (await raw.next()) as { put: Record<string, string>; del: string[] }
  expect(event.del).toEqual([])
  expect(JSON.parse(event.put['/services/web/one:web'] ?? '')).toMatchObject({ port: 2 })
})

test('Consul 1.11 and later reports that it left something out', async () => {
  const fake = await startFake((_, response) => {
    response.setHeader('x-consul-index', 7)
    response.setHeader('x-consul-results-filtered-by-acls', 'true')
    const node = { Node: 'n1', Address: '10.1.0.1' }
    response.end(JSON.stringify([{ Node: node, Service: { ID: 'a', Service: 'web' }, Checks: [] }]))
  })
  onTestFinished(() => fake.close())
  expect(await watch(['/services/web'], {}, fake.node).fault()).toMatchObject({ permanent: true })
})
