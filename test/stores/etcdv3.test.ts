// etcd v3 on a real server: paging, many prefixes, catching up, compaction. etcdv3-pulse.test.ts tests the supervision
// of the watch, and test/contract tests the requirements for every store.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import { OutdatedError } from '../../src/core/store.ts'
import { startProxy } from '../support/proxy.ts'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { base64, newPrefix, storeAt, watch } from './etcdv3-watch.ts'

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

/** Applies deltas until the keys are as expected. */
async function converges(
  watched: ReturnType<typeof watch>,
  keys: Record<string, string>,
  expected: Record<string, string>,
): Promise<void> {
  const now = new Map(Object.entries(keys))
  const same = (): boolean =>
    now.size === Object.keys(expected).length &&
    Object.entries(expected).every(([key, value]) => now.get(key) === value)
  while (!same()) {
    const { put, del } = await watched.delta()
    for (const key of del) now.delete(key)
    for (const [key, value] of Object.entries(put)) now.set(key, value)
  }
}

describe('listing', () => {
  test('more keys than a page, below several prefixes', async () => {
    const [a, b] = [newPrefix(), newPrefix()]
    const keys: Record<string, string> = {}
    for (let n = 0; n < 2500; n++) keys[`${a}/k${n}`] = String(n)
    for (let n = 0; n < 1001; n++) keys[`${b}/k${n}`] = String(n)
    await etcd.client.putAll(new Map(Object.entries(keys)))
    expect(await watch(storeAt(etcd.node), [b, a]).snapshot()).toEqual(keys)
  })

  test('an answer too large for the gateway is requested in smaller pieces', async () => {
    const prefix = newPrefix()
    const keys: Record<string, string> = {}
    for (let n = 0; n < 12; n++) keys[`${prefix}/k${n}`] = String(n).repeat(500_000)
    for (const [key, value] of Object.entries(keys)) await etcd.client.put(key, value)
    expect(await watch(storeAt(etcd.node), [prefix]).snapshot()).toEqual(keys)
  })

  test('keys that templates cannot name are skipped; bytes that are not UTF-8 are kept', async () => {
    const prefix = newPrefix()
    for (const key of ['//double', '/trailing/', '/', '/bad\uD800'].map((end) => prefix + end)) {
      await etcd.client.put(key, 'unseen')
    }
    const bytes = Buffer.concat([Buffer.from(`${prefix}/`), Buffer.from([0xff])])
    await etcd.client.post('kv/put', { key: base64(bytes), value: base64('odd') })
    await etcd.client.put(prefix, 'itself')
    await etcd.client.post('kv/put', {
      key: base64(`${prefix}/latin`),
      value: base64(Uint8Array.of(0x66, 0xfc, 0x72)),
    })
    const seen = await watch(storeAt(etcd.node), [prefix]).snapshot()
    // The lone surrogate in the last key became U+FFFD before it reached etcd, so the last key is an ordinary one.
    expect(seen).toEqual({
      [prefix]: 'itself',
      [`${prefix}/latin`]: 'f\udcfcr',
      [`${prefix}/\udcff`]: 'odd',
      [`${prefix}/bad\ufffd`]: 'unseen',
    })
  })
})

describe('watching', () => {
  test('one changed key is one delta of one key', async () => {
    const prefix = newPrefix()
    await etcd.client.put(`${prefix}/a`, '1')
    const watched = watch(storeAt(etcd.node), [prefix])
    await watched.snapshot()
    await etcd.client.put(`${prefix}-sibling/a`, 'foreign')
    await etcd.client.put(`${prefix}/b`, '2')
    expect(await watched.delta()).toEqual({ put: { [`${prefix}/b`]: '2' }, del: [] })
    await etcd.client.del(`${prefix}/a`)
    expect(await watched.delta()).toEqual({ put: {}, del: [`${prefix}/a`] })
  })

  test('one revision over hundreds of prefixes is one delta', async () => {
    const prefix = newPrefix()
    const prefixes = Array.from({ length: 300 }, (_, n): Key => `${prefix}/app${n}`)
    const before = Object.fromEntries(prefixes.map((dir) => [`${dir}/key`, 'before']))
    await etcd.client.putAll(new Map(Object.entries(before)))
    await etcd.client.put(`${prefix}/between`, 'foreign')
    const watched = watch(storeAt(etcd.node), prefixes)
    expect(await watched.snapshot()).toEqual(before)
    const after = Object.fromEntries(prefixes.map((dir) => [`${dir}/key`, 'after']))
    await etcd.client.putAll(new Map([...Object.entries(after), [`${prefix}/between`, 'foreign']]))
    expect(await watched.delta()).toEqual({ put: after, del: [] })
  })

  test('more than a thousand revisions are caught up', async () => {
    const prefix = newPrefix()
    const watched = watch(storeAt(etcd.node), [prefix])
    const expected: Record<string, string> = {}
    expect(await watched.snapshot()).toEqual({})
    for (let n = 0; n < 2200; n++) {
      const key = `${prefix}/k${n % 7}`
      await etcd.client.put(key, (expected[key] = String(n)))
    }
    await converges(watched, {}, expected)
  })

  test('a catch-up too large for one message comes in fragments', async () => {
    const prefix = newPrefix()
    const watched = watch(storeAt(etcd.node), [prefix])
    const expected: Record<string, string> = {}
    await watched.snapshot()
    for (let n = 0; n < 12; n++) {
      const key = `${prefix}/k${n}`
      await etcd.client.put(key, (expected[key] = String(n).repeat(400_000)))
    }
    await converges(watched, {}, expected)
  })

  test('a compaction before the watch is armed makes it outdated', async () => {
    const prefix = newPrefix()
    await etcd.client.put(`${prefix}/gone`, '1')
    const watched = watch(storeAt(etcd.node), [prefix])
    await watched.snapshot()
    await etcd.client.del(`${prefix}/gone`)
    await etcd.client.put(`${prefix}/new`, '2')
    await etcd.client.compact()
    await expect(watched.snapshot()).rejects.toThrow(OutdatedError)
  })
})

describe('outages', () => {
  test('a cut connection is reported', async () => {
    const proxy = await startProxy(etcd.node)
    const watched = watch(storeAt(proxy.node), [newPrefix()])
    await watched.snapshot()
    const fault = watched.fault()
    proxy.cut()
    expect((await fault).message).toContain(`etcd at http://${proxy.node}`)
    await proxy.close()
  })
})
