// The redis store on a real server: keys, watching, and notices.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import type { ConnectionSettings, Settings } from '../../src/core/settings.ts'
import type { Notice, Store, StoreEvent } from '../../src/core/store.ts'
import { open, type RedisTuning } from '../../src/stores/redis.ts'
import { parseRedisNode } from '../../src/core/redis-node.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { startRedis, type RedisServer } from '../support/redis.ts'
import { settingsFor } from '../support/settings.ts'
import { until } from '../support/until.ts'

const tuning: RedisTuning = { resync: 60_000, heartbeat: 50, silence: 5000 }

interface Options extends Partial<Omit<Settings, 'connection'>> {
  readonly connection?: Partial<ConnectionSettings>
}

const openAt = (node: string, { connection, ...more }: Options = {}, tuned = tuning) =>
  open(
    settingsFor({
      backend: 'redis',
      pollInterval: 60_000,
      ...more,
      connection: { nodes: [node], scheme: 'http', ...connection },
    }),
    tuned,
  )

const watches: RawWatch[] = []
afterEach(() => Promise.all(watches.splice(0).map((watch) => watch.end())))

function watch(node: string, prefixes: readonly Key[], options?: Options, tuned?: RedisTuning) {
  const opened = new RawWatch(openAt(node, options, tuned), prefixes)
  watches.push(opened)
  return opened
}

let prefixes = 0
const newPrefix = (): Key => `/test-${++prefixes}`

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

const call = (...command: string[]): Promise<unknown> => redis.client.call(...command)
const snapshot = (entries: object): object => ({ kind: 'snapshot', entries })
const delta = (put: object, ...del: string[]): object => ({ kind: 'delta', put, del })

