// The supervision of etcd's watch, with real servers behind a reverse proxy: a quiet stream, a dead one, a late one, a
// server that hangs, and a cluster that was restored from a snapshot and has passed the last known revision.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { OutdatedError } from '../../src/core/store.ts'
import type { PulseTuning } from '../../src/stores/etcdv3/pulse.ts'
import { startTap, type Tap } from '../support/http-tap.ts'
import { serverBinary, startEtcd, tempDir, type EtcdServer } from '../support/servers.ts'
import { until } from '../support/until.ts'
import { newPrefix, storeAt, tuningOf, watch } from './etcdv3-watch.ts'

const WATCH = '/v3/watch'
const TXN = '/v3/kv/txn'

let etcd: EtcdServer
const taps: Tap[] = []
beforeAll(async () => {
  etcd = await startEtcd()
})
afterEach(async () => {
  for (const tap of taps.splice(0)) await tap.close()
})
afterAll(() => etcd.stop())

async function tapped(node: string): Promise<Tap> {
  const tap = await startTap(node)
  taps.push(tap)
  return tap
}

const timesAsked = (tap: Tap, path: string): number =>
  tap.asked.filter((asked) => asked === path).length

/** With this tuning, the stream of a busy server is not mistaken for a dead one. */
const patient = (interval: number): PulseTuning => ({
  ...tuningOf(interval),
  patience: 30_000,
  grace: 30_000,
})

describe('a quiet stream', () => {
  test.each(['put', 'deleted'])(
    'is neither opened nor read again while others are written, its last key %s',
    async (last) => {
      const prefix = newPrefix()
      const tap = await tapped(etcd.node)
      await etcd.client.put(`${prefix}/a`, '1')
      await etcd.client.put(`${prefix}//odd`, 'unseen')
      const watched = watch(storeAt(tap.node, {}, patient(40)), [prefix, `${prefix}2`])
      await watched.snapshot()
      await etcd.client.put(`${prefix}/b`, '2')
      await watched.delta()
      if (last === 'deleted') {
        await etcd.client.del(`${prefix}/b`)
        await watched.delta()
      }
      const change = watched.delta()
      const listed = timesAsked(tap, TXN)
      await until('it was looked at often', async () => {
        await etcd.client.put('/elsewhere', String(Math.random()))
        return timesAsked(tap, TXN) > listed + 25
      })
      expect(timesAsked(tap, WATCH)).toBe(1)
      await etcd.client.put(`${prefix}/a`, '4')
      expect(await change).toEqual({ put: { [`${prefix}/a`]: '4' }, del: [] })
    },
  )

  test('requests only the revision while nothing is written', async () => {
    const tap = await tapped(etcd.node)
    const watched = watch(storeAt(tap.node, {}, patient(50)), [newPrefix()])
    await watched.snapshot()
    const change = watched.next()
    change.catch(() => undefined)
    await until('it was asked often', () => Promise.resolve(timesAsked(tap, TXN) > 10))
    expect(timesAsked(tap, WATCH)).toBe(1)
  })
})

describe('everything is read again', () => {
  test('when a stream is dead and the server is not', async () => {
    const prefix = newPrefix()
    const tap = await tapped(etcd.node)
    const watched = watch(storeAt(tap.node, {}, tuningOf(60)), [prefix])
    await watched.snapshot()
    const change = watched.delta()
    await until('the watch is open', () => Promise.resolve(tap.open.includes(WATCH)))
    await etcd.client.put(`${prefix}/a`, '1')
    await change
    tap.delay(WATCH, Infinity)
    await etcd.client.put(`${prefix}/a`, '2')
    await expect(watched.next()).rejects.toThrow(OutdatedError)
  })

  test('when a deletion was missed', async () => {
    const prefix = newPrefix()
    const tap = await tapped(etcd.node)
    for (const name of ['a', 'b']) await etcd.client.put(`${prefix}/${name}`, '1')
    const watched = watch(storeAt(tap.node, {}, tuningOf(60)), [prefix])
    await watched.snapshot()
    const next = watched.next()
    await until('the watch is open', () => Promise.resolve(tap.open.includes(WATCH)))
    tap.delay(WATCH, Infinity)
    await etcd.client.del(`${prefix}/a`)
    await expect(next).rejects.toThrow(OutdatedError)
  })

  test('when a stream is late, which is reported', async () => {
    const prefix = newPrefix()
    const tap = await tapped(etcd.node)
    const lags: (number | undefined)[] = []
    const behind = (lag: number | undefined): void => void lags.push(lag)
    const watched = watch(storeAt(tap.node, {}, tuningOf(300)), [prefix], {
      behind,
    })
    await watched.snapshot()
    // The lag of a stream is known only once the stream has delivered an event.
    await etcd.client.put(`${prefix}/a`, '0')
    await watched.delta()
    let writes = 0
    let isOver = false
    const over = (async () => {
      for (;;) await watched.next()
    })().catch((error: unknown) => {
      isOver = true
      throw error
    })
    over.catch(() => undefined)
    await until('it is read again', async () => {
      tap.delay(WATCH, 6 * ++writes)
      await etcd.client.put(`${prefix}/a`, String(writes))
      return isOver
    })
    await expect(over).rejects.toThrow(OutdatedError)
    // Checks only that there is a lag, because its length depends on timers, which may fire early.
    expect(lags.some((lag) => lag !== undefined && lag > 0)).toBe(true)
  })
})

