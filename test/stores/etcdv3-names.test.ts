// Keys in etcd v3 without a leading slash must be read with -etcd-slashless and reported without this flag.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import { open } from '../../src/stores/etcdv3.ts'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'
import { newPrefix, watch } from './etcdv3-watch.ts'

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

function storeAt(slashless: boolean) {
  const connection = { nodes: [etcd.node], scheme: 'http' as const }
  const own = { backend: 'etcdv3' as const, connection }
  const opened = open(settingsFor(slashless ? { ...own, slashless } : own))
  if (!opened.ok) throw new Error(opened.error.message)
  return opened.value
}

const bare = (key: Key): string => key.slice(1)

test('without a slash: read, watched, and nothing beside it', async () => {
  const prefix = newPrefix()
  const name = bare(prefix)
  await etcd.client.put(`${name}/a`, 'one')
  await etcd.client.put(name, 'itself')
  for (const other of [`${name}-b/a`, `${prefix}/a`, `${name}//a`, `${name}/a/`]) {
    await etcd.client.put(other, 'unseen')
  }
  const watched = watch(storeAt(true), [prefix])
  expect(await watched.snapshot()).toEqual({ [prefix]: 'itself', [`${prefix}/a`]: 'one' })
  await etcd.client.put(`${name}-b/a`, 'unseen still')
  await etcd.client.put(`${name}/b`, 'two')
  expect(await watched.delta()).toEqual({ put: { [`${prefix}/b`]: 'two' }, del: [] })
  await etcd.client.del(`${name}/b`)
  expect(await watched.delta()).toEqual({ put: {}, del: [`${prefix}/b`] })
})

test('all of them', async () => {
  const prefix = newPrefix()
  await etcd.client.put(`${bare(prefix)}/a`, 'one')
  await etcd.client.put(`${prefix}/a`, 'unseen')
  const watched = watch(storeAt(true), ['/'])
  const keys = await watched.snapshot()
  expect(keys).toMatchObject({ [`${prefix}/a`]: 'one' })
  await etcd.client.put(`${bare(prefix)}/b`, 'two')
  expect(await watched.delta()).toEqual({ put: { [`${prefix}/b`]: 'two' }, del: [] })
})

test.each([
  [
    false,
    'found no keys with a leading slash, but found NAME/a; to read such keys, set -etcd-slashless',
  ],
  [
    true,
    'found no keys without a leading slash, but found /NAME/a; to read such keys, remove -etcd-slashless',
  ],
])('reported when nothing is found: slashless %j', async (slashless, message) => {
  const prefix = newPrefix()
  await etcd.client.put(`${slashless ? prefix : bare(prefix)}/a`, 'one')
  const event = await watch(storeAt(slashless), [prefix]).next()
  if (event.kind !== 'snapshot') throw new Error(event.kind)
  expect(event.entries.size).toBe(0)
  expect(event.notices).toEqual([{ level: 'warn', message: message.replace('NAME', bare(prefix)) }])
})

test('no notice for an empty store', async () => {
  const event = await watch(storeAt(false), [newPrefix()]).next()
  expect(event).toEqual({ kind: 'snapshot', entries: new Map() })
})
