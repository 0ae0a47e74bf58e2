// ZooKeeper beyond the contract: chroots, access control, a server without recursive watches, and broken connections.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import type { ConnectionSettings } from '../../src/core/settings.ts'
import { open } from '../../src/stores/zookeeper.ts'
import { JuteWriter } from '../../src/stores/zookeeper/jute.ts'
import { opcode } from '../../src/stores/zookeeper/protocol.ts'
import { newPrefix, watching } from '../contract/world.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { settingsFor } from '../support/settings.ts'
import { startZookeeper, type ZookeeperServer } from '../support/zookeeper.ts'

let zookeeper: ZookeeperServer

beforeAll(async () => {
  zookeeper = await startZookeeper()
})
afterAll(async () => {
  await zookeeper.stop()
})

const settings = (connection: Partial<ConnectionSettings> = {}) =>
  settingsFor({
    backend: 'zookeeper',
    connection: { nodes: [zookeeper.node], scheme: 'http', ...connection },
  })

const watch = (
  connection: Partial<ConnectionSettings>,
  prefixes: readonly Key[],
  tuning?: { timeout: number },
): RawWatch => new RawWatch(open(settings(connection), tuning), prefixes)

test('a chroot is the root, and may be created later', async () => {
  const chroot = newPrefix()
  await zookeeper.client.put(`${chroot}x/app/out`, '0')
  const nodes = [`${zookeeper.node}${chroot}`]
  await watching({ settings: settings({ nodes }) }, ['/app'], async (watched) => {
    await watched.live()
    await watched.converges(new Map())
    await zookeeper.client.put(`${chroot}/app/a`, '1')
    await zookeeper.client.put(`${chroot}/other`, '2')
    await watched.converges(new Map([['/app/a', '1']]))
  })
  await watching({ settings: settings({ nodes }) }, ['/'], async (watched) => {
    await watched.converges(
      new Map([
        ['/app/a', '1'],
        ['/other', '2'],
      ]),
    )
    await zookeeper.client.del(`${chroot}/other`)
    await watched.converges(new Map([['/app/a', '1']]))
  })
})

test('the whole store excludes the znodes of ZooKeeper itself, unless they are named', async () => {
  const whole = watch({}, ['/'])
  const { entries } = (await whole.next()) as { entries: Record<string, string> }
  expect(Object.keys(entries).filter((key) => key.startsWith('/zookeeper'))).toEqual([])
  await whole.end()
  const named = watch({}, ['/zookeeper/quota'])
  expect(await named.next()).toEqual({ kind: 'snapshot', entries: { '/zookeeper/quota': '' } })
  await named.end()
})

test('a user and a password give access to their znodes', async () => {
  const prefix = newPrefix()
  await zookeeper.client.put(`${prefix}/open`, '1')
  await zookeeper.client.put(`${prefix}/closed`, '2')
  await zookeeper.client.restrict(`${prefix}/closed`, 'web', 'correct horse')
  const allowed = watch({ username: 'web', password: 'correct horse' }, [prefix])
  expect(await allowed.next()).toEqual({
    kind: 'snapshot',
    entries: { [`${prefix}/open`]: '1', [`${prefix}/closed`]: '2' },
  })
  await allowed.end()

  expect(await watch({}, [prefix]).fault()).toEqual({
    kind: 'store',
    message: `ZooKeeper at ${zookeeper.node} denied access to ${prefix}/closed`,
    hint: 'its ACL requires a user: set -username and CONFD_PASSWORD',
    permanent: true,
  })
  const wrong = await watch({ username: 'web', password: 'wrong horse' }, [prefix]).fault()
  expect(wrong.message).toBe(`ZooKeeper at ${zookeeper.node} denied access to ${prefix}/closed`)
  expect(JSON.stringify(wrong)).not.toContain('horse')
})

test('a znode that becomes unreadable during the watch is a fault, not a deletion', async () => {
  const prefix = newPrefix()
  await zookeeper.client.put(`${prefix}/a`, '1')
  const watched = watch({}, [prefix])
  await watched.next()
  await zookeeper.client.restrict(`${prefix}/a`, 'web', 'secret')
  // Creating a child makes the store read the znode again.
  await zookeeper.client.put(`${prefix}/a/b`, '')
  expect((await watched.fault()).message).toContain(`denied access to ${prefix}/a`)
})

test('changes that belong together come together', async () => {
  const prefix = newPrefix()
  await zookeeper.client.put(`${prefix}/a`, '1')
  const watched = watch({}, [prefix])
  await watched.next()
  await zookeeper.client.put(`${prefix}/b`, '2')
  expect(await watched.next()).toEqual({ kind: 'delta', put: { [`${prefix}/b`]: '2' }, del: [] })
  await zookeeper.client.del(`${prefix}/a`)
  expect(await watched.next()).toEqual({ kind: 'delta', put: {}, del: [`${prefix}/a`] })
  await watched.end()
})

test('a server whose watch manager has no recursive watches is watched znode by znode', async () => {
  const optimized = await startZookeeper({
    flags: ['-Dzookeeper.watchManagerName=org.apache.zookeeper.server.watch.WatchManagerOptimized'],
  })
  try {
    const prefix = newPrefix()
    await watching(
      { settings: settings({ nodes: [optimized.node] }) },
      [prefix],
      async (watched) => {
        await watched.live()
        await optimized.client.put(`${prefix}/a/b`, '1')
        await watched.converges(new Map([[`${prefix}/a/b`, '1']]))
        await optimized.client.set(`${prefix}/a/b`, '2')
        await watched.converges(new Map([[`${prefix}/a/b`, '2']]))
        expect(watched.faults).toEqual([])
      },
    )
  } finally {
    await optimized.stop()
  }
})

