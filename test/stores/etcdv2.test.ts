// Special cases of etcd's v2 API; test/contract covers the rest.
import { cpSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import type { ConnectionSettings } from '../../src/core/settings.ts'
import { OutdatedError } from '../../src/core/store.ts'
import { open } from '../../src/stores/etcdv2.ts'
import { startFake } from '../support/fake-http.ts'
import { forAll } from '../support/http.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { removeDir, startEtcd, tempDir, type EtcdServer } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'

const versions = ['3.4', '3.5'] as const

let etcd: EtcdServer
let tests = 0
let dir: Key

beforeAll(async () => {
  etcd = await startEtcd({ v2: true })
})
afterAll(async () => {
  etcd.v2.close()
  await etcd.stop()
})
beforeEach(() => {
  dir = `/t${++tests}`
})

function watch(
  prefixes: readonly Key[],
  node = etcd.node,
  more: Partial<ConnectionSettings> & { readonly pollLife?: number } = {},
): RawWatch {
  const { pollLife, ...connection } = more
  const settings = settingsFor({
    backend: 'etcdv2',
    connection: { nodes: [node], scheme: 'http', ...connection },
  })
  const raw = new RawWatch(open(settings, pollLife), prefixes)
  onTestFinished(() => raw.end())
  return raw
}

const snapshot = (entries: Record<string, string>) => ({ kind: 'snapshot', entries })
const delta = (put: Record<string, string>, del: readonly string[] = []) => ({
  kind: 'delta',
  put,
  del,
})

const form = (key: string, fields: Record<string, string>) =>
  etcd.v2.http.ok('PUT', `/v2/keys${key}`, new URLSearchParams(fields).toString(), {
    'content-type': 'application/x-www-form-urlencoded',
  })

test('each kind of write is one delta', async () => {
  await etcd.v2.put(`${dir}/a`, '1')
  const raw = watch([dir])
  expect(await raw.next()).toEqual(snapshot({ [`${dir}/a`]: '1' }))
  await form(`${dir}/a`, { value: '2', prevValue: '1' })
  expect(await raw.next()).toEqual(delta({ [`${dir}/a`]: '2' }))
  await etcd.v2.http.ok('DELETE', `/v2/keys${dir}/a?prevValue=2`)
  expect(await raw.next()).toEqual(delta({}, [`${dir}/a`]))
  await form(`${dir}/b`, { value: '', ttl: '1' })
  expect(await raw.next()).toEqual(delta({ [`${dir}/b`]: '' }))
  expect(await raw.next()).toEqual(delta({}, [`${dir}/b`]))
})

test('a directory that expires or is deleted takes all below it, and leaves its neighbours', async () => {
  await etcd.v2.put(`${dir}/app/a`, '1')
  await etcd.v2.put(`${dir}/app/deep/b`, '2')
  await etcd.v2.put(`${dir}/application`, '3')
  const raw = watch([dir])
  await raw.next()
  // etcd also sends an event when the directory's TTL is set, but this event changes no key.
  await etcd.v2.expireDir(`${dir}/app`, 1)
  expect(await raw.next()).toEqual(delta({}, [`${dir}/app/a`, `${dir}/app/deep/b`]))
  await etcd.v2.put(`${dir}/app/c`, '4')
  await raw.next()
  await etcd.v2.delTree(dir)
  expect(await raw.next()).toEqual(delta({}, [`${dir}/app/c`, `${dir}/application`]))
})

test('a directory in place of a key removes the key', async () => {
  await etcd.v2.put(`${dir}/a`, '1')
  const raw = watch([dir])
  await raw.next()
  await form(`${dir}/a`, { dir: 'true' })
  expect(await raw.next()).toEqual(delta({}, [`${dir}/a`]))
})

test('the removal of a directory above the prefixes is reported below each of them', async () => {
  await etcd.v2.put(`${dir}/x/app/a`, '1')
  await etcd.v2.put(`${dir}/x/application/a`, '2')
  await etcd.v2.put(`${dir}/y`, '3')
  const raw = watch([`${dir}/x/app`, `${dir}/x/application`, `${dir}/y`])
  await raw.next()
  await etcd.v2.delTree(`${dir}/x/app`)
  expect(await raw.next()).toEqual(delta({}, [`${dir}/x/app/a`]))
  await etcd.v2.delTree(`${dir}/x`)
  expect(await raw.next()).toEqual(delta({}, [`${dir}/x/application/a`]))
})

test('hidden keys are seen only below a prefix that names them', async () => {
  await etcd.v2.put(`${dir}/_hidden/a`, '1')
  await etcd.v2.put(`${dir}/b`, '2')
  expect(await watch([dir]).next()).toEqual(snapshot({ [`${dir}/b`]: '2' }))
  const raw = watch([`${dir}/_hidden`])
  expect(await raw.next()).toEqual(snapshot({ [`${dir}/_hidden/a`]: '1' }))
  await etcd.v2.put(`${dir}/_hidden/a`, '3')
  expect(await raw.next()).toEqual(delta({ [`${dir}/_hidden/a`]: '3' }))
})

test('names that are not UTF-8 are invisible, because etcd gives several keys the same name', async () => {
  const put = (name: string) => etcd.v2.http.ok('PUT', `/v2/keys${dir}/${name}?value=odd`)
  await put('%ff%fe')
  await put('%fe%ff')
  await put('%ff/below')
  await put('%fe/below')
  await etcd.v2.put(`${dir}/a`, '1')
  const raw = watch([dir])
  expect(await raw.next()).toEqual(snapshot({ [`${dir}/a`]: '1' }))
  await put('%fd')
  await put('%fe/below')
  await etcd.v2.put(`${dir}/a`, '2')
  expect(await raw.next()).toEqual(delta({ [`${dir}/a`]: '2' }))
})

test('many prefixes share a few polls, and see only their own keys', async () => {
  const prefixes = Array.from({ length: 40 }, (_, n): Key => `${dir}/services/s${n}`)
  await etcd.v2.put(`${dir}/services/other`, 'foreign')
  await etcd.v2.put(`${dir}/services/s7/a`, '1')
  const raw = watch(prefixes)
  expect(await raw.next()).toEqual(snapshot({ [`${dir}/services/s7/a`]: '1' }))
  await etcd.v2.put(`${dir}/services/other`, 'foreign again')
  await etcd.v2.put(`${dir}/services/s39`, '2')
  expect(await raw.next()).toEqual(delta({ [`${dir}/services/s39`]: '2' }))
})

test('missing more than the 1,000 remembered events makes the watch outdated', async () => {
  await forAll(['a', 'gone', 'kept'], (name) => etcd.v2.put(`${dir}/${name}`, '1'))
  // A fake server in front of etcd delays the first poll until etcd has dropped the old events.
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const fake = await startFake((url, response) => {
    const forward = async (): Promise<void> => {
      if (url.searchParams.has('wait')) await held
      const upstream = await fetch(`${etcd.url}${url.pathname}${url.search}`)
      const headers = { 'x-etcd-index': upstream.headers.get('x-etcd-index') ?? '' }
      response.writeHead(upstream.status, headers).end(await upstream.text())
    }
    void forward().catch(() => response.destroy())
  })
  onTestFinished(() => fake.close())
  const raw = watch([dir], fake.node)
  await raw.next()
  await etcd.v2.put(`${dir}/a`, '2')
  await etcd.v2.del(`${dir}/gone`)
  await forAll(Array(1100).keys(), (n) => etcd.v2.put('/foreign', String(n)))
  release()
  await expect(raw.next()).rejects.toThrow(OutdatedError)
})

test('a poll that stays silent moves up to the index at which it began', async () => {
  await etcd.v2.put(`${dir}/a`, '1')
  const indices: number[] = []
  const fake = await startFake((url, response) => {
    const wait = url.searchParams.get('waitIndex')
    if (wait !== null) indices.push(Number(wait))
    response.setHeader('x-etcd-index', indices.length < 3 ? 5 + indices.length * 100 : 900)
    if (wait === null) response.end('{"action":"get","node":{"key":"/a","value":"1"}}')
    // The first poll gets 200 with an empty body, the second exceeds its time limit, and the third gets an event.
    else if (indices.length === 1) response.end()
    else if (indices.length === 2) response.flushHeaders()
    else response.end('{"action":"set","node":{"key":"/a","value":"2","modifiedIndex":950}}')
  })
  onTestFinished(() => fake.close())
  const raw = watch(['/a'], fake.node, { pollLife: 200 })
  await raw.next()
  expect(await raw.next()).toEqual(delta({ '/a': '2' }))
  expect(indices.slice(0, 3)).toEqual([6, 106, 206])
})

test('a store that falls behind its earlier events makes the watch outdated', async () => {
  let waits = 0
  const fake = await startFake((url, response) => {
    const isWait = url.searchParams.has('wait')
    if (isWait) waits++
    response.setHeader('x-etcd-index', waits === 0 ? 500 : 7)
    if (isWait) response.flushHeaders()
    else response.end(`{"action":"get","node":{"key":"/a","value":"${waits}"}}`)
  })
  onTestFinished(() => fake.close())
  const raw = watch(['/a'], fake.node)
  expect(await raw.next()).toEqual(snapshot({ '/a': '0' }))
  await expect(raw.next()).rejects.toThrow('is at index 7, but was at 500 before')
})

test('a change of the cluster id makes the watch outdated', async () => {
  let waits = 0
  const fake = await startFake((url, response) => {
    const isWait = url.searchParams.has('wait')
    if (isWait) waits++
    response.setHeader('x-etcd-index', waits === 0 ? 5 : 700)
    response.setHeader('x-etcd-cluster-id', waits === 0 ? 'abc' : 'def')
    if (isWait) response.flushHeaders()
    else response.end(`{"action":"get","node":{"key":"/a","value":"${waits}"}}`)
  })
  onTestFinished(() => fake.close())
  const raw = watch(['/a'], fake.node)
  expect(await raw.next()).toEqual(snapshot({ '/a': '0' }))
  await expect(raw.next()).rejects.toThrow('belongs to another cluster than before')
})

test('a cluster restored from a backup is noticed even if it has written past the watch', async () => {
  const restored = await startEtcd({ v2: true })
  const backup = tempDir('etcd-backup')
  onTestFinished(async () => {
    await restored.stop()
    removeDir(backup)
  })
  // A proxy hides that etcd is away: it keeps polls open, and delays the other requests.
  let back = (): void => {}
  let away = Promise.resolve()
  const proxy = await startFake((url, response) => {
    const forward = async (): Promise<void> => {
      await away
      const upstream = await fetch(`${restored.url}${url.pathname}${url.search}`)
      const headers = Object.fromEntries(upstream.headers)
      response
        .writeHead(upstream.status, { 'x-etcd-index': headers['x-etcd-index'] })
        .flushHeaders()
      response.end(await upstream.text())
    }
    forward().catch(() => undefined)
  })
  onTestFinished(() => proxy.close())

  await restored.v2.put('/app/a', '1')
  await restored.kill()
  cpSync(restored.dataDir, backup, { recursive: true })
  await restored.start()
  const raw = watch(['/app'], proxy.node, { pollLife: 200 })
  expect(await raw.next()).toEqual(snapshot({ '/app/a': '1' }))
  await restored.v2.put('/app/a', '2')
  expect(await raw.next()).toEqual(delta({ '/app/a': '2' }))
  await restored.v2.put('/app/lost', '3')
  expect(await raw.next()).toEqual(delta({ '/app/lost': '3' }))

  away = new Promise((resolve) => (back = resolve))
  await restored.kill()
  rmSync(restored.dataDir, { recursive: true })
  cpSync(backup, restored.dataDir, { recursive: true })
  await restored.start()
  await restored.v2.put('/app/new', '4')
  await forAll(Array(10).keys(), (n) => restored.v2.put('/foreign', String(n)))
  back()
  expect(await raw.next()).toEqual(delta({ '/app/a': '1', '/app/new': '4' }, ['/app/lost']))
})

test.each(versions)(
  'etcd %s without the v2 API is a fault that names the way out',
  async (version) => {
    const modern = await startEtcd({ version })
    onTestFinished(() => modern.stop())
    expect(await watch(['/app'], modern.node).fault()).toEqual({
      kind: 'store',
      message: `etcd at http://${modern.node} does not serve the v2 API`,
      hint: 'use -backend etcdv3; etcd 3.4 and 3.5 serve v2 only with --enable-v2, etcd 3.6 not at all',
      permanent: true,
    })
  },
)

test.each(versions)(
  'basic auth on etcd %s: wrong and missing credentials are faults, right ones are let in',
  async (version) => {
    const guarded = await startEtcd({ v2: true, version })
    onTestFinished(async () => {
      guarded.v2.close()
      await guarded.stop()
    })
    const json = { 'content-type': 'application/json' }
    const put = (path: string, body: unknown, headers = {}) =>
      guarded.v2.http.ok('PUT', `/v2/auth/${path}`, JSON.stringify(body), { ...json, ...headers })
    await guarded.v2.put('/app/a', '1')
    await put('users/root', { user: 'root', password: 'secret' })
    await put('enable', {})
    const root = { authorization: `Basic ${Buffer.from('root:secret').toString('base64')}` }
    await put(
      'roles/guest',
      { role: 'guest', revoke: { kv: { read: ['/*'], write: ['/*'] } } },
      root,
    )
    for (const credentials of [{}, { username: 'root', password: 'wrong-one' }]) {
      const fault = await watch(['/app'], guarded.node, credentials).fault()
      expect(fault).toMatchObject({ permanent: true })
      expect(fault.message).toContain('denied access to /app')
      expect(JSON.stringify(fault)).not.toContain('wrong-one')
    }
    const allowed = watch(['/app'], guarded.node, { username: 'root', password: 'secret' })
    expect(await allowed.next()).toEqual(snapshot({ '/app/a': '1' }))
  },
)

test.each<[string, (response: ServerResponse) => void, RegExp]>([
  ['no JSON', (r) => r.end('{"node":{"value":"secret'), /it is not a JSON object$/],
  ['cut off', (r) => r.write('{', () => r.destroy()), /closed the connection/],
  [
    'no leader',
    (r) => r.writeHead(500).end('{"errorCode":301,"message":"During Leader Election"}'),
    /HTTP 500, error 301\): During Leader Election/,
  ],
])('an answer that is %s is a fault without values', async (_, answer, expected) => {
  const fake = await startFake((url, response) => {
    response.setHeader('x-etcd-index', 5)
    if (url.searchParams.has('wait')) answer(response)
    else response.writeHead(404).end('{"errorCode":100,"message":"Key not found","index":5}')
  })
  onTestFinished(() => fake.close())
  const raw = watch(['/a'], fake.node)
  expect(await raw.next()).toEqual(snapshot({}))
  const fault = await raw.fault()
  expect(fault.message).toMatch(expected)
  expect(fault.message).toContain(fake.node)
  expect(JSON.stringify(fault)).not.toContain('secret')
})

test('a node that lost its quorum breaks the watch in place of keeping it silent', async () => {
  const fake = await startFake((url, response) => {
    response.setHeader('x-etcd-index', 5)
    if (url.searchParams.has('wait')) response.flushHeaders()
    else if (url.pathname.endsWith('_reconfd')) {
      response.writeHead(500).end('{"errorCode":300,"message":"Raft Internal Error"}')
    } else response.end('{"action":"get","node":{"key":"/a","value":"1"}}')
  })
  onTestFinished(() => fake.close())
  const raw = watch(['/a'], fake.node, { pollLife: 100 })
  await raw.next()
  expect((await raw.fault()).message).toContain('Raft Internal Error')
})

test('on a real node, silent polls are renewed without events', async () => {
  await etcd.v2.put(`${dir}/a`, '1')
  const raw = watch([dir], etcd.node, { pollLife: 30 })
  await raw.next()
  const next = raw.next()
  await forAll(Array(200).keys(), (n) => etcd.v2.put('/foreign', String(n)), 1)
  await etcd.v2.put(`${dir}/a`, '2')
  expect(await next).toEqual(delta({ [`${dir}/a`]: '2' }))
})
