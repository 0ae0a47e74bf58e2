// Runs the contract against a real Redis, with and without notifications. Adds tests that are specific to Redis.
import { expect, test } from 'vitest'
import { startRedis, type RedisServer } from '../support/redis.ts'
import { settingsFor } from '../support/settings.ts'
import { contract } from './suite.ts'
import { newPrefix, watching, type World } from './world.ts'

for (const [name, notify] of [
  ['redis', 'KA'],
  ['redis without notifications', ''],
] as const) {
  let redis: RedisServer
  const start = async (): Promise<World> => {
    redis = await startRedis({ notify })
    return {
      settings: settingsFor({
        backend: 'redis',
        connection: { nodes: [redis.node], scheme: 'http' },
        pollInterval: 100,
      }),
      client: redis.client,
      down: () => redis.kill(),
      up: () => redis.start(),
      stop: () => redis.stop(),
    }
  }
  contract({ name, start }, (world) => {
    test('the fields of a hash are keys', async () => {
      const prefix = newPrefix()
      await redis.client.call('HSET', `${prefix}/hash`, 'a', '1', 'b/c', '2', 'odd//', '3')
      const keys = new Map([
        [`${prefix}/hash/a`, '1'],
        [`${prefix}/hash/b/c`, '2'],
      ])
      await watching(world(), [prefix], async (watched) => {
        await watched.converges(keys)
        await redis.client.call('HSET', `${prefix}/hash`, 'a', 'changed')
        await redis.client.call('HDEL', `${prefix}/hash`, 'b/c')
        await watched.converges(new Map([[`${prefix}/hash/a`, 'changed']]))
        await redis.client.call('DEL', `${prefix}/hash`)
        await watched.converges(new Map())
      })
    })

    test('rename, move to another database, and another type arrive', async () => {
      const prefix = newPrefix()
      await redis.client.putAll(
        new Map([
          [`${prefix}/renamed`, '1'],
          [`${prefix}/moved`, '2'],
          [`${prefix}/typed`, '3'],
        ]),
      )
      await watching(world(), [prefix], async (watched) => {
        await watched.live()
        await redis.client.call('RENAME', `${prefix}/renamed`, `${prefix}/new`)
        await redis.client.call('MOVE', `${prefix}/moved`, '1')
        await redis.client.del(`${prefix}/typed`)
        await redis.client.call('RPUSH', `${prefix}/typed`, 'item')
        await watched.converges(new Map([[`${prefix}/new`, '1']]))
        await redis.client.del(`${prefix}/typed`)
        await redis.client.call('APPEND', `${prefix}/typed`, 'text')
        await watched.converges(
          new Map([
            [`${prefix}/new`, '1'],
            [`${prefix}/typed`, 'text'],
          ]),
        )
        expect(watched.faults).toEqual([])
      })
    })

    test.each(['FLUSHALL', 'FLUSHDB'])('%s is noticed', async (command) => {
      const prefix = newPrefix()
      await redis.client.put(`${prefix}/a`, '1')
      await watching(world(), [prefix], async (watched) => {
        await watched.converges(new Map([[`${prefix}/a`, '1']]))
        await redis.client.call(command)
        await watched.converges(new Map())
        await redis.client.put(`${prefix}/b`, '2')
        await watched.converges(new Map([[`${prefix}/b`, '2']]))
        expect(watched.faults).toEqual([])
      })
    })

    test('evicted keys are removed', async () => {
      const prefix = newPrefix()
      await watching(world(), [prefix], async (watched) => {
        await watched.live()
        await redis.client.put(`${prefix}/a`, '1')
        await watched.converges(new Map([[`${prefix}/a`, '1']]))
        await redis.client.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
        await redis.client.call('CONFIG', 'SET', 'maxmemory', '1')
        await watched.converges(new Map())
        await redis.client.call('CONFIG', 'SET', 'maxmemory', '0')
        expect(watched.faults).toEqual([])
      })
    })
  })
}
