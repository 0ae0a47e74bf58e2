// The basic task with real etcd, Consul and Redis servers: a key changes, the file changes, the reload runs.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRedis, type RedisServer } from '../support/redis.ts'
import { startConsul, startEtcd, type ConsulServer, type EtcdServer } from '../support/servers.ts'
import { withSite, type Site } from './support.ts'

let etcd: EtcdServer
let consul: ConsulServer
let redis: RedisServer
beforeAll(async () => {
  ;[etcd, consul, redis] = await Promise.all([startEtcd({ v2: true }), startConsul(), startRedis()])
})
afterAll(async () => {
  etcd.v2.close()
  await Promise.all([etcd.stop(), consul.stop(), redis.stop()])
})

const backends = [
  ['etcdv3', () => etcd, () => etcd.client],
  ['etcdv2', () => etcd, () => etcd.v2],
  ['consul', () => consul, () => consul.client],
  ['redis', () => redis, () => redis.client],
] as const

describe.each(backends)('%s', (backend, server, client) => {
  const store = (): string[] => ['-backend', backend, '-node', server().node]
  const prepare = async (site: Site): Promise<void> => {
    await client().put('/services/web/n1', '10.0.0.1:80')
    await client().put('/services/web/n2', '10.0.0.2:80')
    site.template(
      'web.cfg',
      '{% for s in range("/services/web") %}\nserver {{ base(s.key) }} {{ s.value }}\n{% endfor %}\n',
    )
    site.resource('web.cfg', {
      keys: ['/services/web'],
      reload_cmd: `echo reload >> ${site.path('reloads')}`,
    })
  }

  test('-onetime renders, writes, reloads and exits with 0', async () => {
    await withSite(store(), async (site) => {
      await prepare(site)
      const first = await site.start('-onetime').finished
      expect(first).toMatchObject({ code: 0 })
      expect(site.read('web.cfg')).toBe('server n1 10.0.0.1:80\nserver n2 10.0.0.2:80\n')
      expect(site.lines('reloads')).toBe(1)
      // The second run finds the file in sync, so it must write nothing and reload nothing.
      const second = await site.start('-onetime').finished
      expect(second).toMatchObject({ code: 0 })
      expect(site.lines('reloads')).toBe(1)
    })
  })

  test('-watch follows changes and deletions', async () => {
    await withSite(store(), async (site) => {
      await prepare(site)
      const run = site.start('-watch')
      await run.until('the first reload', () => site.lines('reloads') === 1)
      await client().put('/services/web/n2', '10.0.0.22:80')
      await run.until('the second reload', () => site.lines('reloads') === 2)
      expect(site.read('web.cfg')).toBe('server n1 10.0.0.1:80\nserver n2 10.0.0.22:80\n')
      await client().del('/services/web/n1')
      await run.until('the third reload', () => site.lines('reloads') === 3)
      expect(site.read('web.cfg')).toBe('server n2 10.0.0.22:80\n')
      expect(await run.stop()).toMatchObject({ code: 0 })
    })
  })

  test('a store becomes unreachable and returns: the file stays, then follows', async () => {
    await withSite(store(), async (site) => {
      await prepare(site)
      const run = site.start('-watch')
      await run.until('the first reload', () => site.lines('reloads') === 1)
      const before = site.read('web.cfg')
      await server().kill()
      await run.until('it says so', () => run.tells('store-stale'))
      expect(site.read('web.cfg')).toBe(before)
      await server().start()
      await client().put('/services/web/n1', '10.0.0.111:80')
      await run.until('the change', () => site.read('web.cfg')?.includes('10.0.0.111') === true)
      expect(await run.stop()).toMatchObject({ code: 0 })
    })
  })
})
