// The cost of `reconfd register`: 1,000 containers on one registrar and, with RECONFD_LONG=1, 1,000 registrars on one
// etcd server. Prints the measurements.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { RegisterSettings } from '../../src/core/register.ts'
import { RegistryKeeper } from '../../src/register/keeper.ts'
import { etcd as etcdRegistry } from '../../src/register/registries/etcd.ts'
import type { RegistryMemory } from '../../src/register/registries/registry.ts'
import type { Service } from '../../src/register/service.ts'
import { isLong } from '../faults/random.ts'
import { FakeEngine } from '../support/engine.ts'
import { heldByEtcd, startRegister } from '../support/registry.ts'
import { startEtcd, until } from '../support/servers.ts'

const CONTAINERS = 1_000
/** Length of the measurement at rest, in seconds. */
const REST = isLong ? 60 : 5

/** Returns the CPU time that a process has used, in seconds. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const residentMegabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024

test('1,000 containers: little memory, and no writes without changes', async () => {
  const [etcd, engine] = await Promise.all([startEtcd(), FakeEngine.start()])
  for (let n = 0; n < CONTAINERS; n++) {
    const ports = { '80/tcp': [{ HostPort: String(10_000 + n) }] }
    const env = ['SERVICE_NAME=web', 'PATH=/usr/bin:/bin', `SERVICE_REGION=r${n % 7}`]
    engine.run({ name: `c${n}`, env, ports })
  }
  const flags = ['-docker', engine.url, '-ip', '10.0.0.1', '-ttl', '3s', '-log-level', 'warn']
  const run = startRegister(['-to', `etcd://${etcd.node}/services`, ...flags])
  const count = async (): Promise<number> => Object.keys(await heldByEtcd(etcd)).length
  await until('all are registered', async () => (await count()) === CONTAINERS)
  // Gives the registrar time to finish its start.
  await sleep(2_000)
  const [revision, asked, before] = [
    await etcd.client.revision(),
    engine.requests.length,
    cpuOf(run.pid),
  ]
  await sleep(REST * 1_000)
  const cpu = ((cpuOf(run.pid) - before) / REST) * 100
  const memory = residentMegabytes(run.pid)
  process.stdout.write(
    `${CONTAINERS} containers: ${cpu.toFixed(2)} % CPU at rest, ${memory.toFixed(0)} MB, ` +
      `${engine.requests.length - asked} requests to the engine in ${REST} s\n`,
  )
  expect(await etcd.client.revision()).toBe(revision)
  expect(await count()).toBe(CONTAINERS)
  expect(memory).toBeLessThan(90)
  // The limit for the short measurement allows for a busy machine, but a busy loop would still exceed the limit.
  expect(cpu).toBeLessThan(isLong ? 1 : 10)
  run.signal('SIGKILL')
  await run.finished
  await Promise.all([etcd.stop(), engine.kill()])
})

test.runIf(isLong)(
  '1,000 registrars against one etcd',
  async () => {
    const etcd = await startEtcd()
    const keepers = Array.from({ length: 1_000 }, (_, n) => keeperFor(etcd.node, n))
    const runs = keepers.map((keeper) => keeper.run())
    const count = async (): Promise<number> => Object.keys(await heldByEtcd(etcd)).length
    const all = async (): Promise<boolean> => (await count()) === keepers.length
    await until('all are registered', all, { timeout: 120_000 })
    const calls = async (): Promise<number> => {
      const { text } = await etcd.client.http.send('GET', '/metrics')
      const lines = text.split('\n').filter((line) => line.startsWith('grpc_server_started_total'))
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    }
    const [asked, before] = [await calls(), cpuOf(etcd.pid)]
    await sleep(REST * 1_000)
    const [perSecond, cpu] = [(await calls()) - asked, cpuOf(etcd.pid) - before].map(
      (n) => n / REST,
    )
    process.stdout.write(
      `1,000 registrars, TTL 30 s: ${perSecond?.toFixed(0)} requests a second, ` +
        `etcd at ${((cpu ?? 0) * 100).toFixed(0)} % of a core\n`,
    )
    expect(await count()).toBe(keepers.length)
    await Promise.all(keepers.map((keeper) => keeper.stop(1_000)))
    await Promise.all(runs)
    await etcd.stop()
  },
  300_000,
)

function keeperFor(node: string, n: number): RegistryKeeper {
  let kept: RegistryMemory['kept'] = {}
  const memory: RegistryMemory = {
    get kept() {
      return kept
    },
    keep(what) {
      kept = what
      return Promise.resolve()
    },
  }
  const settings = {
    to: { kind: 'etcd', path: '/services', uri: '' },
    connection: { nodes: [node], scheme: 'http' },
    limits: { body: 2 ** 28, message: 2 ** 26 },
    ttl: 30_000,
  } as unknown as RegisterSettings
  const registry = etcdRegistry(settings, memory)
  const keeper = new RegistryKeeper(registry, {
    emit: () => undefined,
    refresh: 10_000,
    resync: 60_000,
  })
  const service: Service = {
    name: 'web',
    id: `r${n}`,
    address: '10.0.0.1',
    port: n + 1,
    tags: [],
    meta: {},
  }
  const entry = registry.entryOf(service)
  if (!entry.ok) throw new Error(entry.error)
  const entries = new Map([[entry.value.key, entry.value]])
  keeper.want({ entries, undecided: new Set(), complete: true })
  return keeper
}
