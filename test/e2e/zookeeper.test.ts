// The built program with an ensemble of three ZooKeeper servers. The program's session must move to another server
// when its current server dies, hangs or loses contact with the others. The program must also survive an expired
// session.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectionsTo } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import {
  startEnsemble,
  type EnsembleMember,
  type ZookeeperEnsemble,
} from '../support/zookeeper-ensemble.ts'
import { ask } from '../support/zookeeper.ts'
import { Site, type Running } from './support.ts'

let ensemble: ZookeeperEnsemble
let site: Site
let run: Running
let values = 0

beforeAll(async () => {
  ensemble = await startEnsemble(3000)
})
afterAll(() => ensemble.stop())

beforeEach(async () => {
  const nodes = ensemble.members.flatMap(({ node }) => ['-node', node])
  site = new Site(['-backend', 'zookeeper', ...nodes, '-debounce', '10ms'])
  site.config('')
  site.template('a', '{{ getv("/app/a", "") }}{{ ls("/app") | join(" ") }}\n')
  site.resource('a', { keys: ['/app'] })
  run = site.start('-watch')
  await run.until('the first file', () => site.read('a') !== undefined)
})
afterEach(() => site.close())

/** Writes a value through one member and waits until the file contains it. */
async function changeArrives(by: EnsembleMember): Promise<void> {
  const value = `value ${++values} `
  await by.client.put('/app/a', value)
  await run.until(value, () => site.read('a')?.startsWith(value) === true)
}

const isConnected = ({ port }: EnsembleMember): boolean => connectionsTo(port, run.pid) > 0

/**
 * Returns the only member to which the program has a connection, and the others. While the session moves, there may be
 * two such members.
 */
async function withSession(): Promise<[EnsembleMember, EnsembleMember, EnsembleMember]> {
  const home = await until('one connection', () => {
    const [one, two] = ensemble.members.filter(isConnected)
    return two === undefined && one
  })
  const others = ensemble.members.filter((member) => member !== home)
  return [home, ...(others as [EnsembleMember, EnsembleMember])]
}

test('the member dies: the session moves to another, and writes made meanwhile arrive', async () => {
  const [home, other] = await withSession()
  await changeArrives(other)
  await home.process.kill()
  await other.client.put('/app/meanwhile', '1')
  await run.until('it', () => site.read('a')?.includes('meanwhile') === true)
  const [moved] = await withSession()
  expect(moved).not.toBe(home)
  await changeArrives(other)
  await home.process.start()
  await other.client.del('/app/meanwhile')
  await run.until('it is gone', () => site.read('a')?.includes('meanwhile') === false)
})

test('the member falls silent: the session moves to another', async () => {
  const [home, other] = await withSession()
  home.process.pause()
  try {
    await changeArrives(other)
    await until('the session has moved', () => !isConnected(home))
  } finally {
    home.process.resume()
  }
})

test('without a quorum the file stays, and follows once there is one again', async () => {
  const [home, other, third] = await withSession()
  await changeArrives(home)
  const before = site.read('a')
  await Promise.all([other.process.kill(), third.process.kill()])
  await run.until('it says so', () => run.tells('store-stale'))
  expect(site.read('a')).toBe(before)
  await Promise.all([other.process.start(), third.process.start()])
  await changeArrives(other)
})

test('a session that expires while the program is suspended', async () => {
  const [home, other] = await withSession()
  await changeArrives(other)
  // Suspends the program, as if its machine were suspended.
  run.signal('SIGSTOP')
  /** Returns the number of sessions; undefined if a busy server has not answered in time. */
  const sessions = async (): Promise<number | undefined> => {
    const answer = await ask(home.port, 'cons')
    if (answer === '') return undefined
    return answer.split('\n').filter((line) => line.includes('sid=0x')).length
  }
  const before = await until('the sessions', sessions)
  await until('the server has ended it', async () => ((await sessions()) ?? before) < before)
  await other.client.put('/app/meanwhile', '1')
  run.signal('SIGCONT')
  await run.until('what was missed', () => site.read('a')?.includes('meanwhile') === true)
  expect(run.tells('store-stale')).toBe(true)
  await changeArrives(other)
  await other.client.del('/app/meanwhile')
})
