// The contract, part 3: outages. The last good keys must stay, and all missed changes must arrive afterwards.
import { expect, test } from 'vitest'
import { writer } from './changing.ts'
import { newPrefix, watching, type World } from './world.ts'

export function surviving(world: () => World): void {
  test('survives a kill and restart of the server', async () => {
    const prefix = newPrefix()
    const keys = new Map([
      [`${prefix}/a`, '1'],
      [`${prefix}/b`, '2'],
    ])
    await writer(world).putAll(keys)
    await watching(world(), [prefix], async (watched) => {
      await watched.converges(keys)
      await world().down?.()
      await watched.broken()
      expect(watched.faults.map((fault) => fault.kind)).not.toContain('config')
      // The keys of an unreachable store must stay unchanged.
      await watched.converges(keys)
      await world().up?.()
      await writer(world).put(`${prefix}/a`, 'after')
      await writer(world).del(`${prefix}/b`)
      await watched.converges(new Map([[`${prefix}/a`, 'after']]))
      // The watch must work again, so a further change must arrive.
      await writer(world).put(`${prefix}/c`, 'live')
      await watched.converges(
        new Map([
          [`${prefix}/a`, 'after'],
          [`${prefix}/c`, 'live'],
        ]),
      )
    })
  })

  test('waits for a store that is not running yet', async () => {
    const prefix = newPrefix()
    await world().down?.()
    await watching(world(), [prefix], async (watched) => {
      await watched.broken(2)
      await world().up?.()
      await writer(world).put(`${prefix}/a`, '1')
      await watched.converges(new Map([[`${prefix}/a`, '1']]))
    })
  })
}
