// Which services each store accepts, and what their entries contain.
import { expect, test } from 'vitest'
import type { RegisterSettings } from '../../src/core/register.ts'
import { consul } from '../../src/register/registries/consul.ts'
import { consulkv } from '../../src/register/registries/consulkv.ts'
import { zookeeper } from '../../src/register/registries/zookeeper.ts'
import type { Registry } from '../../src/register/registries/registry.ts'
import type { Service } from '../../src/register/service.ts'

const settings = {
  to: { path: '/services' },
  connection: { nodes: ['127.0.0.1:1'], scheme: 'http' },
  ttl: 10_000,
  host: 'h',
} as unknown as RegisterSettings
const memory = { kept: {}, keep: () => Promise.resolve() }
const registries = {
  consul: consul(settings, 'r'),
  consulkv: consulkv(settings, memory),
  zookeeper: zookeeper(settings, memory),
}

const entryOf = (registry: Registry, own: Partial<Service>): ReturnType<Registry['entryOf']> =>
  registry.entryOf({
    ...{ name: 'web', id: 'one', address: '10.0.0.1', port: 80, tags: [], meta: {} },
    ...own,
  })

test.each(['consul', 'consulkv'] as const)('%s refuses unprintable names and ids', (store) => {
  const registry = registries[store]
  for (const text of ['a\u00a0b', 'a\u200bb', 'a\ue000b']) {
    const refused = { ok: false, error: expect.stringContaining('unprintable') as string }
    expect(entryOf(registry, { name: text })).toMatchObject(refused)
    expect(entryOf(registry, { id: text })).toMatchObject(refused)
  }
  for (const text of ['é ?#%"', '漢字', '😀']) {
    expect(entryOf(registry, { name: text, id: text }).ok).toBe(true)
  }
})

test('zookeeper refuses emoji and private characters in names', () => {
  const { zookeeper } = registries
  for (const name of ['😀', 'a\ue000b']) expect(entryOf(zookeeper, { name }).ok).toBe(false)
  expect(entryOf(zookeeper, { name: 'é 漢字', id: '😀' }).ok).toBe(true)
})

test('metadata that Consul reserves is omitted', () => {
  const meta = {
    'consul-version': '1',
    consul: '2',
    'a b': '3',
    long: 'x'.repeat(513),
    region: 'eu',
  }
  const entry = entryOf(registries.consul, { meta })
  const { Meta } = JSON.parse((entry.ok && entry.value.shown) || '{}') as { Meta?: object }
  expect(Meta).toEqual({ consul: '2', region: 'eu' })
})