describe('addresses', () => {
  test.each([
    [
      'host',
      { name: 'host:6379', endpoint: { host: 'host', port: 6379 }, tls: false, database: 0 },
    ],
    ['127.0.0.1:6380/4', { name: '127.0.0.1:6380', database: 4, tls: false }],
    ['[::1]:6380/4', { endpoint: { host: '::1', port: 6380 }, database: 4 }],
    ['redis://host:1/2', { endpoint: { host: 'host', port: 1 }, database: 2, tls: false }],
    ['rediss://host/2', { endpoint: { host: 'host', port: 6379 }, database: 2, tls: true }],
    ['/run/redis.sock', { endpoint: { path: '/run/redis.sock' }, database: 0, tls: false }],
    ['unix:///run/redis.sock?db=3', { endpoint: { path: '/run/redis.sock' }, database: 3 }],
    [
      'sentinel://host/main',
      { endpoint: { host: 'host', port: 26379 }, master: 'main', database: 0 },
    ],
    ['sentinel://host:1/7', { endpoint: { host: 'host', port: 1 }, master: '7', database: 0 }],
    ['sentinel://host:1/main/2', { master: 'main', database: 2 }],
  ])('%s', (node, address) => {
    expect(parseRedisNode(node, 'http')).toMatchObject(address)
  })

  test('-scheme https means TLS for nodes without a scheme', () => {
    expect(parseRedisNode('host', 'https').tls).toBe(true)
    expect(parseRedisNode('redis://host', 'https').tls).toBe(false)
    expect(parseRedisNode('sentinel://host/main', 'https').tls).toBe(true)
  })

  test.each([
    '',
    'host:port',
    'host:1/x',
    'http://host',
    'sentinel://host',
    'host/1/2',
    'host:99999',
  ])('"%s" is not a valid Redis address', (node) => {
    const opened = openAt(node)
    expect(opened).toMatchObject({ ok: false, error: { permanent: true } })
    expect(opened).toHaveProperty(
      'error.message',
      `the node "${node}" is not a valid Redis address`,
    )
  })

  test('a password in the address is refused, and not repeated', () => {
    for (const node of ['redis://:secret@host', 'web:secret@host:1', 'redis://web:sec#ret@host']) {
      const opened = openAt(node)
      expect(opened.ok).toBe(false)
      expect(JSON.stringify(opened)).not.toMatch(/secret|sec#ret/)
    }
  })

  test("confd's password in -client-key is reported, but not repeated", () => {
    const opened = openAt('host', { connection: { clientKey: '/here/secret' } })
    expect(opened).toMatchObject({ ok: false, error: { kind: 'config' } })
    expect(JSON.stringify(opened)).toContain('CONFD_PASSWORD')
    expect(JSON.stringify(opened)).not.toContain('secret')
  })

  test('an empty separator', () => {
    expect(openAt('host', { separator: '' })).toMatchObject({
      ok: false,
      error: { message: '-separator is empty' },
    })
  })
})

describe('keys', () => {
  test('with a separator', async () => {
    const names = {
      'sep:web:n1': '1',
      'sep:web': '2',
      sep: '3',
      'sep:a/b': 'x',
      ':sep:x': 'x',
      'sep:': 'x',
    }
    await call('MSET', ...Object.entries(names).flat())
    await call('HSET', 'sep:hash', 'f:g', '4', 'h/i', 'x')
    const watched = watch(redis.node, ['/sep'], { separator: ':' })
    const keys = { '/sep': '3', '/sep/web': '2', '/sep/web/n1': '1', '/sep/hash/f/g': '4' }
    expect(await watched.next()).toEqual(snapshot(keys))
    const next = watched.next()
    await call('SET', 'separate:x', 'out')
    await call('SET', 'sep:web:n2', '5')
    expect(await next).toEqual(delta({ '/sep/web/n2': '5' }))
  })

  test('the whole database with a separator', async () => {
    const watched = watch(`${redis.node}/5`, ['/'], { separator: '::' })
    expect(await watched.next()).toEqual(snapshot({}))
    const next = watched.next()
    await redis.client.call('SET', 'move::me', '1')
    await redis.client.call('MOVE', 'move::me', '5')
    expect(await next).toEqual(delta({ '/move/me': '1' }))
  })

  test('names that look like patterns', async () => {
    const prefix: Key = '/glob*[a-c]?\\x'
    await call('MSET', `${prefix}/k[e]y`, '1', '/globular-axx/k[e]y', 'x')
    const watched = watch(redis.node, [prefix])
    expect(await watched.next()).toEqual(snapshot({ [`${prefix}/k[e]y`]: '1' }))
    const next = watched.next()
    await call('SET', '/globular-axx/k[e]y', 'y')
    await call('SET', `${prefix}/*`, '2')
    expect(await next).toEqual(delta({ [`${prefix}/*`]: '2' }))
  })

  test('a hash above the prefix', async () => {
    const prefix = newPrefix()
    await call('HSET', prefix, 'db/host', '1', 'db', '2', 'other', 'x')
    const watched = watch(redis.node, [`${prefix}/db`])
    expect(await watched.next()).toEqual(
      snapshot({ [`${prefix}/db/host`]: '1', [`${prefix}/db`]: '2' }),
    )
    const next = watched.next()
    await call('HSET', prefix, 'other', 'y')
    await call('HSET', prefix, 'db/host', '3')
    expect(await next).toEqual(delta({ [`${prefix}/db/host`]: '3' }))
  })

  test('a string wins over a field of the same key, which comes back after it', async () => {
    const prefix = newPrefix()
    await call('HSET', prefix, 'a/b', 'outer')
    await call('HSET', `${prefix}/a`, 'b', 'inner')
    await call('SET', `${prefix}/a/b`, 'string')
    const key = `${prefix}/a/b`
    const watched = watch(redis.node, [prefix])
    expect(await watched.next()).toEqual(snapshot({ [key]: 'string' }))
    await call('DEL', key)
    expect(await watched.next()).toEqual(delta({ [key]: 'inner' }))
    await call('HDEL', `${prefix}/a`, 'b')
    expect(await watched.next()).toEqual(delta({ [key]: 'outer' }))
    await call('DEL', prefix)
    expect(await watched.next()).toEqual(delta({}, key))
  })

  test('many prefixes, few of which have much in common', async () => {
    const prefix = newPrefix()
    const dirs = Array.from({ length: 30 }, (_, n): Key => `${prefix}/${n % 2 ? '🚀' : '🚁'}${n}/x`)
    for (const dir of dirs) await call('SET', `${dir}/a`, '1')
    await call('SET', `${prefix}/neighbour/x/a`, 'x')
    const watched = watch(redis.node, dirs)
    expect(await watched.next()).toEqual(
      snapshot(Object.fromEntries(dirs.map((dir) => [`${dir}/a`, '1']))),
    )
    await call('SET', `${dirs[7]}/a`, '2')
    expect(await watched.next()).toEqual(delta({ [`${dirs[7]}/a`]: '2' }))
  })
})

describe('watching', () => {
  /** Returns the notices of the first snapshot. */
  async function noticesOf(store: Store, prefix: Key): Promise<readonly Notice[]> {
    const abort = new AbortController()
    const events = store.watch(store.nodes[0] as string, [prefix], abort.signal)
    const first = await events[Symbol.asyncIterator]().next()
    abort.abort()
    const event = first.value as StoreEvent
    return event.kind === 'snapshot' ? (event.notices ?? []) : []
  }
  const noticesAt = async (prefix: Key, options?: Options): Promise<readonly Notice[]> => {
    const opened = openAt(redis.node, options)
    return opened.ok ? noticesOf(opened.value, prefix) : []
  }
  afterEach(() => call('CONFIG', 'SET', 'notify-keyspace-events', 'KA'))

  test.each(['KA', 'KEA', 'Kg$xeh', 'KAmn'])('%s is enough', async (flags) => {
    await call('CONFIG', 'SET', 'notify-keyspace-events', flags)
    expect(await noticesAt(newPrefix())).toEqual([])
  })

  test.each([
    ['', 'off'],
    ['EA', '"AE"'],
    ['Kx', '"xK"'],
  ])('%s is not: a warning, and the setting stays as it is', async (flags, shown) => {
    await call('CONFIG', 'SET', 'notify-keyspace-events', flags)
    const before = await call('CONFIG', 'GET', 'notify-keyspace-events')
    expect(await noticesAt(newPrefix(), { pollInterval: 2500 })).toEqual([
      {
        level: 'warn',
        message:
          `Redis at ${redis.node} may not report all changes (its notify-keyspace-events is ${shown}), so ` +
          'all keys are read every 2.5 s (-poll-interval); ' +
          'set notify-keyspace-events to KA on the server, so that it reports changes immediately',
      },
    ])
    expect(await call('CONFIG', 'GET', 'notify-keyspace-events')).toEqual(before)
    expect(await noticesAt(newPrefix(), { mode: 'onetime' })).toEqual([])
  })

  test('keys that are neither strings nor hashes are reported', async () => {
    const prefix = newPrefix()
    await call('RPUSH', `${prefix}/list`, 'x')
    await call('SADD', `${prefix}/set`, 'x')
    await call('XADD', `${prefix}/stream`, '*', 'a', 'b')
    await call('ZADD', `${prefix}/sorted`, '1', 'a')
    await call('SET', `${prefix}/string`, 'x')
    const [notice, ...more] = await noticesAt(prefix)
    expect(more).toEqual([])
    expect(notice).toMatchObject({ level: 'debug' })
    expect(notice?.message).toMatch(/neither strings nor hashes: .*, .*, .* and 1 more$/)
  })

  test('notifications that are turned on and off during the watch', async () => {
    const prefix = newPrefix()
    const setting = 'notify-keyspace-events'
    await call('CONFIG', 'SET', setting, '')
    const often = { ...tuning, resync: 100 }
    const watched = watch(redis.node, [prefix], { pollInterval: 100 }, often)
    expect(await watched.next()).toEqual(snapshot({}))
    for (const [flags, n] of [
      ['KA', 1],
      ['', 2],
    ] as const) {
      await call('CONFIG', 'SET', setting, flags)
      await call('SET', `${prefix}/a`, String(n))
      const keys = { [`${prefix}/a`]: String(n) }
      // The change may arrive as a separate event before the snapshot.
      let event = await watched.next()
      if (!('entries' in event)) event = await watched.next()
      expect(event).toEqual(snapshot(keys))
    }
  })

  test('notifications alone carry the changes, of the right database', async () => {
    const prefix = newPrefix()
    const watched = watch(`${redis.node}/3`, [prefix])
    expect(await watched.next()).toEqual(snapshot({}))
    const next = watched.next()
    await call('SET', `${prefix}/a`, 'another database')
    await call('MOVE', `${prefix}/a`, '3')
    await call('SET', `${prefix}/a`, 'another database')
    expect(await next).toEqual(delta({ [`${prefix}/a`]: 'another database' }))
  })

  test('SWAPDB, which sends no notification, is seen by the next complete reading', async () => {
    const prefix = newPrefix()
    await call('SET', `${prefix}/a`, '1')
    await call('MOVE', `${prefix}/a`, '7')
    const watched = watch(`${redis.node}/6`, [prefix], {}, { ...tuning, resync: 100 })
    expect(await watched.next()).toEqual(snapshot({}))
    await call('SWAPDB', '6', '7')
    expect(await watched.next()).toEqual(delta({ [`${prefix}/a`]: '1' }))
  })

  test('events caused by reading missing keys cause no further reading', async () => {
    const prefix = newPrefix()
    await call('CONFIG', 'SET', 'notify-keyspace-events', 'KAm')
    await call('SET', `${prefix}/a`, '1')
    const watched = watch(redis.node, [prefix])
    await watched.next()
    await call('CONFIG', 'RESETSTAT')
    await call('DEL', `${prefix}/a`)
    expect(await watched.next()).toEqual(delta({}, `${prefix}/a`))
    const next = watched.next()
    const calls = async (command: string): Promise<number> => {
      const stats = String(await call('INFO', 'commandstats'))
      return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
    }
    await until('it rests', async () => (await calls('ping')) >= 5)
    expect(await calls('mget')).toBe(1)
    await call('SET', `${prefix}/a`, '2')
    expect(await next).toEqual(delta({ [`${prefix}/a`]: '2' }))
  })

  test('a server that stops answering is noticed', async () => {
    const own = await startRedis()
    const watched = watch(own.node, ['/x'], {}, { ...tuning, silence: 2000 })
    await watched.next()
    own.pause()
    expect(await watched.fault()).toEqual({
      kind: 'store',
      message: `cannot reach Redis at ${own.node}: no answer within 2 s`,
      hint: 'check that Redis is running there, and check -node',
    })
    await own.stop()
  })
})