test('a server that hangs counts as unreachable, whatever its stream sent last', async () => {
  const watched = watch(storeAt(etcd.node, {}, { ...tuningOf(100), patience: 300 }), [newPrefix()])
  await watched.snapshot()
  const fault = watched.fault()
  etcd.pause()
  try {
    expect((await fault).message).toBe(
      `cannot reach etcd at http://${etcd.node}: no answer within 300 ms`,
    )
  } finally {
    etcd.resume()
  }
  await until('etcd serves again', () => etcd.client.revision())
})

describe('a cluster that was restored from a snapshot and has overtaken what we knew', () => {
  let restored: EtcdServer | undefined
  afterEach(() => restored?.stop())

  /** Starts another server with the keys of a snapshot and writes `/elsewhere` 50 times. */
  async function overtake(snapshot: string): Promise<EtcdServer> {
    const { path, env } = serverBinary('etcdctl')
    const dataDir = tempDir('restored')
    rmSync(dataDir, { recursive: true })
    const args = etcd.spec.args.filter((arg) => /^--initial-/.test(arg))
    const { status, stderr } = spawnSync(
      path,
      ['snapshot', 'restore', snapshot, ...args, `--data-dir=${dataDir}`],
      { env: { ...process.env, ...env, ETCDCTL_API: '3' }, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(stderr)
    restored = await startEtcd({ dataDir, extraArgs: args })
    for (let n = 0; n < 50; n++) await restored.client.put('/elsewhere', String(n))
    return restored
  }

  function save(): string {
    const { path, env } = serverBinary('etcdctl')
    const file = join(tempDir('snapshot'), 'db')
    const { status, stderr } = spawnSync(
      path,
      [`--endpoints=${etcd.url}`, 'snapshot', 'save', file],
      { env: { ...process.env, ...env, ETCDCTL_API: '3' }, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(stderr)
    return file
  }

  test.each(['written', 'deleted'])('behind a stream that stays open, a key %s', async (how) => {
    const prefix = newPrefix()
    const tap = await tapped(etcd.node)
    await etcd.client.put(`${prefix}/a`, 'old')
    await etcd.client.put(`${prefix}/b`, 'old')
    const snapshot = save()
    if (how === 'written') await etcd.client.put(`${prefix}/a`, 'lost')
    else await etcd.client.del(`${prefix}/a`)
    const watched = watch(storeAt(tap.node, {}, tuningOf(60)), [prefix])
    await watched.snapshot()
    const next = watched.next()
    await until('the watch is open', () => Promise.resolve(tap.open.includes(WATCH)))
    tap.moveTo((await overtake(snapshot)).node)
    await expect(next).rejects.toThrow(OutdatedError)
  })

  test('between the listing and the watch', async () => {
    const prefix = newPrefix()
    const tap = await tapped(etcd.node)
    await etcd.client.put(`${prefix}/a`, 'old')
    const snapshot = save()
    await etcd.client.put(`${prefix}/a`, 'lost')
    // With this interval, reconfd sends no request besides the watch, so the watch itself must detect the other
    // cluster.
    const tuning = { ...tuningOf(600_000), moment: 0 }
    const watched = watch(storeAt(tap.node, {}, tuning), [prefix])
    await watched.snapshot()
    tap.moveTo((await overtake(snapshot)).node)
    await expect(watched.next()).rejects.toThrow(OutdatedError)
  })
})
