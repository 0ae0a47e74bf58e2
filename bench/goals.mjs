// Measures the figures that summarize how fast reconfd is: starts, changes, memory and idle CPU. Each figure is printed
// beside that of the floor (floor.mjs). The contenders run alternately or at the same time, so that noise affects them
// equally.
import { existsSync, readFileSync, rmSync, watch } from 'node:fs'
import { dirname, join } from 'node:path'
import { compile, provideBun } from '../scripts/executable.mjs'
import { contenders, PROGRAM } from './contenders.mjs'
import * as lab from './lab.mjs'
import { report } from './results.mjs'

const ROUNDS = 21

const pairs = (count, prefix) =>
  Array.from({ length: count }, (_, n) => [
    `${prefix}/k${String(n).padStart(5, '0')}`,
    `value-${n}`,
  ])

/** Picks one figure of each contender. */
const valuesOf = (medians, kind) =>
  Object.fromEntries(Object.entries(medians).map(([name, run]) => [name, run[kind]]))

/** Returns the command of each contender for a onetime run. Throws if the contenders write different files. */
async function onetime(count, program) {
  const etcd = await lab.startEtcd()
  await etcd.put(pairs(count, '/app'))
  const all = contenders(etcd, () => [{ prefix: '/app' }], { program })
  const commands = Object.fromEntries(Object.entries(all).map(([name, { once }]) => [name, once]))
  for (const command of Object.values(commands)) lab.measure(command)
  const [expected] = Object.values(all).map(({ dests }) => readFileSync(dests[0], 'utf8'))
  for (const [name, { dests }] of Object.entries(all))
    if (readFileSync(dests[0], 'utf8') !== expected)
      throw new Error(`${name} wrote a different file`)
  return commands
}

const BARE = [process.execPath, '-e', '0']

async function onetimeNode() {
  const medians = lab.inTurn({ bare: BARE, ...(await onetime(10, PROGRAM)) }, ROUNDS)
  const what = 'onetime, etcd, 10 keys'
  report(`${what}: wall`, 'ms', valuesOf(medians, 'wall'), { to: 'bare', most: 1.8 })
  report(`${what}: CPU`, 'ms', valuesOf(medians, 'cpu'), { to: 'bare', most: 1.8 })
  report(`${what}: peak memory`, 'MiB', valuesOf(medians, 'memory'), { most: 58 })
}

async function onetimeExecutable() {
  const program = [join(lab.root, '.cache/executable/reconfd')]
  compile(program[0])
  const hello = lab.write(join(lab.tempFolder(), 'hello.mjs'), 'console.log(1)\n')
  const { floor, ...commands } = await onetime(10, program)
  const [bun] = [provideBun()]
  const floors = { bare: [bun, hello], floor: [bun, ...floor.slice(1)] }
  const medians = lab.inTurn({ ...floors, ...commands }, ROUNDS)
  const what = 'onetime, etcd, 10 keys, single executable'
  const to = 'confd' in medians ? { to: 'confd', most: 1.4 } : { to: 'floor' }
  report(`${what}: wall`, 'ms', valuesOf(medians, 'wall'), to)
  report(`${what}: CPU`, 'ms', valuesOf(medians, 'cpu'), to)
  report(`${what}: peak memory`, 'MiB', valuesOf(medians, 'memory'), { most: 40 })
}

async function onetimeLarge() {
  const medians = lab.inTurn(await onetime(10_000, PROGRAM), 11)
  const what = 'onetime, etcd, 10,000 keys'
  report(`${what}: wall`, 'ms', valuesOf(medians, 'wall'), { to: 'floor', most: 2.2 })
  report(`${what}: CPU`, 'ms', valuesOf(medians, 'cpu'), { to: 'floor', most: 2.2 })
  report(`${what}: peak memory`, 'MiB', valuesOf(medians, 'memory'), { to: 'floor' })
}

/** Measures the first render of 500 resources, when neither destinations nor state exist yet. */
async function manyFirst() {
  const etcd = await lab.startEtcd()
  const prefixes = Array.from({ length: 500 }, (_, n) => `/r${n}`)
  await etcd.put(prefixes.flatMap((prefix) => pairs(10, prefix)))
  const all = contenders(etcd, () => prefixes.map((prefix) => ({ prefix })))
  // The floor writes only one file.
  delete all.floor
  const fresh = ({ folder, dests, once }) => {
    for (const dest of dests) rmSync(dest, { force: true })
    rmSync(join(folder, 'state'), { recursive: true, force: true })
    return once
  }
  const commands = Object.entries(all).map(([name, one]) => [name, () => fresh(one)])
  const medians = lab.inTurn(Object.fromEntries(commands), 5)
  const to = 'confd' in medians ? { to: 'confd', most: 1 } : {}
  report('500 resources, first render: wall', 'ms', valuesOf(medians, 'wall'), to)
  report('500 resources, first render: CPU', 'ms', valuesOf(medians, 'cpu'), to)
}

/** Resolves when the file contains the text; rejects after 60 s. */
function arrival(file, text) {
  const holds = () => existsSync(file) && readFileSync(file, 'utf8').includes(text)
  return new Promise((resolve, reject) => {
    const watcher = watch(dirname(file), () => holds() && done())
    const timer = setTimeout(() => done(new Error(`${file} never contained ${text}`)), 60_000)
    const done = (error) => {
      watcher.close()
      clearTimeout(timer)
      if (error === undefined) resolve()
      else reject(error)
    }
    if (holds()) done()
  })
}

