// The test servers themselves: they start, keep their data when killed, and stop.
import { expect, test } from 'vitest'
import { startConsul, startEtcd } from './servers.ts'

test('etcd serves v2 and v3, and keeps its keys over a kill', async () => {
  const etcd = await startEtcd({ v2: true })
  await etcd.client.put('/a/b', 'c')
  await etcd.v2.put('/x', 'y')
  await etcd.restart()
  expect(await etcd.client.revision()).toBe(2)
  expect((await etcd.v2.http.send('GET', '/v2/keys/x')).text).toContain('"value":"y"')
  await etcd.restartEmpty()
  expect(await etcd.client.revision()).toBe(1)
  const { pid } = etcd
  await etcd.stop()
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})

test('Consul keeps its keys over a kill, and forgets them when emptied', async () => {
  const consul = await startConsul()
  await consul.client.putAll(new Map([['/a/b', 'c']]))
  await consul.restart()
  expect(await consul.client.call('GET', '/v1/kv/a/b?raw')).toBe('c')
  await consul.restartEmpty()
  expect((await consul.client.http.send('GET', '/v1/kv/a/b?raw')).status).toBe(404)
  await consul.stop()
})
