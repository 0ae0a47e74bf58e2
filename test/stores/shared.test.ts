// Several configured names of one store share a connection to a real etcd: what each name sees, and how its watch
// ends.
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import { ok } from '../../src/core/result.ts'
import type { Store } from '../../src/core/store.ts'
import { share } from '../../src/stores/shared.ts'
import { newPrefix } from '../contract/world.ts'
import { activeHandles, handlesBeyond } from '../support/handles.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'
import { connectionsTo } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { storeOf } from '../support/watched.ts'

let etcd: EtcdServer
let dir: Key
let shared: Store
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())
beforeEach(async () => {
  dir = newPrefix()
  await etcd.client.putAll(
    new Map([
      [`${dir}/a/x`, '1'],
      [`${dir}/b/x`, '2'],
    ]),
  )
  const connection = { nodes: [etcd.node], scheme: 'http' as const }
  const store = await storeOf(settingsFor({ backend: 'etcdv3', connection }))
  shared = share(store, [`${dir}/a`, `${dir}/b`])
})

function watch(...names: readonly string[]): RawWatch {
  const prefixes = names.map((name): Key => `${dir}/${name}`)
  const raw = new RawWatch(ok(shared), prefixes)
  onTestFinished(() => raw.end())
  return raw
}
const at = (entries: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).map(([key, value]) => [`${dir}/${key}`, value]))

const connections = (): number => connectionsTo(Number(etcd.node.split(':')[1]))

test('each sees its own keys over shared connections; a late one gets their current state', async () => {
  // Opens the test's own connection before connections are counted.
  await etcd.client.put(`${dir}/a/x`, '1')
  const before = connections()
  const a = watch('a')
  expect(await a.next()).toMatchObject({ kind: 'snapshot', entries: at({ 'a/x': '1' }) })
  await etcd.client.put(`${dir}/a/x`, '5')
  expect(await a.next()).toEqual({ kind: 'delta', put: at({ 'a/x': '5' }), del: [] })
  const one = connections() - before
  const b = watch('b')
  expect(await b.next()).toMatchObject({ kind: 'snapshot', entries: at({ 'b/x': '2' }) })
  await etcd.client.put(`${dir}/b/y`, '3')
  expect(await b.next()).toEqual({ kind: 'delta', put: at({ 'b/y': '3' }), del: [] })
  await etcd.client.del(`${dir}/a/x`)
  expect(await a.next()).toEqual({ kind: 'delta', put: {}, del: [`${dir}/a/x`] })
  const late = watch('a', 'b')
  expect(await late.next()).toMatchObject({ entries: at({ 'b/x': '2', 'b/y': '3' }) })
  expect(connections() - before).toBe(one)
})

test('leaving does not affect the others; the last one closes everything', async () => {
  etcd.client.close()
  await until('the helpers have let go', () => !activeHandles().has('TCPSocketWrap'))
  const before = activeHandles()
  const [a, b] = [watch('a'), watch('b')]
  await Promise.all([a.next(), b.next()])
  await a.end()
  await etcd.client.put(`${dir}/b/x`, '4')
  expect(await b.next()).toEqual({ kind: 'delta', put: at({ 'b/x': '4' }), del: [] })
  etcd.client.close()
  await b.end()
  await until('no handle is left', () => handlesBeyond(before).length === 0)
})

test('after one has left, its return reads everything again', async () => {
  const [a, b] = [watch('a'), watch('b')]
  await Promise.all([a.next(), b.next()])
  const before = connections()
  await a.end()
  const again = watch('a')
  await again.next()
  expect(connections()).toBeGreaterThan(before)
})

test('when it breaks it breaks for all, and each recovers', async () => {
  const [a, b] = [watch('a'), watch('b')]
  await Promise.all([a.next(), b.next()])
  await etcd.kill()
  const faults = await Promise.all([a.fault(), b.fault()])
  expect(faults[0]).toEqual(faults[1])
  expect(faults[0].message).toContain(etcd.node)
  const early = watch('a')
  expect((await early.fault()).message).toContain('connection refused')
  await etcd.start()
  expect(await watch('a').next()).toMatchObject({ entries: at({ 'a/x': '1' }) })
})
