// Redis with access control, on real servers: passwords, ACLs, TLS, Unix sockets. Also tests unsuitable servers:
// clusters, Sentinels, and servers without the requested database.
import { copyFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Fault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import type { ConnectionSettings } from '../../src/core/settings.ts'
import { open } from '../../src/stores/redis.ts'
import { faultOfReply, ReplyError } from '../../src/stores/redis/faults.ts'
import { Authority, type Subject } from '../support/certificates.ts'
import { freePorts, ServerProcess, tempDir } from '../support/process.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { answers, RedisClient, startRedis, type RedisServer } from '../support/redis.ts'
import { settingsFor } from '../support/settings.ts'
import { until } from '../support/until.ts'

const watches: RawWatch[] = []
afterEach(() => Promise.all(watches.splice(0).map((watch) => watch.end())))

/** The timeout for a silent server, in milliseconds. */
const silence = 3000

const openAt = (node: string, connection: Partial<ConnectionSettings> = {}) =>
  open(
    settingsFor({
      backend: 'redis',
      pollInterval: 100,
      connection: { nodes: [node], scheme: 'http', ...connection },
    }),
    { resync: 60_000, heartbeat: 5000, silence },
  )

function watch(
  node: string,
  connection?: Partial<ConnectionSettings>,
  prefix: Key = '/app',
): RawWatch {
  const opened = new RawWatch(openAt(node, connection), [prefix])
  watches.push(opened)
  return opened
}

const empty = { kind: 'snapshot', entries: {} }
const withA = { kind: 'snapshot', entries: { '/app/a': '1' } }

describe('passwords and the ACL', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis({ password: 'top-secret' })
    await redis.client.put('/app/a', '1')
    await redis.client.put('/other/a', '1')
  })
  afterAll(() => redis.stop())

  const newUser = async (
    name: string,
    ...rules: string[]
  ): Promise<Partial<ConnectionSettings>> => {
    await redis.client.call('ACL', 'SETUSER', name, 'reset', 'on', '>pass-of-web', ...rules)
    return { username: name, password: 'pass-of-web' }
  }

  test('a password from a file, which is read again for each connection', async () => {
    const passwordFile = join(tempDir('password'), 'password')
    writeFileSync(passwordFile, 'top-secret\n')
    const opened = openAt(redis.node, { passwordFile })
    const first = new RawWatch(opened, ['/app'])
    watches.push(first)
    expect(await first.next()).toEqual(withA)
    writeFileSync(passwordFile, 'wrong\n')
    const second = new RawWatch(opened, ['/app'])
    watches.push(second)
    expect((await second.fault()).permanent).toBe(true)
  })

  test('the password alone', async () => {
    expect(await watch(redis.node, { password: 'top-secret' }).next()).toEqual(withA)
  })

  test.each<[string, Partial<ConnectionSettings>, Partial<Fault>]>([
    [
      'none',
      {},
      {
        message: 'requires a password',
        hint: 'set CONFD_PASSWORD, and -username for a user of the ACL',
      },
    ],
    [
      'a wrong one',
      { password: 'wrong-secret' },
      {
        message: 'refuses the user or the password',
        hint: 'check -username and CONFD_PASSWORD',
      },
    ],
    [
      'an unknown user',
      { username: 'nobody', password: 'wrong-secret' },
      {
        message: 'refuses the user or the password',
        hint: 'check -username and CONFD_PASSWORD',
      },
    ],
  ])('%s', async (_, login, { message, hint }) => {
    expect(await watch(redis.node, login).fault()).toEqual({
      kind: 'store',
      message: `Redis at ${redis.node} ${message}`,
      hint,
      permanent: true,
    })
  })

  test('a password does no harm where none is required', async () => {
    const open = await startRedis()
    expect(await watch(open.node, { password: 'any' }).next()).toEqual(empty)
    await open.stop()
  })

  test('a user with just the rights that the docs name', async () => {
    const rights = ['+@read', '+@connection', '+psubscribe', '+config|get']
    const user = await newUser('web', ...rights, '~/app*', '&__keyspace@0__:/app*')
    const watched = watch(redis.node, user)
    expect(await watched.next()).toEqual(withA)
    const opened = openAt(redis.node, user)
    if (!opened.ok) throw new Error(opened.error.message)
    const abort = new AbortController()
    const events = opened.value.watch(redis.node, ['/app'], abort.signal)
    const first = await events[Symbol.asyncIterator]().next()
    abort.abort()
    expect(first.value).toMatchObject({ notices: [] })
    await redis.client.put('/app/b', '2')
    expect(await watched.next()).toEqual({ kind: 'delta', put: { '/app/b': '2' }, del: [] })
    await redis.client.del('/app/b')
  })

  test.each([
    ['without the channels', ['+@read', '+@connection', '+psubscribe', '+config|get']],
    ['without CONFIG', ['+@read', '+@connection', '+psubscribe', '&*']],
    ['with the commands that read, only', ['+scan', '+mget', '+hgetall', '+ping', '+hello']],
  ])('a user %s polls', async (_, rights) => {
    const user = await newUser('poor', ...rights, '~/app*')
    const watched = watch(redis.node, user)
    expect(await watched.next()).toEqual(withA)
    await redis.client.put('/app/b', '2')
    expect(await watched.next()).toEqual({ kind: 'delta', put: { '/app/b': '2' }, del: [] })
    await redis.client.del('/app/b')
  })

  test.each([
    ['of other keys', ['+@all', '~/other*']],
    ['that may not scan', ['+@all', '-scan', '~*']],
    ['of nothing', []],
  ])('a user %s is denied, and that is not empty', async (_, rights) => {
    const user = await newUser('stranger', ...rights)
    const fault = await watch(redis.node, user).fault()
    expect(fault).toMatchObject({ permanent: true })
    expect(fault.message).toBe(`Redis at ${redis.node} does not let the user read the keys`)
    expect(fault.hint).toContain('ACL SETUSER')
  })

  test('rights revoked during the watch are reported', async () => {
    const user = await newUser('web', '+@all', '~/app*', '&*')
    const watched = watch(redis.node, user)
    expect(await watched.next()).toEqual(withA)
    await redis.client.call('ACL', 'SETUSER', 'web', 'resetkeys', '~/other*')
    await redis.client.put('/app/a', '1')
    expect((await watched.fault()).message).toContain('does not let the user read')
  })
})

