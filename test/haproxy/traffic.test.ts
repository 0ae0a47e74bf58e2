// Nodes come and go under load. With the Runtime API, there must be no reload and only one process, no request may
// fail, and no connection may be cut before the `drain` time is over. With RECONFD_LONG=1, the test makes 1,000 node
// changes with and without the Runtime API. The test prints figures, and docs/haproxy.md quotes the ratios of these
// figures.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Site, type Running } from '../e2e/support.ts'
import { isLong } from '../faults/random.ts'
import { freePorts } from '../support/servers.ts'
import { until } from '../support/until.ts'
import { adminSocket, haproxyTemplate, serversBelow } from '../support/haproxy-template.ts'
import { Load, LONG, Nodes, type LoadResult } from './load.ts'
import { ABLE, Haproxy } from './support.ts'

/** Each change removes one node and adds another. */
const CHANGES = Number(process.env['CHANGES'] ?? (isLong ? 500 : 15))
const RELEASES = process.env['RELEASES']?.split(' ') ?? (isLong ? ABLE : ['3.2'])
const AT_ONCE = 10
const DRAIN = 20 * LONG

/** The cost of a series of changes. CPU times are in milliseconds per change. */
interface Figures extends LoadResult {
  readonly reloads: number
  readonly workers: number
  /** The peak memory of all workers together, in MB. */
  readonly memory: number
  readonly haproxyCpu: number
  readonly reconfdCpu: number
  /** The median time in milliseconds from the change of the key to the first request that reaches the new node. */
  readonly effect: number
  readonly isOneProcess: boolean
}

let ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.reverse()) await end()
  ends = []
})

const node = (n: number): string => `127.0.${1 + Math.floor(n / 200)}.${1 + (n % 200)}`

async function churn(release: string, isRuntime: boolean): Promise<Figures> {
  const nodes = await new Nodes().start()
  ends.push(() => nodes.stop())
  const [port = 0] = await freePorts(1)
  const store: string[] = []
  const site = new Site(store)
  ends.push(() => site.close())
  site.config('')
  const keys = site.path('keys.json')
  store.push('-backend', 'file', '-file', keys, '-poll-interval', '20ms', '-debounce', '0')
  const haproxy = Haproxy.at(release, site.path('haproxy.cfg'), join(site.root, 'out'))
  site.template('haproxy.cfg', template(port, haproxy.socket))
  const tables = { haproxy: { socket: haproxy.socket, drain: `${DRAIN}ms` } }
  site.resource(
    'haproxy.cfg',
    {
      reload_cmd: `echo reload >> ${site.path('reloads')}; [ ! -e ${haproxy.pidFile} ] || ${haproxy.confirmedReload}`,
    },
    isRuntime ? tables : {},
  )
  const set = (first: number): void => {
    const web: Record<string, string> = {}
    for (let n = first; n < first + AT_ONCE; n++) web[`n${n}`] = `${node(n)}:${nodes.port}`
    writeFileSync(keys, JSON.stringify({ web }))
  }
  set(0)
  expect((await site.start('-onetime').finished).code).toBe(0)
  await haproxy.start()
  ends.push(() => haproxy.stop())
  const run = site.start('-watch')
  const load = new Load(port).start()
  // After this change, reconfd knows what HAProxy has loaded.
  set(1)
  await reaches(load, node(AT_ONCE))
  await until('it is known', () => !isRuntime || isKnown(site))
  const isAlone = (): boolean => workersOf(haproxy.pid).length === 1
  await until('the worker before the reload has ended', isAlone)
  return measured(run, site, haproxy, load, set)
}

const isKnown = (site: Site): boolean => {
  const folders = readdirSync(join(site.root, 'state')).filter((name) =>
    name.startsWith('haproxy-'),
  )
  return folders.some((name) => readdirSync(join(site.root, 'state', name)).length > 0)
}

