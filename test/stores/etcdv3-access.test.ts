// The v3 API of secured etcd 3.4 and 3.5 servers: users, roles, tokens that expire, and TLS.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import {
  EtcdV3Client,
  freePorts,
  ServerProcess,
  startEtcd,
  tempDir,
  type EtcdServer,
} from '../support/servers.ts'
import { until } from '../support/until.ts'
import { base64, newPrefix, storeAt, tuningOf, watch } from './etcdv3-watch.ts'

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

describe.each(['3.4', '3.5'] as const)('authentication on etcd %s', (version) => {
  let guarded: EtcdServer
  const user = { username: 'app', password: 'open sesame' }

  beforeAll(async () => {
    guarded = await startEtcd({ version, extraArgs: ['--auth-token-ttl=1'] })
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

  /** Uses a new client for each call, because root's token expires too. */
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
      message: `etcd at http://${guarded.node} requires a user and a password`,
      permanent: true,
    })
  })

  test('keys that the user may not read are a fault, never empty', async () => {
    const fault = await watch(storeAt(guarded.node, user), ['/app', '/zone']).fault()
    expect(fault).toMatchObject({
      message: `etcd at http://${guarded.node} does not let the user "app" read "/zone" and the keys below it`,
      hint: 'grant access: etcdctl role grant-permission ROLE --prefix=true read /zone',
      permanent: true,
    })
  })

  test('a token that has expired is renewed', async () => {
    const watched = watch(storeAt(guarded.node, user), ['/app'])
    expect(await watched.snapshot()).toEqual({ '/app/a': '1' })
    // The token must expire between the listing and the watch. A second token, created later, shows when that has
    // happened. It is used only at intervals longer than its lifetime, because each use extends the lifetime.
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

  test('a token that expires in mid-watch is renewed by a password that has changed, and nothing breaks', async () => {
    const passwordFile = join(tempDir('password'), 'password')
    writeFileSync(passwordFile, `${user.password}\n`)
    // Apart from the watch, reconfd sends a request only every 3 s. The token expires after 1 s without use.
    const access = { username: user.username, passwordFile }
    const watched = watch(storeAt(guarded.node, access, tuningOf(3000)), ['/app'])
    await watched.snapshot()
    const changed = async (value: string): Promise<void> => {
      await put('/app/mid', value)
      expect(await watched.delta()).toEqual({ put: { '/app/mid': value }, del: [] })
    }
    await changed('before')
    await asRoot('auth/user/changepw', { name: user.username, password: 'another one' })
    writeFileSync(passwordFile, 'another one\n')
    const next = watched.delta()
    await until('the old password is refused', async () => {
      const old = watch(storeAt(guarded.node, user), ['/app'])
      return old.fault().then(({ message }) => message.includes('refuses the user'))
    })
    await put('/app/mid', 'meanwhile')
    expect(await next).toEqual({ put: { '/app/mid': 'meanwhile' }, del: [] })
    await changed('after')
    await asRoot('auth/user/changepw', { name: user.username, password: user.password })
    await asRoot('kv/deleterange', { key: base64('/app/mid') })
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

  /** Runs one transaction. */
  const transact = (operations: readonly object[]): Promise<void> =>
    asRoot('kv/txn', { success: operations })

  test('a transaction over prefixes granted one by one is seen whole, deletions too', async () => {
    const watched = watch(storeAt(guarded.node, user), ['/app', '/zone'])
    const keys = new Map(Object.entries(await watched.snapshot()))
    const both = ['/app/both', '/zone/both']
    for (let n = 0; n < 40; n++) {
      const isDeletion = n % 4 === 3
      void transact(
        both.map((name) =>
          isDeletion
            ? { request_delete_range: { key: base64(name) } }
            : { request_put: { key: base64(name), value: base64(String(n)) } },
        ),
      )
      const expected = isDeletion ? undefined : String(n)
      do {
        const { put, del } = await watched.delta()
        for (const key of del) keys.delete(key)
        for (const [key, value] of Object.entries(put)) keys.set(key, value)
        expect(keys.get('/app/both')).toBe(keys.get('/zone/both'))
      } while (keys.get('/app/both') !== expected)
    }
  })

  test('keys that come and go in transactions, one after the other, are never seen in part', async () => {
    const watched = watch(storeAt(guarded.node, user), ['/app', '/zone'])
    const keys = new Set(Object.keys(await watched.snapshot()))
    const namesIn = (dir: string): string[] =>
      [...keys].filter((key) => key.startsWith(`${dir}/t`)).map((key) => key.slice(dir.length))
    // Writes as fast as the server accepts, with a single token, which stays valid while it is in use.
    const root = new EtcdV3Client(guarded.url)
    await root.authenticate('root', 'root secret')
    const last = 300
    const changing = (async () => {
      for (let n = 1; n <= last; n++) {
        const success = ['/app', '/zone'].flatMap((dir) => [
          { request_put: { key: base64(`${dir}/t${n}`), value: '' } },
          { request_delete_range: { key: base64(`${dir}/t${n - 1}`) } },
        ])
        await root.post('kv/txn', { success })
      }
    })()
    do {
      const { put, del } = await watched.delta()
      for (const key of del) keys.delete(key)
      for (const key of Object.keys(put)) keys.add(key)
      expect(namesIn('/app')).toEqual(namesIn('/zone'))
    } while (!keys.has(`/app/t${last}`))
    expect(namesIn('/app')).toEqual([`/t${last}`])
    await changing
    root.close()
  })

  test('a directory whose key and contents are granted separately', async () => {
    const [key, below] = ['/split', '/split/']
    for (const perm of [
      { key: base64(key) },
      { key: base64(below), range_end: base64('/split0') },
    ]) {
      await asRoot('auth/role/grant', { name: 'app', perm: { permType: 'READ', ...perm } })
    }
    const watched = watch(storeAt(guarded.node, user), ['/split'])
    expect(await watched.snapshot()).toEqual({})
    await put('/split', 'itself')
    expect(await watched.delta()).toEqual({ put: { '/split': 'itself' }, del: [] })
    await put('/split/a', '1')
    expect(await watched.delta()).toEqual({ put: { '/split/a': '1' }, del: [] })
  })

  test('of a directory with permission for its contents only, the key is named', async () => {
    const perm = { permType: 'READ', key: base64('/inside/'), range_end: base64('/inside0') }
    await asRoot('auth/role/grant', { name: 'app', perm })
    const fault = await watch(storeAt(guarded.node, user), ['/app', '/inside']).fault()
    expect(fault).toMatchObject({
      message: `etcd at http://${guarded.node} does not let the user "app" read the key "/inside"`,
      hint: 'grant access: etcdctl role grant-permission ROLE read /inside',
    })
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
        // The server is not listening yet, or its certificate has not been written yet.
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
    expect(fault).toEqual({
      kind: 'store',
      // Node reports the first reason, and Bun the second one.
      message: expect.toBeOneOf(
        ['self-signed and not trusted', 'signed by an authority that is not trusted'].map(
          (why) => `cannot reach etcd at https://${node}: TLS: the server's certificate is ${why}`,
        ),
      ) as string,
      hint: 'set -client-ca-keys to the file with the CA certificate of the server',
      permanent: true,
    })
  })

  test('plain HTTP to it', async () => {
    const fault = await watch(storeAt(node), ['/x']).fault()
    expect(fault.message).toBe(
      `cannot reach etcd at http://${node}: the server closed the connection`,
    )
    expect(fault.hint).toBe(
      'check that etcd is running there, and check -node and -scheme (http or https)',
    )
  })

  test('TLS to a server without it', async () => {
    const fault = await watch(storeAt(etcd.node, { scheme: 'https' }), ['/x']).fault()
    expect(fault.message).toBe(
      `cannot reach etcd at https://${etcd.node}: the server closed the connection`,
    )
    expect(fault.hint).toContain('-scheme')
  })
})
