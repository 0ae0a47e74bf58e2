// The contract on a real etcd through its v2 API, and what only v2 can do wrong.
import { test } from 'vitest'
import { forAll } from '../support/http.ts'
import { startProxy } from '../support/proxy.ts'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'
import { contract } from './suite.ts'
import { newPrefix, watching } from './world.ts'

const settings = (node: string) =>
  settingsFor({ backend: 'etcdv2', connection: { nodes: [node], scheme: 'http' } })

let etcd: EtcdServer

/** etcd keeps the last 1,000 events of the whole cluster: more than these push all others out. */
const manyForeignEvents = (): Promise<void> =>
  forAll(
    Array.from({ length: 1500 }, (_, n) => n),
    (n) => etcd.v2.put(`/foreign/key${n % 10}`, String(n)),
  )

contract(
  {
    name: 'etcdv2',
    async start() {
      etcd = await startEtcd({ v2: true })
      return {
        settings: settings(etcd.node),
        client: etcd.v2,
        down: () => etcd.kill(),
        up: () => etcd.start(),
        stop: async () => {
          etcd.v2.close()
          await etcd.stop()
        },
      }
    },
  },
  () => {
    test('more than 1,000 foreign events during an outage are survived', async () => {
      const prefix = newPrefix()
      const proxy = await startProxy(etcd.node)
      await etcd.v2.put(`${prefix}/a`, 'before')
      await etcd.v2.put(`${prefix}/gone`, 'before')
      await watching({ settings: settings(proxy.node) }, [prefix], async (watched) => {
        await watched.live()
        proxy.cut()
        await watched.broken()
        await etcd.v2.put(`${prefix}/a`, 'missed')
        await etcd.v2.del(`${prefix}/gone`)
        await manyForeignEvents()
        proxy.restore()
        await watched.converges(new Map([[`${prefix}/a`, 'missed']]))
        await etcd.v2.put(`${prefix}/a`, 'live')
        await watched.converges(new Map([[`${prefix}/a`, 'live']]))
      })
      await proxy.close()
    })

    test('more than 1,000 foreign events under a quiet watch are survived', async () => {
      const prefix = newPrefix()
      await etcd.v2.put(`${prefix}/a`, '1')
      await watching({ settings: settings(etcd.node) }, [prefix], async (watched) => {
        await watched.live()
        for (const value of ['2', '3']) {
          await manyForeignEvents()
          await etcd.v2.put(`${prefix}/a`, value)
          await watched.converges(new Map([[`${prefix}/a`, value]]))
        }
      })
    })

    test('a directory that expires takes all below it', async () => {
      const prefix = newPrefix()
      await etcd.v2.put(`${prefix}/dir/a`, '1')
      await etcd.v2.put(`${prefix}/dir/deep/b`, '2')
      await etcd.v2.put(`${prefix}/kept`, '3')
      await watching({ settings: settings(etcd.node) }, [prefix], async (watched) => {
        await watched.live()
        await etcd.v2.expireDir(`${prefix}/dir`, 1)
        await watched.converges(new Map([[`${prefix}/kept`, '3']]))
      })
    })

    test('an index that goes back is survived', { timeout: 60_000 }, async () => {
      const prefix = newPrefix()
      await etcd.v2.put(`${prefix}/a`, 'old')
      await watching({ settings: settings(etcd.node) }, [prefix], async (watched) => {
        await watched.converges(new Map([[`${prefix}/a`, 'old']]))
        await etcd.restartEmpty()
        await etcd.v2.put(`${prefix}/b`, 'new')
        await watched.converges(new Map([[`${prefix}/b`, 'new']]))
      })
    })
  },
)
