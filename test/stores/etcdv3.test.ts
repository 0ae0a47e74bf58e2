// etcd v3 on a real server: paging, many prefixes, catching up, compaction, authentication, TLS.
// What every store must do is tried by test/contract.
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { FaultError, type Fault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import type { Connection } from '../../src/core/settings.ts'
import type { Store, StoreEvent } from '../../src/core/store.ts'
import { open } from '../../src/stores/etcdv3.ts'
import { startProxy } from '../support/proxy.ts'
import {
  EtcdV3Client,
  freePorts,
  ServerProcess,
  startEtcd,
  tempDir,
  type EtcdServer,
} from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'
import { until, within } from '../support/until.ts'

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

let last = 0
const newPrefix = (): Key => `/test-${++last}`

function storeAt(node: string, more: Partial<Connection> = {}, silence = 10_000): Store {
  const connection = { nodes: [node], scheme: 'http' as const, ...more }
  const opened = open(settingsFor({ backend: 'etcdv3', connection }), { silence })
  if (!opened.ok) throw new FaultError(opened.error)
  return opened.value
}

const aborts: AbortController[] = []
afterEach(() => {
  for (const abort of aborts.splice(0)) abort.abort()
})

/** The events of one watch, one at a time. */
function watch(store: Store, prefixes: readonly Key[]) {
  const abort = new AbortController()
  aborts.push(abort)
  const node = store.nodes[0] as string
  const iterator = store.watch(node, prefixes, abort.signal)[Symbol.asyncIterator]()
  const next = async (): Promise<StoreEvent> => {
    const result = await within('an event', iterator.next())
    if (result.done === true) throw new Error('the watch has returned')
    return result.value
  }
  const snapshot = async (): Promise<Record<string, string>> => {
    const event = await next()
    if (event.kind !== 'snapshot') throw new Error('not a snapshot')
    return Object.fromEntries(event.entries)
  }
  const delta = async () => {
    const event = await next()
    if (event.kind !== 'delta') throw new Error('not a delta')
    return { put: Object.fromEntries(event.put), del: [...event.del] }
  }
  const fault = async (): Promise<Fault> => {
    try {
      await next()
    } catch (error) {
      if (error instanceof FaultError) return error.fault
      throw error
    }
    throw new Error('it did not fail')
  }
  return { next, snapshot, delta, fault }
}

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

const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64')

describe('listing', () => {
  test('more keys than a page, below several prefixes', async () => {
    const [a, b] = [newPrefix(), newPrefix()]
    const keys: Record<string, string> = {}
    for (let n = 0; n < 2500; n++) keys[`${a}/k${n}`] = String(n)
    for (let n = 0; n < 1001; n++) keys[`${b}/k${n}`] = String(n)
    await etcd.client.putAll(new Map(Object.entries(keys)))
    expect(await watch(storeAt(etcd.node), [b, a]).snapshot()).toEqual(keys)
  })

  test('an answer too large for the gateway is asked for in smaller pieces', async () => {
    const prefix = newPrefix()
    const keys: Record<string, string> = {}
    for (let n = 0; n < 12; n++) keys[`${prefix}/k${n}`] = String(n).repeat(500_000)
    for (const [key, value] of Object.entries(keys)) await etcd.client.put(key, value)
    expect(await watch(storeAt(etcd.node), [prefix]).snapshot()).toEqual(keys)
  })

  test('what templates cannot name is not seen; values that are not UTF-8 are replaced', async () => {
    const prefix = newPrefix()
    for (const key of ['//double', '/trailing/', '/', '/bad\uD800'].map((end) => prefix + end)) {
      await etcd.client.put(key, 'unseen')
    }
    const bytes = Buffer.concat([Buffer.from(`${prefix}/`), Buffer.from([0xff])])
    await etcd.client.post('kv/put', { key: base64(bytes), value: base64('unseen') })
    await etcd.client.put(prefix, 'itself')
    await etcd.client.post('kv/put', {
      key: base64(`${prefix}/latin`),
      value: base64(Uint8Array.of(0x66, 0xfc, 0x72)),
    })
    const seen = await watch(storeAt(etcd.node), [prefix]).snapshot()
    // A lone surrogate is U+FFFD before it ever reaches etcd, and so an honest key.
    expect(seen).toEqual({
      [prefix]: 'itself',
      [`${prefix}/latin`]: 'f\ufffdr',
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

  test('a compaction before the watch is armed gives a new snapshot', async () => {
    const prefix = newPrefix()
    await etcd.client.put(`${prefix}/gone`, '1')
    const watched = watch(storeAt(etcd.node), [prefix])
    await watched.snapshot()
    await etcd.client.del(`${prefix}/gone`)
    await etcd.client.put(`${prefix}/new`, '2')
    await etcd.client.compact()
    expect(await watched.snapshot()).toEqual({ [`${prefix}/new`]: '2' })
    await etcd.client.put(`${prefix}/new`, '3')
    expect(await watched.delta()).toEqual({ put: { [`${prefix}/new`]: '3' }, del: [] })
  })
})

describe('silence', () => {
  test('a silent watch is opened anew, without a new snapshot and without a loss', async () => {
    const prefix = newPrefix()
    const watched = watch(storeAt(etcd.node, {}, 60), [prefix])
    await watched.snapshot()
    const expected: Record<string, string> = {}
    // Pauses around the limit of silence, so that writes meet the change of streams.
    const writes = (async () => {
      for (let n = 0; n < 40; n++) {
        await new Promise((resolve) => setTimeout(resolve, 50 + (n % 20)))
        await etcd.client.put(`${prefix}/k${n}`, String(n))
      }
    })()
    for (let n = 0; n < 40; n++) expected[`${prefix}/k${n}`] = String(n)
    await converges(watched, {}, expected)
    await writes
  })

  test('a server that keeps silent is told', async () => {
    const watched = watch(storeAt(etcd.node, {}, 300), [newPrefix()])
    await watched.snapshot()
    const fault = watched.fault()
    etcd.pause()
    try {
      expect((await fault).message).toBe(
        `cannot reach etcd at http://${etcd.node}: the watch was not opened within 0.3 s`,
      )
    } finally {
      etcd.resume()
    }
    await until('etcd serves again', () => etcd.client.revision())
  })

  test('a cut connection is told', async () => {
    const proxy = await startProxy(etcd.node)
    const watched = watch(storeAt(proxy.node), [newPrefix()])
    await watched.snapshot()
    const fault = watched.fault()
    proxy.cut()
    expect((await fault).message).toContain(`etcd at http://${proxy.node}`)
    await proxy.close()
  })
})

describe('authentication', () => {
  let guarded: EtcdServer
  const user = { username: 'app', password: 'open sesame' }

  beforeAll(async () => {
    guarded = await startEtcd({ extraArgs: ['--auth-token-ttl=1'] })
    await guarded.client.put('/app/a', '1')
    await guarded.client.put('/app-b/a', '1')
    await guarded.client.put('/zone/a', '1')
    await guarded.client.enableAuth('root secret', {
      name: user.username,
      password: user.password,
      prefix: '/app',
    })
  })
  afterAll(() => guarded.stop())

  /** With a client of its own each time: root's token expires too. */
  async function asRoot(path: string, body: object): Promise<void> {
    const root = new EtcdV3Client(guarded.url)
    await root.authenticate('root', 'root secret')
    await root.post(path, body)
    root.close()
  }
  const put = (key: string, value: string): Promise<void> =>
    asRoot('kv/put', { key: base64(key), value: base64(value) })

  test('a wrong password is a lasting fault that names the user', async () => {
    const wrong = storeAt(guarded.node, { username: 'app', password: 'wrong one' })
    const fault = await watch(wrong, ['/app']).fault()
    expect(fault).toEqual({
      kind: 'store',
      message: `etcd at http://${guarded.node} refuses the user "app": wrong name or password`,
      hint: 'check -username and -password',
      permanent: true,
    })
  })

  test('no user where one is needed', async () => {
    const fault = await watch(storeAt(guarded.node), ['/app']).fault()
    expect(fault).toMatchObject({
      message: `etcd at http://${guarded.node} wants a user and a password`,
      permanent: true,
    })
  })

  test('keys that the user may not read are a fault, never empty', async () => {
    const fault = await watch(storeAt(guarded.node, user), ['/app', '/zone']).fault()
    expect(fault).toMatchObject({
      message: `etcd at http://${guarded.node} does not let the user "app" read the keys`,
      permanent: true,
    })
    expect(fault.hint).toContain('grant-permission')
  })

  test('a token that has expired is renewed', async () => {
    const watched = watch(storeAt(guarded.node, user), ['/app'])
    expect(await watched.snapshot()).toEqual({ '/app/a': '1' })
    // The token dies between the listing and the watch. Another one tells when: asked for at
    // longer intervals than it lives, since etcd keeps a token alive that is used.
    const canary = new EtcdV3Client(guarded.url)
    await canary.authenticate(user.username, user.password)
    const isDead = (): Promise<boolean> =>
      canary.post('kv/range', { key: base64('/app/a') }).then(
        () => false,
        () => true,
      )
    await until('a token expires', isDead, { every: 2500 })
    canary.close()
    await put('/app/b', '2')
    expect(await watched.delta()).toEqual({ put: { '/app/b': '2' }, del: [] })
    await asRoot('kv/deleterange', { key: base64('/app/b') })
    expect(await watched.delta()).toEqual({ put: {}, del: ['/app/b'] })
  })

  test('prefixes granted one by one, with forbidden keys in between', async () => {
    await asRoot('auth/role/grant', {
      name: 'app',
      perm: { permType: 'READ', key: base64('/zone'), range_end: base64('/zone0') },
    })
    const watched = watch(storeAt(guarded.node, user), ['/app', '/zone'])
    expect(await watched.snapshot()).toEqual({ '/app/a': '1', '/zone/a': '1' })
    const change = watched.delta()
    await put('/zone/a', '2')
    expect(await change).toEqual({ put: { '/zone/a': '2' }, del: [] })
    await put('/app/a', '2')
    expect(await watched.delta()).toEqual({ put: { '/app/a': '2' }, del: [] })
  })

  test('a user does no harm where authentication is off', async () => {
    expect(await watch(storeAt(etcd.node, user), [newPrefix()]).snapshot()).toEqual({})
  })
})

describe('TLS', () => {
  let server: ServerProcess
  let node: string
  const dataDir = tempDir('etcd-tls')
  const clientCaKeys = join(dataDir, 'fixtures/client/cert.pem')
  const secured = (): Store => storeAt(node, { scheme: 'https', clientCaKeys })

  beforeAll(async () => {
    const [port, peerPort] = await freePorts(2)
    node = `127.0.0.1:${port}`
    const peer = `http://127.0.0.1:${peerPort}`
    const args = [
      `--data-dir=${dataDir}`,
      '--auto-tls',
      `--listen-client-urls=https://${node}`,
      `--advertise-client-urls=https://${node}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--log-level=error',
    ]
    const ready = async (): Promise<boolean> => {
      try {
        await watch(secured(), ['/x']).snapshot()
        return true
      } catch {
        // Not listening yet, or its certificate is not written yet.
        return false
      }
    }
    server = new ServerProcess({ name: 'etcd', args, ready })
    await server.start()
  })
  afterAll(() => server.stop())

  test('with the authority of -client-ca-keys', async () => {
    expect(await watch(secured(), ['/x']).snapshot()).toEqual({})
  })

  test('without it', async () => {
    const fault = await watch(storeAt(`https://${node}`), ['/x']).fault()
    expect(fault.message).toBe(`cannot reach etcd at https://${node}: TLS: self-signed certificate`)
    expect(fault.hint).toContain('-client-ca-keys')
  })

  test('plain HTTP to it', async () => {
    const fault = await watch(storeAt(node), ['/x']).fault()
    expect(fault.message).toBe(
      `cannot reach etcd at http://${node}: the server closed the connection`,
    )
    expect(fault.hint).toBe('is etcd running there? check -node and -scheme (http or https)')
  })

  test('TLS to a server without it', async () => {
    const fault = await watch(storeAt(etcd.node, { scheme: 'https' }), ['/x']).fault()
    expect(fault.message).toBe(
      `cannot reach etcd at https://${etcd.node}: the server closed the connection`,
    )
    expect(fault.hint).toContain('-scheme')
  })
})
