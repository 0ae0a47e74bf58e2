// Runs the contract against real etcd 3.4 and 3.5 servers through the v2 API. Adds tests that are specific to v2.
import { expect, test } from 'vitest'
import { forAll } from '../support/http.ts'
import { startProxy } from '../support/proxy.ts'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'
import { contract } from './suite.ts'
import { newPrefix, watching } from './world.ts'

const settings = (node: string) =>
  settingsFor({ backend: 'etcdv2', connection: { nodes: [node], scheme: 'http' } })

for (const version of ['3.4', '3.5'] as const) {
  let etcd: EtcdServer

  /** Makes etcd drop all earlier events, because etcd keeps only the last 1,000 events of the whole cluster. */
  const manyForeignEvents = (): Promise<void> =>
    forAll(
      Array.from({ length: 1500 }, (_, n) => n),
      (n) => etcd.v2.put(`/foreign/key${n % 10}`, String(n)),
    )

  contract(
    {
      name: `etcdv2 on etcd ${version}`,
      lacks: { bytes: 'its JSON has U+FFFD for them' },
      async start() {
        etcd = await startEtcd({ v2: true, version })
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
      test('the server is of that version', async () => {
        const { text } = await etcd.v2.http.ok('GET', '/version')
        expect(text).toContain(`"etcdserver":"${version}.`)
      })

      test('survives more than 1,000 foreign events during an outage', async () => {
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

      test('survives more than 1,000 foreign events under a quiet watch', async () => {
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

      test('a directory that expires removes all keys below it', async () => {
        const prefix = newPrefix()
        const kept = new Map([[`${prefix}/kept`, '3']])
        await etcd.v2.putAll(kept)
        await watching({ settings: settings(etcd.node) }, [prefix], async (watched) => {
          await watched.live()
          const keys = new Map([
            [`${prefix}/dir/a`, '1'],
            [`${prefix}/dir/deep/b`, '2'],
          ])
          // Long enough to write the keys and to see them, even on a busy machine.
          await etcd.v2.makeExpiringDir(`${prefix}/dir`, 5)
          await etcd.v2.putAll(keys)
          await watched.converges(new Map([...keys, ...kept]))
          await watched.converges(kept)
          expect(watched.faults).toEqual([])
        })
      })

      test('a time to live for an existing directory: an event on 3.4, refused by 3.5', async () => {
        const prefix = newPrefix()
        await etcd.v2.put(`${prefix}/dir/a`, '1')
        await watching({ settings: settings(etcd.node) }, [prefix], async (watched) => {
          await watched.live()
          const given = etcd.v2.expireDir(`${prefix}/dir`, 1)
          if (version === '3.5') {
            await expect(given).rejects.toThrow('Not a file')
            return
          }
          await given
          await watched.converges(new Map())
        })
      })

      test('survives an index that goes back', async () => {
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
}
