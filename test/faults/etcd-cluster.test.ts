// A cluster of three etcd members that loses one: that which the program talks to, and its leader.
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
  /** Whom the program talks to, as the first of its nodes. */
  readonly first: Member
}

/** A trial whose program talks to the leader, or to another member; it writes through the last one. */
async function withCluster(whom: 'leader' | 'follower', use: (scene: Scene) => Promise<void>) {
  const leader = await until('a leader', () => cluster.leader().catch(() => undefined))
  const followers = cluster.members.filter((member) => member !== leader)
  const order = whom === 'leader' ? [leader, ...followers] : [...followers, leader]
  const [first, , last] = order as [Member, Member, Member]
  const nodes = order.map(({ node }) => node)
  await trying(etcdStore(last.client, nodes), {}, (trial) => use({ trial, first }))
}

/** While a new leader is being elected no write is taken. */
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

test.each(members)('the %s is killed and comes back', { timeout: 90_000 }, async (whom) => {
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

// Each takes the time in which the program must notice that its member has fallen silent.
test.each(isLong ? members : (['leader'] as const))(
  'the %s is stopped and continues',
  { timeout: 90_000 },
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
