// Faults of etcd: kills, stops, a partition, a compaction, a restored snapshot, and tokens that expire. Each test has
// its own server. The tests run concurrently because they mostly wait.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { serverBinary, startEtcd, until, type EtcdServer } from '../support/servers.ts'
import { trying, type Trial, type TrialOptions } from './harness.ts'
import { answersCutShort, killedAndStarted } from './scenes.ts'
import { etcdStore, type TrialStore } from './stores.ts'

interface Scene {
  readonly trial: Trial
  readonly etcd: EtcdServer
  /** The proxy between the program and the server. The trial writes directly to the server. */
  readonly proxy: Proxy
}

async function withEtcd(
  use: (scene: Scene) => Promise<void>,
  options: TrialOptions = {},
  extraArgs: readonly string[] = [],
  beforeWrite: (etcd: EtcdServer) => Promise<void> = async () => undefined,
): Promise<void> {
  const etcd = await startEtcd({ extraArgs })
  const proxy = await startProxy(etcd.node)
  try {
    const store = etcdStore(etcd.client, [proxy.node])
    const put: TrialStore['put'] = (keys) => beforeWrite(etcd).then(() => store.put(keys))
    await trying({ ...store, put }, options, (trial) => use({ trial, etcd, proxy }))
  } finally {
    await proxy.close()
    await etcd.stop()
  }
}

describe.concurrent('etcd', () => {
  test('killed and started again', () =>
    withEtcd(({ trial, etcd }) => killedAndStarted(trial, etcd)))

  test('stopped and continued', () =>
    withEtcd(async ({ trial, etcd }) => {
      await trial.begin()
      etcd.pause()
      const writing = trial.attempts(1)
      await trial.untilTold('store-stale')
      etcd.resume()
      await writing
      await trial.writes(3)
      await trial.judge()
    }))

  test('behind a partition', () =>
    withEtcd(async ({ trial, proxy }) => {
      await trial.begin()
      proxy.silence()
      await trial.writes(5)
      await trial.untilTold('store-stale')
      await trial.writes(5)
      proxy.restore()
      await trial.write()
      await trial.judge()
    }))

  test('answers that are cut off', () =>
    withEtcd(({ trial, proxy }) => answersCutShort(trial, proxy, [10, 200, 600, 900])))

  test('compacted while the program was disconnected', () =>
    withEtcd(async ({ trial, etcd, proxy }) => {
      await trial.begin()
      proxy.cut()
      await trial.writes(20)
      await etcd.client.compact()
      await trial.writes(2)
      proxy.restore()
      await trial.settle()
      await trial.write()
      await trial.judge()
    }))

  test('restored from a snapshot: the revision goes back', () =>
    withEtcd(async ({ trial, etcd }) => {
      await trial.begin()
      const then = trial.now
      const snapshot = trial.file('snapshot.db')
      etcdctl(etcd, 'snapshot', 'save', snapshot)
      await trial.writes(20)
      await trial.settle()
      const revision = await etcd.client.revision()
      await etcd.kill()
      rmSync(etcd.dataDir, { recursive: true })
      const sameCluster = etcd.spec.args.filter((arg) => /^--(initial-|data-dir)/.test(arg))
      etcdctl(etcd, 'snapshot', 'restore', snapshot, ...sameCluster)
      await etcd.start()
      expect(await etcd.client.revision()).toBeLessThan(revision)
      trial.storeHolds(then)
      await trial.settle()
      await trial.writes(3)
      await trial.judge()
    }))

  test('tokens that expire', () =>
    withEtcd(
      async ({ trial, etcd, proxy }) => {
        const password = 'a password of the trial'
        const reader = { name: 'reader', password, prefix: trial.prefix }
        await etcd.client.enableAuth('root password', reader)
        await trial.begin()
        // When its watch has been silent for some time, the program sends another request. By then, the token has
        // expired, so the program must renew it.
        const before = await authenticationsAt(etcd)
        await until('a token is renewed', async () => (await authenticationsAt(etcd)) > before)
        await trial.write()
        await trial.settle()
        proxy.cut()
        await trial.write()
        proxy.restore()
        await trial.write()
        await trial.judge()
        expect(trial.program?.output).not.toContain(password)
      },
      {
        extra: ['-username', 'reader', '-password', 'a password of the trial'],
      },
      ['--auth-token-ttl=1'],
      // Authenticates before each write, because the token of the trial's own client expires as well.
      (etcd) => etcd.client.authenticate('root', 'root password'),
    ))
})

function etcdctl(etcd: EtcdServer, ...args: readonly string[]): void {
  const { path, env } = serverBinary('etcdctl')
  const { status, stderr } = spawnSync(path, [`--endpoints=${etcd.url}`, ...args], {
    env: { ...process.env, ...env, ETCDCTL_API: '3' },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`etcdctl ${args.join(' ')}: ${stderr}`)
}

/** Returns how many authentications the server has handled. */
async function authenticationsAt(etcd: EtcdServer): Promise<number> {
  const { text } = await etcd.client.http.ok('GET', '/metrics')
  return Number(
    /^grpc_server_started_total\{grpc_method="Authenticate".*\} (\d+)$/m.exec(text)?.[1] ?? 0,
  )
}