describe('TLS', () => {
  const folder = tempDir('redis-tls')
  const authority = new Authority(folder)
  const stranger = new Authority(folder, 'stranger')
  const servers: RedisServer[] = []
  let plain: RedisServer

  /** Starts a server that accepts only TLS. Returns its address. */
  async function startTls(subject: Subject, wantsClients = 'no'): Promise<string> {
    const [port] = await freePorts(1)
    const { cert, key } = authority.issue(`server${servers.length}`, subject)
    const tls = [
      '--tls-cert-file',
      cert,
      '--tls-key-file',
      key,
      '--tls-ca-cert-file',
      authority.cert,
    ]
    const extraArgs = ['--tls-port', String(port), ...tls, '--tls-auth-clients', wantsClients]
    servers.push(await startRedis({ extraArgs }))
    return `127.0.0.1:${port}`
  }

  let node: string
  beforeAll(async () => {
    plain = await startRedis()
    servers.push(plain)
    node = await startTls({})
  })
  afterAll(() => Promise.all(servers.map((server) => server.stop())))
  const trusting = { clientCaKeys: authority.cert }

  test('with the authority of -client-ca-keys, by scheme or by address', async () => {
    expect(await watch(node, { ...trusting, scheme: 'https' }).next()).toEqual(empty)
    expect(await watch(`rediss://${node}`, trusting).next()).toEqual(empty)
  })

  test('the name in the certificate counts', async () => {
    const named = await startTls({ host: 'localhost' })
    const byName = `rediss://localhost:${named.split(':')[1]}`
    expect(await watch(byName, trusting).next()).toEqual(empty)
    const fault = await watch(`rediss://${named}`, trusting).fault()
    expect(fault.message).toContain(
      `cannot reach Redis at ${named}: TLS: the server's certificate is for DNS:localhost, and not for 127.0.0.1`,
    )
    const told = { ...trusting, clientServerName: 'localhost' }
    expect(await watch(`rediss://${named}`, told).next()).toEqual(empty)
  })

  test.each([
    ['no authority', {}],
    ['another authority', { clientCaKeys: stranger.cert }],
  ])('with %s', async (_, login) => {
    const fault = await watch(`rediss://${node}`, login).fault()
    expect(fault.message).toBe(
      `cannot reach Redis at ${node}: TLS: the server's certificate is signed by an authority that is not trusted`,
    )
    expect(fault.hint).toBe('set -client-ca-keys to the file with the CA certificate of the server')
    const blind = { ...login, clientInsecure: true as const }
    expect(await watch(`rediss://${node}`, blind).next()).toEqual(empty)
  })

  test('an expired certificate', async () => {
    const expired = await startTls({ notAfter: new Date(Date.now() - 60_000) })
    const fault = await watch(`rediss://${expired}`, trusting).fault()
    expect(fault.message).toContain("TLS: the server's certificate has expired")
  })

  test('a client certificate', async () => {
    const strict = await startTls({}, 'yes')
    const { cert, key } = authority.issue('client')
    const login = { ...trusting, clientCert: cert, clientKey: key }
    expect(await watch(`rediss://${strict}`, login).next()).toEqual(empty)
    const other = stranger.issue('imposter')
    const foreign = { ...trusting, clientCert: other.cert, clientKey: other.key }
    for (const [wrong, words] of [
      [trusting, 'the server asks for a client certificate'],
      [foreign, 'the server rejects the client certificate, or requires one'],
    ] as const) {
      const fault = await watch(`rediss://${strict}`, wrong).fault()
      expect(fault.message).toBe(`cannot reach Redis at ${strict}: TLS: ${words}`)
    }
  })

  test('a certificate that is renewed on disk is used by the next connection', async () => {
    const strict = await startTls({}, 'yes')
    const live = { cert: join(folder, 'live.crt'), key: join(folder, 'live.key') }
    const store = openAt(`rediss://${strict}`, {
      ...trusting,
      clientCert: authority.issue('live').cert,
      clientKey: live.key,
    })
    const next = (): RawWatch => {
      const opened = new RawWatch(store, ['/app'])
      watches.push(opened)
      return opened
    }
    expect(await next().next()).toEqual(empty)
    const past = authority.issue('past', { notAfter: new Date(Date.now() - 60_000) })
    copyFileSync(past.cert, live.cert)
    copyFileSync(past.key, live.key)
    expect((await next().fault()).message).toContain('rejects the client certificate')
    authority.issue('live')
    expect(await next().next()).toEqual(empty)
  })

  test('a missing file, and one that is not a certificate', async () => {
    const missing = openAt(`rediss://${node}`, { clientCaKeys: '/nonexistent/ca.pem' })
    expect(missing).toMatchObject({ ok: false, error: { file: '/nonexistent/ca.pem' } })
    const { key } = authority.issue('odd')
    expect(openAt(`rediss://${node}`, { clientCert: key, clientKey: key })).toMatchObject({
      ok: false,
      error: {
        message: 'the file given by -client-cert does not contain a certificate in PEM format',
        file: key,
      },
    })
  })

  test('TLS to a server without it, and the other way round', async () => {
    const fault = await watch(`rediss://${plain.node}`, trusting).fault()
    expect(fault).toMatchObject({
      kind: 'store',
      hint: expect.stringContaining('-scheme') as string,
    })
    const other = await watch(node).fault()
    expect(other).toMatchObject({
      kind: 'store',
      hint: expect.stringContaining('-scheme') as string,
    })
  })
})

