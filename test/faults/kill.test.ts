// SIGKILL at random instants during a stream of changes, each followed by a restart. About half of the kills also hit
// the descendants, as when a container dies. After about half of the kills, the stream pauses. Then the next program
// must settle the debts of the killed program by itself, and no later change can hide a lost reload.
import { setTimeout as pass } from 'node:timers/promises'
import { afterAll, beforeAll, test } from 'vitest'
import { startConsul, startEtcd, type ConsulServer, type EtcdServer } from '../support/servers.ts'
import { trying, type Trial } from './harness.ts'
import { isLong, printSeed, randomFrom, seed } from './random.ts'
import { etcdStore, fileStore, serverStore } from './stores.ts'

const KILLS = isLong ? 300 : 30
/** Milliseconds. A start takes about 200 and a change including its reload about 200 more, so kills hit every phase. */
const LATEST_KILL = 600
const PACE = 150
const LATEST_AFTER_WRITE = 300

let etcd: EtcdServer
let consul: ConsulServer
beforeAll(async () => {
  printSeed('kill')
  ;[etcd, consul] = await Promise.all([startEtcd(), startConsul()])
})
afterAll(async () => {
  await Promise.all([etcd.stop(), consul.stop()])
})

/** Returns a reload command that takes a while, so that many kills occur between a swap and the end of its reload. */
const slowReload = (record: string): string => `sleep 0.1; ${record}`

async function killAgainAndAgain(trial: Trial, kills: number): Promise<void> {
  const random = randomFrom(seed)
  await trial.write()
  trial.start()
  for (let kill = 1; kill <= kills; kill++) {
    const until = performance.now() + random() * LATEST_KILL
    while (performance.now() < until) {
      await trial.write()
      await pass(PACE * random())
    }
    await pass(LATEST_AFTER_WRITE * random())
    await trial.kill(random() < 0.5)
    trial.start()
    if (random() < 0.5) await trial.settle()
  }
  await trial.settle()
  // The last recorded reload may come from a surviving child of the killed program, while the new program has just
  // started and will repeat that reload. Another change makes sure that the new program has finished before the trial
  // checks that nothing is owed.
  await trial.write()
  await trial.judge()
}

// The time limit is enough for all `KILLS`, most of which happen with etcd.
const LIMIT = 120_000 + KILLS * 10_000

test(`etcd: killed ${KILLS * 0.6} times`, { timeout: LIMIT }, async () => {
  await trying(etcdStore(etcd.client, [etcd.node]), { reload: slowReload }, (trial) =>
    killAgainAndAgain(trial, KILLS * 0.6),
  )
})

test(`Consul: killed ${KILLS * 0.2} times`, { timeout: LIMIT }, async () => {
  await trying(
    serverStore('consul', consul.client, [consul.node]),
    { reload: slowReload },
    (trial) => killAgainAndAgain(trial, KILLS * 0.2),
  )
})

test(`file: killed ${KILLS * 0.2} times`, { timeout: LIMIT }, async () => {
  const store = fileStore()
  try {
    await trying(store, { reload: slowReload }, (trial) => killAgainAndAgain(trial, KILLS * 0.2))
  } finally {
    store.close()
  }
})
