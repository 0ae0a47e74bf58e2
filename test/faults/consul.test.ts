// Faults of Consul: restarts, a wiped store, a restored snapshot, overload, answers that are cut off in the middle, and
// a token that loses its permissions.
import { describe, expect, test } from 'vitest'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { startConsul, type ConsulServer } from '../support/servers.ts'
import { trying, type Trial } from './harness.ts'
import { answersCutShort, killedAndStarted } from './scenes.ts'
import { serverStore } from './stores.ts'

interface Scene {
  readonly trial: Trial
  readonly consul: ConsulServer
  /** The proxy between the program and the agent. The trial writes directly to the agent. */
  readonly proxy: Proxy
}

async function withConsul(use: (scene: Scene) => Promise<void>): Promise<void> {
  const consul = await startConsul()
  const proxy = await startProxy(consul.node)
  try {
    const store = serverStore('consul', consul.client, [proxy.node])
    await trying(store, {}, (trial) => use({ trial, consul, proxy }))
  } finally {
    await proxy.close()
    await consul.stop()
  }
}

const TOO_MANY =
  'HTTP/1.1 429 Too Many Requests\r\nContent-Length: 30\r\nConnection: close\r\n\r\nYour IP is issuing too many re'

describe.concurrent('Consul', () => {
  test('the agent is killed and started again', () =>
    withConsul(({ trial, consul }) => killedAndStarted(trial, consul)))

  test('its state is wiped, and its index starts again', () =>
    withConsul(async ({ trial, consul }) => {
      await trial.begin()
      await trial.writes(50)
      await trial.settle()
      // The restarted Consul is empty, so the empty state is now the correct one.
      trial.storeHolds('none')
      await consul.restartEmpty()
      await trial.settle()
      await trial.writes(3)
      await trial.judge()
    }))

  test('restored from a snapshot: its index goes back', () =>
    withConsul(async ({ trial, consul }) => {
      await trial.begin()
      const then = trial.now
      const snapshot = await (await fetch(`${consul.url}/v1/snapshot`)).arrayBuffer()
      await trial.writes(20)
      await trial.settle()
      const restored = await fetch(`${consul.url}/v1/snapshot`, { method: 'PUT', body: snapshot })
      expect(restored.status).toBe(200)
      trial.storeHolds(then)
      await trial.settle()
      await trial.writes(3)
      await trial.judge()
    }))

  test('it answers 429 to everything for a while', () =>
    withConsul(async ({ trial, proxy }) => {
      await trial.begin()
      proxy.answer(TOO_MANY)
      await trial.writes(5)
      await trial.untilTold('store-stale')
      await trial.writes(5)
      proxy.restore()
      await trial.write()
      await trial.judge()
    }))

  test('answers that are cut off', () =>
    withConsul(({ trial, proxy }) => answersCutShort(trial, proxy, [10, 300, 600, 900])))

  test('a token that loses its permissions: the files stay', async () => {
    const root = 'root-token-of-the-trial'
    const acl = { enabled: true, default_policy: 'deny', tokens: { master: root } }
    const consul = await startConsul({ config: { acl }, token: root })
    const call = async (path: string, body: object): Promise<Record<string, string>> =>
      JSON.parse(await consul.client.call('PUT', path, JSON.stringify(body))) as never
    try {
      const policy = (rules: string): object => ({ Name: 'trial', Rules: rules })
      const everything = policy('key_prefix "" { policy = "read" }')
      const { ID } = await call('/v1/acl/policy', everything)
      const { SecretID = '' } = await call('/v1/acl/token', { Policies: [{ ID }] })
      const store = serverStore('consul', consul.client, [consul.node])
      await trying(store, { env: { CONSUL_HTTP_TOKEN: SecretID } }, async (trial) => {
        await trial.begin()
        await call(`/v1/acl/policy/${ID}`, policy('key_prefix "elsewhere" { policy = "read" }'))
        await trial.writes(3)
        await trial.untilTold('store-stale')
        // The keys that the token may no longer read still exist. A file without them would count as unplanned content.
        await trial.writes(3)
        await call(`/v1/acl/policy/${ID}`, everything)
        await trial.write()
        await trial.judge()
        expect(trial.program?.output).not.toContain(SecretID)
      })
    } finally {
      await consul.stop()
    }
  })
})
