// A cluster of three etcd members loses the member that the program uses, either the leader or a follower.
import { afterAll, beforeAll, test } from 'vitest'
import { startEtcdCluster, type EtcdCluster, type Member } from '../support/etcd-cluster.ts'
import { until } from '../support/until.ts'
import { trying, type Trial } from './harness.ts'
import { isLong } from './random.ts'
import { etcdStore } from './stores.ts'

let cluster: EtcdCluster
beforeAll(async () => {
  cluster = await startEtcdCluster()
})
afterAll(async () => {
  await cluster.stop()
})

interface Scene {
  readonly trial: Trial
  /** The member that the program uses, because it is the first of the program's nodes. */
  readonly first: Member
}

/** Runs a trial whose program uses the leader or a follower. The trial writes through another member. */
async function withCluster(whom: 'leader' | 'follower', use: (scene: Scene) => Promise<void>) {
  const leader = await until('a leader', () => cluster.leader().catch(() => undefined))
  const followers = cluster.members.filter((member) => member !== leader)
  const order = whom === 'leader' ? [leader, ...followers] : [...followers, leader]
  const [first, , last] = order as [Member, Member, Member]
  const nodes = order.map(({ node }) => node)
  await trying(etcdStore(last.client, nodes), {}, (trial) => use({ trial, first }))
}

/** Writes `count` states and repeats each write that the cluster refuses while it elects a new leader. */
async function writesWhenTaken(trial: Trial, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await until('a write is taken', () =>
      trial.write().then(
        () => true,
        () => false,
      ),
    )
  }
}

const members = ['leader', 'follower'] as const

test.each(members)('the %s is killed and comes back', async (whom) => {
  await withCluster(whom, async ({ trial, first }) => {
    await trial.begin()
    await first.process.kill()
    await writesWhenTaken(trial, 5)
    await trial.settle()
    await first.process.start()
    await writesWhenTaken(trial, 2)
    await trial.judge()
  })
})

// These tests are slow, because only a timeout can tell the program that its member is silent.
test.each(isLong ? members : (['leader'] as const))(
  'the %s is stopped and continues',
  async (whom) => {
    await withCluster(whom, async ({ trial, first }) => {
      await trial.begin()
      first.process.pause()
      await writesWhenTaken(trial, 5)
      await trial.settle()
      first.process.resume()
      await writesWhenTaken(trial, 2)
      await trial.judge()
    })
  },
)
