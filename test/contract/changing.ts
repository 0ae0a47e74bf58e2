// The contract, part 2: all changes during a watch must arrive.
import { expect, test } from 'vitest'
import type { StoreClient } from '../support/clients.ts'
import { forAll } from '../support/http.ts'
import { Watched } from '../support/watched.ts'
import { newPrefix, watching, type World } from './world.ts'

/** Returns a client that can write. Every store except the environment has one. */
export const writer = (world: () => World): StoreClient => world().client as StoreClient

export function changing(world: () => World): void {
  test('put, put again and delete arrive', async () => {
    const prefix = newPrefix()
    await watching(world(), [prefix], async (watched) => {
      await watched.live()
      await writer(world).put(`${prefix}/a`, '1')
      await watched.converges(new Map([[`${prefix}/a`, '1']]))
      await writer(world).put(`${prefix}/a`, '2')
      await writer(world).put(`${prefix}/b/c`, '')
      await watched.converges(
        new Map([
          [`${prefix}/a`, '2'],
          [`${prefix}/b/c`, ''],
        ]),
      )
      await writer(world).del(`${prefix}/a`)
      await watched.converges(new Map([[`${prefix}/b/c`, '']]))
      expect(watched.faults).toEqual([])
    })
  })

  test('a recursive delete removes the keys below, and no neighbour', async () => {
    const prefix = newPrefix()
    const kept = new Map([
      [`${prefix}/dir-2/x`, '4'],
      [`${prefix}/dirty`, '5'],
    ])
    await writer(world).putAll(
      new Map([
        [`${prefix}/dir/a`, '1'],
        [`${prefix}/dir/b`, '2'],
        [`${prefix}/dir/deep/c`, '3'],
        ...kept,
      ]),
    )
    await watching(world(), [prefix], async (watched) => {
      await watched.live()
      await writer(world).delTree(`${prefix}/dir`)
      await watched.converges(kept)
      await writer(world).delTree(prefix)
      await watched.converges(new Map())
      await writer(world).put(`${prefix}/again`, '6')
      await watched.converges(new Map([[`${prefix}/again`, '6']]))
      expect(watched.faults).toEqual([])
    })
  })

  test('a change of /application does not show under /app', async () => {
    const prefix = newPrefix()
    await watching(world(), [`${prefix}/app`], async (watched) => {
      await watched.live()
      await writer(world).put(`${prefix}/application/x`, 'out')
      await writer(world).put(`${prefix}/app/x`, 'in')
      await watched.converges(new Map([[`${prefix}/app/x`, 'in']]))
    })
  })

  // Each round makes a different number of writes before it opens the watch, and further writes while the watch opens.
  test('writes made while connecting are not lost', async () => {
    for (let before = 0; before < 20; before++) {
      const prefix = newPrefix()
      const keys = new Map<string, string>()
      let opened: Promise<Watched> | undefined
      for (let n = 0; n < 20; n++) {
        if (n === before) opened = Watched.open(world().settings, [prefix])
        // Overwrites and deletes keys as well, so that the loss of the last change is detected.
        const key = `${prefix}/key${n % 7}`
        if (n % 5 === 4 && keys.delete(key)) {
          await writer(world).del(key)
        } else {
          keys.set(key, String(n))
          await writer(world).put(key, String(n))
        }
      }
      const watched = await (opened as Promise<Watched>)
      try {
        await watched.converges(keys)
      } finally {
        await watched.close()
      }
    }
  })

  test('a burst of 1,000 writes converges', async () => {
    const prefix = newPrefix()
    await watching(world(), [prefix], async (watched) => {
      await watched.live()
      // 100 keys, each written ten times, in order.
      await forAll(
        Array.from({ length: 100 }, (_, n) => n),
        async (key) => {
          for (let n = 0; n < 10; n++) await writer(world).put(`${prefix}/key${key}`, `value ${n}`)
        },
      )
      await watched.converges(
        new Map(Array.from({ length: 100 }, (_, n) => [`${prefix}/key${n}`, 'value 9'])),
      )
      expect(watched.faults).toEqual([])
    })
  })

  test('unicode, empty and 500 KB values arrive as changes', async () => {
    const prefix = newPrefix()
    const keys = new Map([
      [`${prefix}/unicode`, '世界 🚀 %2F + &'],
      [`${prefix}/empty`, ''],
      [`${prefix}/big`, 'x'.repeat(500_000)],
    ])
    await watching(world(), [prefix], async (watched) => {
      await watched.live()
      for (const [key, value] of keys) await writer(world).put(key, value)
      await watched.converges(keys)
    })
  })
}

export function expiring(world: () => World): void {
  test('a key that expires is removed', async () => {
    const prefix = newPrefix()
    const kept = new Map([[`${prefix}/kept`, '1']])
    await writer(world).putAll(kept)
    await watching(world(), [prefix], async (watched) => {
      await watched.live()
      // Long enough for a busy machine to see the key before it expires.
      await writer(world).putWithTtl(`${prefix}/lease`, 'short', 3)
      await watched.converges(new Map([...kept, [`${prefix}/lease`, 'short']]))
      await watched.converges(kept)
      expect(watched.faults).toEqual([])
    })
  })
}
