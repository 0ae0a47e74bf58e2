// The contract's third half: outages. The last good keys stay, and all that was missed arrives after.
import { expect, test } from 'vitest'
import { writer } from './changing.ts'
import { newPrefix, watching, type World } from './world.ts'

export function surviving(world: () => World): void {
  test('the server killed and restarted is survived', { timeout: 60_000 }, async () => {
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
      // Away is not empty.
      await watched.converges(keys)
      await world().up?.()
      await writer(world).put(`${prefix}/a`, 'after')
      await writer(world).del(`${prefix}/b`)
      await watched.converges(new Map([[`${prefix}/a`, 'after']]))
      // And it is live again, not only read once more.
      await writer(world).put(`${prefix}/c`, 'live')
      await watched.converges(
        new Map([
          [`${prefix}/a`, 'after'],
          [`${prefix}/c`, 'live'],
        ]),
      )
    })
  })

  test('a store that is not there yet is waited for', { timeout: 60_000 }, async () => {
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