/**
 * Measures changes. All contenders run at the same time, and each watches its own keys. The next change is made once
 * the previous one has arrived.
 * @param reload whether to wait for the reload instead of the file
 * @returns for each name: CPU time and time to arrival, in milliseconds per change; memory in MiB
 */
async function changes(store, count, { flags = [], reload = false, rounds = 60 } = {}) {
  const marker = (folder) => join(folder, 'out/reloaded')
  const all = contenders(
    store,
    (name, folder) => [
      {
        prefix: `/${name}`,
        ...(reload ? { reload: `cat ${folder}/out/0 > ${marker(folder)}` } : {}),
      },
    ],
    { durable: true },
  )
  const runs = []
  for (const [name, { folder, dests, watch: words }] of Object.entries(all)) {
    await store.put(pairs(count, `/${name}`))
    const [command, ...args] = words(flags)
    const file = reload ? marker(folder) : dests[0]
    const there = arrival(file, `/${name}/k00003 = value-3\n`)
    const { pid } = lab.start(command, args, { cwd: lab.root, stdio: 'ignore' })
    await there
    runs.push({ name, pid, file, cpu: [], time: [] })
  }
  // The first changes are not counted, because in a daemon that has run for a while, V8 has already compiled the code.
  for (let n = -100; n < rounds; n++) {
    for (const { name, pid, file, cpu, time } of runs) {
      const arrived = arrival(file, `changed-${n};`)
      const before = lab.cpuOf(pid)
      const begin = performance.now()
      await store.put([[`/${name}/k00003`, `changed-${n};`]])
      await arrived
      const took = performance.now() - begin
      if (n < 0) continue
      // Waits for the default quiet time and the deferred cleanup, because their CPU time counts too.
      await lab.sleep(150)
      time.push(took)
      cpu.push(lab.cpuOf(pid) - before)
    }
  }
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
  return Object.fromEntries(
    runs.map(({ name, pid, cpu, time }) => [
      name,
      { cpu: mean(cpu), time: lab.median(time), memory: lab.memoryOf(pid) },
    ]),
  )
}

const GOALS = {
  10: { etcd: 2.5, Consul: 2.5 },
  1000: { etcd: 4, Consul: 6 },
  10_000: { etcd: 9, Consul: 27 },
}

async function changesEtcd() {
  for (const count of [10, 1000, 10_000]) {
    const all = await changes(await lab.startEtcd(), count)
    const keys = `${count.toLocaleString('en')} keys`
    report(`CPU per change, etcd, ${keys}`, 'ms', valuesOf(all, 'cpu'), { most: GOALS[count].etcd })
    if (count !== 1000) {
      const goal = { to: 'floor', most: 1.25 }
      report(`memory under load, etcd, ${keys}`, 'MiB', valuesOf(all, 'memory'), goal)
    }
    await lab.cleanUp()
  }
}

async function changesConsul() {
  for (const count of [10, 1000, 10_000]) {
    const all = await changes(await lab.startConsul(), count)
    const keys = `${count.toLocaleString('en')} keys`
    const most = GOALS[count].Consul
    report(`CPU per change, Consul, ${keys}`, 'ms', valuesOf(all, 'cpu'), { most })
    if (count === 10_000)
      report(`put to destination, Consul, ${keys}`, 'ms', valuesOf(all, 'time'), { most: 27 })
    await lab.cleanUp()
  }
}

async function latency() {
  const flags = ['-debounce', '0']
  const large = await changes(await lab.startEtcd(), 10_000, { flags })
  report('put to destination, etcd, 10,000 keys, -debounce 0', 'ms', valuesOf(large, 'time'), {
    most: 9,
  })
  await lab.cleanUp()
  const small = await changes(await lab.startEtcd(), 10, { flags, reload: true })
  report('put to reload, etcd, 10 keys, -debounce 0', 'ms', valuesOf(small, 'time'), {
    to: 'floor',
    most: 1.1,
  })
}

/** Compares the CPU time of idle daemons with that of a Node process with a one-second timer. */
async function rest() {
  for (const [what, seconds, jobs, count] of [
    ['500 resources, 10 s', 10, 500, 1],
    ['10,000 keys, 20 s', 20, 1, 10_000],
  ]) {
    const etcd = await lab.startEtcd()
    const prefixes = Array.from({ length: jobs }, (_, n) => `/r${n}`)
    await etcd.put(prefixes.flatMap((prefix) => pairs(count, prefix)))
    const all = contenders(etcd, () => prefixes.map((prefix) => ({ prefix })))
    const pids = { bare: lab.start(process.execPath, ['-e', 'setInterval(() => 0, 1000)']).pid }
    for (const [name, { dests, watch: words }] of Object.entries(all)) {
      const [command, ...args] = words()
      pids[name] = lab.start(command, args, { cwd: lab.root, stdio: 'ignore' }).pid
      const last = name === 'floor' ? dests[0] : dests.at(-1)
      await lab.until(() => existsSync(last))
    }
    await lab.sleep(10_000)
    const cpu = () => Object.entries(pids).map(([name, pid]) => [name, lab.cpuOf(pid)])
    const before = Object.fromEntries(cpu())
    await lab.sleep(seconds * 1000)
    const spent = Object.fromEntries(cpu().map(([name, now]) => [name, now - before[name]]))
    report(`CPU at rest, ${what}`, 'ms', spent, { to: 'bare', most: 1.3 })
    await lab.cleanUp()
  }
}

/** The measurements, in the order of the table in the README. */
export const goals = {
  onetimeNode,
  onetimeExecutable,
  onetimeLarge,
  manyFirst,
  changesEtcd,
  changesConsul,
  latency,
  rest,
}
