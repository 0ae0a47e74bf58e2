// Runs the contract against real etcd 3.4 and 3.5 servers through the v3 gateway. Adds tests that are specific to v3.
import { expect, test } from 'vitest'
import { startProxy } from '../support/proxy.ts'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'
import { contract } from './suite.ts'
import { newPrefix, watching } from './world.ts'

const settings = (node: string) =>
  settingsFor({ backend: 'etcdv3', connection: { nodes: [node], scheme: 'http' } })

for (const version of ['3.4', '3.5'] as const) {
  let etcd: EtcdServer

  contract(
    {
      name: `etcdv3 on etcd ${version}`,
      async start() {
        etcd = await startEtcd({ version })
        return {
          settings: settings(etcd.node),
          client: etcd.client,
          down: () => etcd.kill(),
          up: () => etcd.start(),
          stop: () => etcd.stop(),
        }
      },
    },
    () => {
      test('the server is of that version', async () => {
        const { text } = await etcd.client.http.ok('GET', '/version')
        expect(text).toContain(`"etcdserver":"${version}.`)
      })

      test('survives compaction during an outage', async () => {
        const prefix = newPrefix()
        const proxy = await startProxy(etcd.node)
        await etcd.client.put(`${prefix}/a`, 'before')
        await etcd.client.put(`${prefix}/gone`, 'before')
        await watching({ settings: settings(proxy.node) }, [prefix], async (watched) => {
          await watched.live()
          proxy.cut()
          await watched.broken()
          await etcd.client.put(`${prefix}/a`, 'missed')
          await etcd.client.del(`${prefix}/gone`)
          await etcd.client.compact()
          await etcd.client.put(`${prefix}/b`, 'after')
          proxy.restore()
          const keys = new Map([
            [`${prefix}/a`, 'missed'],
            [`${prefix}/b`, 'after'],
          ])
          await watched.converges(keys)
          await etcd.client.put(`${prefix}/a`, 'live')
          await watched.converges(keys.set(`${prefix}/a`, 'live'))
        })
        await proxy.close()
      })

      test('survives compaction under a quiet watch, and the next break', async () => {
        const prefix = newPrefix()
        const proxy = await startProxy(etcd.node)
        await etcd.client.put(`${prefix}/a`, '1')
        await watching({ settings: settings(proxy.node) }, [prefix], async (watched) => {
          await watched.live()
          for (let n = 0; n < 50; n++) await etcd.client.put('/foreign', String(n))
          await etcd.client.compact()
          await etcd.client.put(`${prefix}/a`, '2')
          await watched.converges(new Map([[`${prefix}/a`, '2']]))
          proxy.cut()
          await watched.broken()
          proxy.restore()
          await etcd.client.put(`${prefix}/a`, '3')
          await watched.converges(new Map([[`${prefix}/a`, '3']]))
        })
        await proxy.close()
      })

      test('a cluster restored with a lower revision is re-read', async () => {
        const prefix = newPrefix()
        await etcd.client.put(`${prefix}/a`, 'old')
        await watching({ settings: settings(etcd.node) }, [prefix], async (watched) => {
          await watched.converges(new Map([[`${prefix}/a`, 'old']]))
          await etcd.restartEmpty()
          await etcd.client.put(`${prefix}/b`, 'new')
          await watched.converges(new Map([[`${prefix}/b`, 'new']]))
        })
      })
    },
  )
}