async function measured(
  run: Running,
  site: Site,
  haproxy: Haproxy,
  load: Load,
  set: (first: number) => void,
): Promise<Figures> {
  const [id, reloads] = [await haproxy.id(), site.lines('reloads')]
  // The previous reload has closed persistent connections, so the results so far do not count.
  load.reset()
  const before = [cpuOf(haproxy.pid), cpuOf(run.pid)] as const
  let [workers, memory] = [0, 0]
  const effects: number[] = []
  for (let change = 1; change <= CHANGES; change++) {
    const began = performance.now()
    set(1 + change)
    await reaches(load, node(AT_ONCE + change))
    effects.push(performance.now() - began)
    const now = workersOf(haproxy.pid)
    workers = Math.max(workers, now.length)
    memory = Math.max(
      memory,
      now.reduce((sum, pid) => sum + memoryOf(pid), 0),
    )
  }
  const cpu = [cpuOf(haproxy.pid), cpuOf(run.pid)] as const
  const result = await load.stop()
  const lines = Array.from({ length: AT_ONCE }, (_, n) => `n${1 + CHANGES + n}`)
  // A removed server is deleted once its last connection has ended.
  await until('the servers are those of the file', async () => {
    const names = (await haproxy.servers()).map((line) => /^web\/(\S+)/.exec(line)?.[1])
    return names.toSorted().join() === lines.toSorted().join()
  })
  return {
    ...result,
    reloads: site.lines('reloads') - reloads,
    workers,
    memory: Math.round(memory),
    haproxyCpu: round((cpu[0] - before[0]) / CHANGES),
    reconfdCpu: round((cpu[1] - before[1]) / CHANGES),
    effect: round(effects.toSorted((a, b) => a - b)[Math.floor(effects.length / 2)] ?? 0),
    isOneProcess: (await haproxy.id()) === id,
  }
}

const round = (value: number): number => Math.round(value * 10) / 10

const reaches = (load: Load, address: string): Promise<boolean> =>
  until(
    `a request reaches ${address}`,
    async () => (await load.reach().catch(() => '')) === address,
    { timeout: 60_000, every: 1 },
  )

const statOf = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
  } catch {
    return []
  }
}
/** Returns the pids of the children of a master, including zombies. */
function workersOf(master: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => Number(statOf(pid)[1]) === master)
}
/** Returns the CPU time of a process in milliseconds, including that of its children. */
function cpuOf(pid: number): number {
  const own = statOf(pid)
    .slice(11, 15)
    .reduce((sum, ticks) => sum + Number(ticks) * 10, 0)
  return own + workersOf(pid).reduce((sum, child) => sum + cpuOf(child), 0)
}
const memoryOf = (pid: number): number => (Number(statOf(pid)[21] ?? 0) * 4096) / 1e6

const template = (port: number, socket: string): string =>
  haproxyTemplate({
    port,
    global: adminSocket(socket),
    client: '60s',
    server: '60s',
    servers: serversBelow('/web', ' check inter 1s'),
  })

describe('nodes come and go under load', { timeout: isLong ? 7_200_000 : 180_000 }, () => {
  test.each(RELEASES)('HAProxy %s at run time', async (release) => {
    const figures = await churn(release, true)
    print(`${release} at run time`, figures)
    expect(figures.failures).toEqual([])
    expect(figures.conversations).toBeGreaterThan(0)
    expect(figures).toMatchObject({ reloads: 0, isOneProcess: true, workers: 1 })
  })

  test.runIf(isLong).each(RELEASES)('HAProxy %s with reloads', async (release) => {
    const figures = await churn(release, false)
    print(`${release} with reloads`, figures)
    expect(figures.reloads).toBeGreaterThan(0)
  })
})

function print(what: string, { failures, ...figures }: Figures): void {
  const kinds = [...new Set(failures)].map(
    (one) => `${failures.filter((other) => other === one).length} × ${one}`,
  )
  process.stdout.write(
    `${what}, ${CHANGES} changes: ${JSON.stringify({ ...figures, failures: kinds })}\n`,
  )
}