test('the watch survives a session that the server has ended', async () => {
  const prefix = newPrefix()
  await zookeeper.client.put(`${prefix}/a`, '1')
  const port = Number(zookeeper.node.split(':')[1])
  let session: Buffer | undefined
  const tap = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    // The first answer: a length, the version, the timeout, then the session's id and password.
    far.once('data', (answer: Buffer) => (session ??= answer.subarray(12, 40)))
    far.on('error', () => near.destroy()).on('close', () => near.destroy())
    near.on('error', () => far.destroy()).on('close', () => far.destroy())
    far.pipe(near).pipe(far)
  })
  await once(tap.listen(0, '127.0.0.1'), 'listening')
  const node = `127.0.0.1:${(tap.address() as AddressInfo).port}`
  await watching({ settings: settings({ nodes: [node] }) }, [prefix], async (watched) => {
    await watched.live()
    // Another client takes over the session and ends it, which has the effect of expiry without the wait.
    const other = connect(port, '127.0.0.1')
    const [id, password] = [session?.readBigInt64BE(0), session?.subarray(12)]
    if (id === undefined || password === undefined) throw new Error('no session was seen')
    const handshake = new JuteWriter().int(0).long(0n).int(5000).long(id).buffer(password)
    other.write(handshake.boolean(false).frame())
    await once(other, 'data')
    other.write(new JuteWriter().int(1).int(opcode.closeSession).frame())
    await watched.broken()
    other.destroy()
    await zookeeper.client.put(`${prefix}/a`, '2')
    await watched.converges(new Map([[`${prefix}/a`, '2']]))
    await zookeeper.client.put(`${prefix}/a`, '3')
    await watched.converges(new Map([[`${prefix}/a`, '3']]))
  })
  tap.close()
  await once(tap, 'close')
})

test('a server that falls silent is detected, and so is its return', async () => {
  const prefix = newPrefix()
  await zookeeper.client.put(`${prefix}/a`, '1')
  const watched = watch({}, [prefix], { timeout: 3000 })
  await watched.next()
  zookeeper.pause()
  try {
    expect((await watched.fault()).message).toBe(
      `cannot reach ZooKeeper at ${zookeeper.node}: no answer within 2 s`,
    )
  } finally {
    zookeeper.resume()
  }
  const again = watch({}, [prefix])
  expect(await again.next()).toEqual({ kind: 'snapshot', entries: { [`${prefix}/a`]: '1' } })
  await again.end()
})

test('pings keep a quiet session alive', async () => {
  const prefix = newPrefix()
  const watched = watch({}, [prefix], { timeout: 3000 })
  await watched.next()
  // Waits until another key expires, which takes longer than the session timeout.
  await zookeeper.client.putWithTtl('/passing', '', 4)
  const other = watch({}, ['/passing'])
  expect(await other.next()).toMatchObject({ entries: { '/passing': '' } })
  expect(await other.next()).toMatchObject({ del: ['/passing'] })
  await other.end()
  await zookeeper.client.put(prefix, 'live')
  expect(await watched.next()).toEqual({ kind: 'delta', put: { [prefix]: 'live' }, del: [] })
  await watched.end()
})

test('a server that drops the first packet while starting is retried soon', async () => {
  const prefix = newPrefix()
  await zookeeper.client.put(`${prefix}/a`, '1')
  const port = Number(zookeeper.node.split(':')[1])
  let connections = 0
  const server = createServer((near) => {
    near.on('error', () => undefined)
    if (++connections <= 2) return void near.resume()
    const far = connect(port, '127.0.0.1').on('error', () => near.destroy())
    near
      .on('close', () => far.destroy())
      .pipe(far)
      .pipe(near)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const node = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const store = open(settings({ nodes: [node] }))
  const told = (time: string): string =>
    `cannot reach ZooKeeper at ${node}: no session within ${time}`
  expect((await new RawWatch(store, [prefix]).fault()).message).toBe(told('500 ms'))
  expect((await new RawWatch(store, [prefix]).fault()).message).toBe(told('1 s'))
  const watched = new RawWatch(store, [prefix])
  expect(await watched.next()).toMatchObject({ entries: { [`${prefix}/a`]: '1' } })
  await watched.end()
  server.close()
  await once(server, 'close')
})

test('a server that is not ZooKeeper is reported as such', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const node = `127.0.0.1:${(server.address() as AddressInfo).port}`
  expect((await watch({ nodes: [node] }, ['/app']).fault()).message).toBe(
    `ZooKeeper at ${node} does not speak ZooKeeper's protocol: a packet of invalid length`,
  )
  server.close()
  await once(server, 'close')
  expect((await watch({ nodes: [node] }, ['/app']).fault()).message).toBe(
    `cannot reach ZooKeeper at ${node}: connection refused`,
  )
})

test.each([
  ['zk1', ['zk1:2181']],
  ['zk1:2182/a//b/', ['zk1:2182/a/b']],
  ['[::1]:2181/a', ['[::1]:2181/a']],
  ['zk1:2181,zk2:2181/a', ['zk1:2181/a', 'zk2:2181/a']],
])('the node %s', (node, nodes) => {
  const opened = open(settings({ nodes: [node] }))
  expect(opened.ok && opened.value.nodes).toEqual(nodes)
})

test.each([
  ['zk1:99999', 'the node "zk1:99999" is not a valid ZooKeeper address'],
  ['http://zk1:2181', 'the node "http://zk1:2181" is not a valid ZooKeeper address'],
  ['web:secret@zk1:2181', 'the node zk1:2181 contains a user or a password'],
  ['zk1/a,zk2/b', 'the nodes have different chroots: /a and /b'],
])('the node %s is refused', (node, message) => {
  const opened = open(settings({ nodes: [node] }))
  expect(opened.ok ? '' : opened.error.message).toBe(message)
})
