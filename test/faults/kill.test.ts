// SIGKILL at random instants of a stream of changes, and a new start each time. Two kills in three
// are followed by more changes; after each third the stream pauses, so that what the killed program
// owed has to be made good by the next one, and no later change can hide that it was not.
import { setTimeout as pass } from 'node:timers/promises'
import { afterAll, beforeAll, test } from 'vitest'
import { startConsul, startEtcd, type ConsulServer, type EtcdServer } from '../support/servers.ts'
import { trying, type Trial } from './harness.ts'
import { isLong, printSeed, randomFrom, seed } from './random.ts'
import { fileStore, serverStore } from './stores.ts'

const KILLS = isLong ? 300 : 30
/** A start takes some 200 ms here, and a change then some 20: all of it is hit. */
const LATEST_KILL = 700
const PACE = 15

let etcd: EtcdServer
let consul: ConsulServer
beforeAll(async () => {
  printSeed('kill')
  ;[etcd, consul] = await Promise.all([startEtcd(), startConsul()])
})
afterAll(async () => {
  await Promise.all([etcd.stop(), consul.stop()])
})

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
    await trial.kill()
    trial.start()
    if (kill % 3 === 0) await trial.settle()
  }
  await trial.judge()
}

// Together `KILLS`, most of them with etcd.
const LIMIT = 60_000 + KILLS * 4000

test(`etcd: killed ${KILLS * 0.6} times`, { timeout: LIMIT }, async () => {
  await trying(serverStore('etcdv3', etcd.client, [etcd.node]), {}, (trial) =>
    killAgainAndAgain(trial, KILLS * 0.6),
  )
})

test(`Consul: killed ${KILLS * 0.2} times`, { timeout: LIMIT }, async () => {
  await trying(serverStore('consul', consul.client, [consul.node]), {}, (trial) =>
    killAgainAndAgain(trial, KILLS * 0.2),
  )
})

test(`file: killed ${KILLS * 0.2} times`, { timeout: LIMIT }, async () => {
  const store = fileStore()
  try {
    await trying(store, {}, (trial) => killAgainAndAgain(trial, KILLS * 0.2))
  } finally {
    store.close()
  }
})
