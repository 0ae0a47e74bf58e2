// Runs the contract against real ZooKeeper servers: 3.8, which can watch whole trees, and 3.4, which cannot.
import { expect, test } from 'vitest'
import { settingsFor } from '../support/settings.ts'
import { startZookeeper, type ZookeeperServer } from '../support/zookeeper.ts'
import { contract } from './suite.ts'
import { newPrefix, watching } from './world.ts'

for (const version of ['3.8', '3.4'] as const) {
  let zookeeper: ZookeeperServer

  contract(
    {
      name: `zookeeper ${version}`,
      async start() {
        zookeeper = await startZookeeper({ version })
        return {
          settings: settingsFor({
            backend: 'zookeeper',
            connection: { nodes: [zookeeper.node], scheme: 'http' },
          }),
          client: zookeeper.client,
          down: () => zookeeper.kill(),
          up: () => zookeeper.start(),
          stop: () => zookeeper.stop(),
        }
      },
    },
    (world) => {
      test('a znode is a directory once it has children and no data', async () => {
        const prefix = newPrefix()
        const { client } = zookeeper
        await client.put(`${prefix}/empty`, '')
        await client.put(`${prefix}/full`, 'data')
        await watching(world(), [prefix], async (watched) => {
          await watched.converges(
            new Map([
              [`${prefix}/empty`, ''],
              [`${prefix}/full`, 'data'],
            ]),
          )
          await client.put(`${prefix}/empty/x`, '1')
          await client.put(`${prefix}/full/x`, '2')
          const all = new Map([
            [`${prefix}/empty/x`, '1'],
            [`${prefix}/full`, 'data'],
            [`${prefix}/full/x`, '2'],
          ])
          await watched.converges(all)
          await watching(world(), [prefix], (anew) => anew.converges(all))
          await client.del(`${prefix}/empty/x`)
          await client.del(`${prefix}/full/x`)
          await client.set(`${prefix}/full`, '')
          await watched.converges(
            new Map([
              [`${prefix}/empty`, ''],
              [`${prefix}/full`, ''],
            ]),
          )
          expect(watched.faults).toEqual([])
        })
      })

      test('a tree that is deleted and recreated is seen, several times in a row', async () => {
        const prefix = newPrefix()
        const { client } = zookeeper
        await watching(world(), [`${prefix}/tree`], async (watched) => {
          await watched.live()
          for (let n = 0; n < 10; n++) {
            const keys = new Map([
              [`${prefix}/tree/a`, `a${n}`],
              [`${prefix}/tree/deep/er/b`, `b${n}`],
            ])
            await client.putAll(keys)
            // The first three rounds wait for the watch. The other rounds follow without a pause.
            if (n < 3) await watched.converges(keys)
            await client.delTree(`${prefix}/tree`)
            if (n < 3) await watched.converges(new Map())
          }
          await client.put(`${prefix}/tree/deep/er/c`, 'last')
          await watched.converges(new Map([[`${prefix}/tree/deep/er/c`, 'last']]))
          expect(watched.faults).toEqual([])
        })
      })

      test('writes outside of the prefix cause no events', async () => {
        const prefix = newPrefix()
        const { client } = zookeeper
        await client.put(`${prefix}/a`, '1')
        await watching(world(), [prefix], async (watched) => {
          await watched.live()
          for (let n = 0; n < 50; n++) await client.put('/foreign', String(n))
          // ZooKeeper reports a write of the same value as a change. reconfd must not.
          await client.set(`${prefix}/a`, '1')
          await client.set(`${prefix}/a`, '2')
          await watched.converges(new Map([[`${prefix}/a`, '2']]))
          expect(watched.kinds.length).toBe(2)
        })
      })
    },
  )
}
