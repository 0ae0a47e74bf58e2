// The contract, part 1: existing keys must be read completely and exactly.
import { expect, test } from 'vitest'
import { decodeValue } from '../../src/core/bytes.ts'
import { newPrefix, watching, type World } from './world.ts'

const bigValue = `${'ü'.repeat(1000)}${'0123456789'.repeat(49_800)}`

export function reading(world: () => World): void {
  test('an empty store gives an empty snapshot first', async () => {
    await watching(world(), [newPrefix()], async (watched) => {
      await watched.live()
      expect(watched.kinds[0]).toBe('snapshot')
      await watched.converges(new Map())
    })
  })

  test('the snapshot comes first and is complete', async () => {
    const prefix = newPrefix()
    const keys = new Map([
      [`${prefix}/a`, '1'],
      [`${prefix}/b/c`, '2'],
      [`${prefix}/b/d/e`, '3'],
    ])
    await world().client.putAll(keys)
    await watching(world(), [prefix], async (watched) => {
      await watched.live()
      expect(watched.kinds[0]).toBe('snapshot')
      await watched.converges(keys)
    })
  })

  test('several prefixes are one snapshot', async () => {
    const [one, two] = [newPrefix(), newPrefix()]
    const keys = new Map([
      [`${one}/a`, '1'],
      [`${two}/a`, '2'],
    ])
    await world().client.putAll(keys)
    await watching(world(), [one, two], async (watched) => {
      await watched.live()
      await watched.converges(keys)
    })
  })

  test('/app does not match /application', async () => {
    const prefix = newPrefix()
    await world().client.putAll(
      new Map([
        [`${prefix}/app/x`, 'in'],
        [`${prefix}/application/x`, 'out'],
        [`${prefix}/ap/x`, 'out'],
      ]),
    )
    await watching(world(), [`${prefix}/app`], async (watched) => {
      await watched.live()
      await watched.converges(new Map([[`${prefix}/app/x`, 'in']]))
    })
  })

  test('unicode, empty and 500 KB values arrive as they are', async () => {
    const prefix = newPrefix()
    const keys = new Map([
      [`${prefix}/unicode`, 'Grüße, 世界 🚀\n\t"quoted" \\ % + & ='],
      [`${prefix}/empty`, ''],
      ...Array.from({ length: 12 }, (_, n) => [`${prefix}/big/n${n}`, bigValue + n] as const),
    ])
    await world().client.putAll(keys)
    await watching(world(), [prefix], async (watched) => {
      await watched.converges(keys)
    })
  })

  test('20,000 keys', async () => {
    const prefix = newPrefix()
    const keys = new Map(
      Array.from({ length: 20_000 }, (_, n) => [`${prefix}/dir${n % 100}/key${n}`, `value ${n}`]),
    )
    await world().client.putAll(keys)
    await watching(world(), [prefix], async (watched) => {
      await watched.converges(keys)
      if (world().client.put === undefined) return
      await world().client.put?.(`${prefix}/dir7/key7`, 'changed')
      await watched.converges(keys.set(`${prefix}/dir7/key7`, 'changed'))
    })
    await world().client.delTree?.(prefix)
  })
}

export function bytes(world: () => World): void {
  test('bytes that are not UTF-8 arrive as they are, and a change of one is a change', async () => {
    const prefix = newPrefix()
    const every = decodeValue(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)))
    const keys = new Map([
      [`${prefix}/every`, every],
      [`${prefix}/keytab`, 'a\udcff\udcfe\udc80 ü'],
    ])
    await world().client.putAll(keys)
    await watching(world(), [prefix], async (watched) => {
      await watched.converges(keys)
      if (world().client.put === undefined) return
      keys.set(`${prefix}/keytab`, 'a\udcff\udcfd\udc80 ü')
      await world().client.putAll(keys)
      await watched.converges(keys)
    })
  })
}