describe('servers', () => {
  test('a unix socket', async () => {
    const path = join(tempDir('redis-socket'), 'redis.sock')
    const redis = await startRedis({ extraArgs: ['--unixsocket', path] })
    await redis.client.put('/app/a', '1')
    expect(await watch(path).next()).toEqual(withA)
    expect(await watch(`unix://${path}?db=1`).next()).toEqual(empty)
    await redis.stop()
    const fault = await watch(path).fault()
    expect(fault.message).toContain(`cannot reach Redis at ${path}`)
  })

  test('a database that does not exist', async () => {
    const redis = await startRedis()
    expect(await watch(`${redis.node}/99`).fault()).toMatchObject({
      message: `Redis at ${redis.node} has no database with that number`,
      permanent: true,
    })
    await redis.stop()
  })

  test('a cluster is refused: a node holds only some of the keys', async () => {
    const redis = await startRedis({
      extraArgs: ['--cluster-enabled', 'yes', '--appendonly', 'no'],
    })
    expect(await watch(redis.node).fault()).toMatchObject({
      message: `Redis at ${redis.node} is part of a cluster`,
      permanent: true,
    })
    await redis.stop()
  })

  test('a server that is not Redis', async () => {
    const http = createServer((_, response) => response.end('hello'))
    await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening))
    const node = `127.0.0.1:${(http.address() as { port: number }).port}`
    expect((await watch(node).fault()).message).toBe(
      `Redis at ${node} does not speak Redis's protocol`,
    )
    http.closeAllConnections()
    await new Promise((closed) => http.close(closed))
  })

  test('a server that is still loading its data', async () => {
    const redis = await startRedis({ extraArgs: ['--rdbcompression', 'no'] })
    for (let n = 0; n < 100; n++) await redis.client.put(`/app/${n}`, 'x'.repeat(10_000))
    await redis.client.call('SAVE')
    await redis.kill()
    // Loading takes 0.2 s per key. The server answers requests in between.
    const slow = ['--key-load-delay', '200000', '--loading-process-events-interval-bytes', '1024']
    const args = [...redis.spec.args, '--appendonly', 'no', ...slow]
    const loading = new ServerProcess({ ...redis.spec, args, ready: async () => true })
    await loading.start()
    const fault = await until('it listens', async () => {
      const fault = await watch(redis.node).fault()
      return fault.message.includes('refused') ? undefined : fault
    })
    expect(fault).toEqual({
      kind: 'store',
      message: `Redis at ${redis.node} is still loading its data`,
      hint: 'no action is needed: reconfd retries until the data is loaded',
    })
    await loading.kill()
    await redis.stop()
  })

  test('a Sentinel names the master, the next one after a failover', async () => {
    const first = await startRedis()
    const [host, firstPort] = first.node.split(':') as [string, string]
    const second = await startRedis({ extraArgs: ['--replicaof', host, firstPort] })
    await first.client.put('/app/a', '1')
    const [port] = await freePorts(1)
    const folder = tempDir('sentinel')
    const config = join(folder, 'sentinel.conf')
    writeFileSync(
      config,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder}`,
        `sentinel monitor main ${host} ${firstPort} 1`,
        'sentinel down-after-milliseconds main 300',
        'sentinel failover-timeout main 2000',
        '',
      ].join('\n'),
    )
    const sentinel = new ServerProcess({
      name: 'redis-server',
      args: [config, '--sentinel'],
      ready: () => answers({ port: port as number }),
    })
    await sentinel.start()
    const node = `sentinel://127.0.0.1:${port}/main`
    const watched = watch(node)
    expect(await watched.next()).toEqual(withA)
    expect((await watch(`sentinel://127.0.0.1:${port}/other`).fault()).message).toBe(
      `the Sentinel at 127.0.0.1:${port} knows no master "other"`,
    )
    expect((await watch(`127.0.0.1:${port}`).fault()).message).toContain('is a Sentinel')
    await until(
      'the replica has the key',
      async () => String(await second.client.call('GET', '/app/a')) === '1',
    )
    // The Sentinel asks the master for its replicas at the start, when it may have none yet, and then every 10 s.
    const observer = new RedisClient(`redis://127.0.0.1:${port}`)
    await until('the Sentinel knows the replica', async () => {
      const replicas = (await observer.call('SENTINEL', 'REPLICAS', 'main')) as unknown[]
      return replicas.length > 0
    })
    observer.close()
    await first.kill()
    expect((await watched.fault()).message).toContain(first.node)
    // Reopens the store until that succeeds, like follow(). By then, the other server is the master.
    const event = await until(
      'the failover',
      async () => {
        try {
          return await watch(node).next()
        } catch {
          return undefined
        }
      },
      { every: 200 },
    )
    expect(event).toEqual(withA)
    expect(String(await second.client.call('ROLE'))).toMatch(/^master/)
    await Promise.all([sentinel.stop(), first.stop(), second.stop()])
  })
})

test.each([
  ['NOPROTO unsupported protocol version', 'does not speak RESP3'],
  [
    'ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `web`, `secret`, ',
    'does not speak RESP3',
  ],
  [
    "ERR unknown command 'MGET', with args beginning with: 'secret' ",
    "reports: ERR unknown command 'MGET'",
  ],
  [
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'is a replica without its master',
  ],
  ['ERR max number of clients reached', 'has too many clients'],
  ['MOVED 3999 127.0.0.1:6381', 'is part of a cluster'],
  ['-DENIED Redis is running in protected mode'.slice(1), 'is in protected mode'],
])('the answer %s', (text, message) => {
  const { fault } = faultOfReply(new ReplyError(text), 'Redis at x')
  expect(fault.message).toContain(`Redis at x ${message}`)
  expect(JSON.stringify(fault)).not.toContain('secret')
  expect(fault.hint).toBeDefined()
})
