// SIGKILL at random instants of a stream of changes, and a new start each time; every second time what
// it has started dies with it, as when a container goes. After each second kill the stream pauses, so
// that what the killed program owed has to be made good by the next one, and no later change can hide
// that it was not.
import { setTimeout as pass } from 'node:timers/promises'
import { afterAll, beforeAll, test } from 'vitest'
import { startConsul, startEtcd, type ConsulServer, type EtcdServer } from '../support/servers.ts'
import { trying, type Trial } from './harness.ts'
import { isLong, printSeed, randomFrom, seed } from './random.ts'
import { etcdStore, fileStore, serverStore } from './stores.ts'

const KILLS = isLong ? 300 : 30
/** Milliseconds. A start takes some 200, and a change up to its reload some 200 more: all of it is hit. */
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

/** Long enough for the next swap to find it running, so that many kills come between swap and reload. */
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
  // The last reload may have been made by what the killed program left running, while the next one has
  // only begun, and still means to make it good: let it work before it is asked what it owes.
  await trial.write()
  await trial.judge()
}

// Together `KILLS`, most of them with etcd.
const LIMIT = 60_000 + KILLS * 4000

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
