// npm run bench -- [-against FILE] [name...]: measures how fast reconfd is. Many figures come with those of the floor
// (floor.mjs) and of the programs listed in RECONFD_BENCH_PEERS, measured in the same run. Machines are noisy: compare
// the ratios, not the milliseconds.
//   goals      measures the rows of bench/goals.mjs; if all are measured, the table in the README is updated
//   -against   reports the ratios that are more than 15 % worse than in FILE, which is a file in bench/results/
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from '../scripts/executable.mjs'
import { build, installPackages, step } from '../scripts/prepare.mjs'
import { consulLoad } from './consul-load.mjs'
import { PROGRAM } from './contenders.mjs'
import { goals } from './goals.mjs'
import * as lab from './lab.mjs'
import { compare, keep } from './results.mjs'

const { row, ms, median } = lab

/** Measures an empty Node program, `reconfd -version` and a onetime run of the sample, in milliseconds. */
function startTimes(program) {
  const sample = ['-onetime', '-file', 'keys.yaml', '-confdir', '.', '-state-dir']
  const commands = {
    bare: [process.execPath, '-e', '0'],
    version: [...program, '-version'],
    onetime: [...program, ...sample, join(lab.tempFolder(), 'state')],
  }
  return Object.values(lab.inTurn(commands, 25)).map(({ wall }) => wall)
}

function startup() {
  const [bare, version, onetime] = startTimes(PROGRAM)
  row('bare node -e 0', ms(bare))
  row(
    'reconfd -version',
    `${ms(version)}, ${(version / bare).toFixed(2)} times bare`,
    '1.5 times',
    version / bare <= 1.5,
  )
  row(
    'onetime run of the sample',
    `${ms(onetime)}, ${(onetime / bare).toFixed(2)} times bare`,
    '2.5 times',
    onetime / bare <= 2.5,
  )
}

/** Starts a daemon for one or more resources, in its own folder. */
async function daemon(etcd, resources, flags = [], [command, ...first] = PROGRAM) {
  const folder = lab.tempFolder()
  resources.forEach(({ keys, template, reload }, n) => {
    const reloadLine = reload === undefined ? '' : `reload_cmd = '${reload}'\n`
    lab.write(
      join(folder, `conf.d/r${n}.toml`),
      `[template]\nsrc = "t${n}.njk"\ndest = "${folder}/out${n}"\nkeys = ${JSON.stringify(keys)}\n${reloadLine}`,
    )
    lab.write(join(folder, `templates/t${n}.njk`), template)
  })
  const args = ['-watch', '-backend', 'etcdv3', '-node', etcd.node, '-confdir', folder]
  const child = lab.start(command, [
    ...first,
    ...args,
    '-state-dir',
    join(folder, 'state'),
    ...flags,
  ])
  await lab.until(() => resources.every((_, n) => existsSync(join(folder, `out${n}`))))
  return { ...child, folder, out: (n = 0) => readFileSync(join(folder, `out${n}`), 'utf8') }
}

const pairs = (count, prefix = '/app') =>
  Array.from({ length: count }, (_, n) => [
    `${prefix}/k${String(n).padStart(5, '0')}`,
    `value-${n}`,
  ])
const everything = '{% for p in range("/app") %}{{ p.key }} = {{ p.value }}\n{% endfor %}'

/**
 * The number of changes that are not counted at first. In a daemon that has run for a while, V8 has already compiled
 * the code.
 */
const WARM_UP = 20

/** Returns the CPU time of the daemon per change. Waits until each change has arrived. */
async function cpuPerChange(etcd, resources, changes) {
  const child = await daemon(etcd, resources)
  const change = async (n) => {
    await etcd.put([['/app/k00003', `changed-${n}-${changes}`]])
    await lab.until(() => child.out().includes(`changed-${n}-${changes}`))
    await lab.sleep(120)
  }
  for (let n = 0; n < 10; n++) await change(`warm${n}`)
  const before = lab.cpuOf(child.pid)
  for (let n = 0; n < changes; n++) await change(n)
  const cpu = (lab.cpuOf(child.pid) - before) / changes
  await child.stop()
  return cpu
}

/** Measures the CPU time per change of two daemons, one of them with HTTP, metrics and JSON logs. */
async function observed() {
  const etcd = await lab.startEtcd()
  const folder = lab.tempFolder()
  const watched = ['-http', '127.0.0.1:0', '-log-format', 'json']
  const runs = []
  for (const [name, flags] of Object.entries({ plain: [], watched })) {
    await etcd.put(pairs(100, `/${name}`))
    const resource = {
      keys: [`/${name}`],
      template: everything.replace('/app', `/${name}`),
      reload: `echo 1 > ${join(folder, name)}`,
    }
    runs.push({ name, child: await daemon(etcd, [resource], flags), cpu: 0 })
  }
  const changes = 150
  // The daemons alternate, so that noise affects both equally.
  for (let n = -WARM_UP; n < changes; n++) {
    for (const run of runs) {
      const before = lab.cpuOf(run.child.pid)
      await etcd.put([[`/${run.name}/k00003`, `changed-${n}`]])
      await lab.until(() => run.child.out().includes(`changed-${n}`))
      await lab.sleep(120)
      if (n >= 0) run.cpu += (lab.cpuOf(run.child.pid) - before) / changes
    }
  }
  const [plain, all] = runs.map(({ cpu }) => cpu)
  row('CPU per change, nothing watched', ms(plain))
  row(
    'CPU per change with HTTP, metrics and JSON logs',
    `${ms(all)}, ${(all / plain).toFixed(2)} times`,
    '1.25 times',
    all / plain <= 1.25,
  )
}

async function fewOfMany() {
  const ten = pairs(10)
    .map(([key]) => `{{ getv("${key}") }}\n`)
    .join('')
  const cpu = {}
  for (const count of [100, 10_000]) {
    const etcd = await lab.startEtcd()
    await etcd.put(pairs(count))
    cpu[count] = await cpuPerChange(etcd, [{ keys: ['/app'], template: ten }], 40)
    row(`CPU per change, template reads 10 of ${count} keys`, ms(cpu[count]))
    await lab.cleanUp()
  }
  const ratio = cpu[10_000] / cpu[100]
  row('10,000 keys against 100 keys', `${ratio.toFixed(2)} times`, '2 times', ratio <= 2)
}

async function manyResources() {
  const etcd = await lab.startEtcd()
  const resources = Array.from({ length: 500 }, (_, n) => ({
    keys: [`/r${n}`],
    template: `{% for p in range("/r${n}") %}{{ p.key }} = {{ p.value }}\n{% endfor %}`,
  }))
  for (let n = 0; n < 500; n++) await etcd.put(pairs(10, `/r${n}`))
  const child = await daemon(etcd, resources, ['-log-level', 'debug'])
  await lab.sleep(500)
  const connections = lab.connectionsTo(child.pid, etcd.port)
  await etcd.put([['/r123/k00004', 'changed']])
  await lab.until(() => child.out(123).includes('changed'))
  const logged = child
    .log()
    .split('\n')
    .filter((line) => line.includes('/r123/k00004'))
  row(
    '500 resources, one key changed: what was rendered',
    logged.map((line) => line.split('; ')[1]).join(),
  )
  row('500 resources: connections to the store', String(connections))
}

async function burst() {
  const etcd = await lab.startEtcd()
  await etcd.put(pairs(10))
  const folder = lab.tempFolder()
  const child = await daemon(etcd, [
    { keys: ['/app'], template: everything, reload: `echo 1 >> ${folder}/reloads` },
  ])
  const begin = performance.now()
  for (let n = 0; n < 1000; n++)
    await etcd.put([[`/app/k${String(n % 50).padStart(5, '0')}`, `burst-${n}`]])
  const lasted = performance.now() - begin
  await lab.until(() => child.out().includes('burst-999'))
  await lab.sleep(1500)
  const right = Array.from({ length: 50 }, (_, n) =>
    child.out().includes(`= burst-${950 + n}\n`),
  ).every(Boolean)
  const reloads = readFileSync(join(folder, 'reloads'), 'utf8').split('\n').length - 1
  // One reload at the start of the daemon, one at the start of the burst, one per debounce_max (2 s), one at the end.
  const bound = 3 + Math.ceil(lasted / 2000)
  row(
    `1,000 changes in ${(lasted / 1000).toFixed(1)} s: the final content`,
    right ? 'right' : 'WRONG',
  )
  row('1,000 changes: reloads', String(reloads), String(bound), reloads <= bound)
}

/** Returns the resident memory of the program, and of a Node process that does nothing, in MiB. */
async function idleMemory(program) {
  const etcd = await lab.startEtcd()
  await etcd.put(pairs(10_000))
  const child = await daemon(etcd, [{ keys: ['/app'], template: everything }], [], program)
  const bare = lab.start(process.execPath, ['-e', 'setInterval(() => 0, 1e6)'])
  await lab.sleep(20_000)
  return [lab.memoryOf(child.pid), lab.memoryOf(bare.pid)]
}

const besideBare = (own, node) =>
  `${own.toFixed(0)} MiB, bare Node ${node.toFixed(0)} MiB, ${(own / node).toFixed(2)} times`

async function memory() {
  const [own, node] = await idleMemory(PROGRAM)
  row('memory after 20 s idle with 10,000 keys', besideBare(own, node))
}

/** Measures the status page of 500 resources. A change before each visit forces the daemon to rebuild the page. */
async function statusPage() {
  const folder = lab.tempFolder()
  const keys = join(folder, 'keys.json')
  lab.write(join(folder, 'templates/t.njk'), '{{ getv("/v") }}')
  for (let n = 0; n < 500; n++) {
    const dest = JSON.stringify(join(folder, `out/${n}`))
    const lines = [`src = "t.njk"`, `dest = ${dest}`, 'keys = ["/"]', 'mkdirs = true']
    lab.write(join(folder, `conf.d/resource-${n}.toml`), ['[template]', ...lines, ''].join('\n'))
  }
  lab.write(keys, '{"v": "0"}')
  const where = ['-confdir', folder, '-state-dir', join(folder, 'state'), '-file', keys]
  const daemon = lab.start(process.execPath, [lab.cli, '-watch', '-http', ':0', ...where])
  await lab.until(() => existsSync(join(folder, 'out/499')))
  const address = /status page at (\S+?);/.exec(daemon.firstLog())?.[1]
  const times = []
  let size = 0
  for (let n = 1; n <= 15; n++) {
    lab.write(keys, `{"v": "${n}"}`)
    await lab.until(() => readFileSync(join(folder, 'out/499'), 'utf8') === String(n))
    // The daemon spends at most 5 % of its time on rebuilding the page. After this pause, it may rebuild it again.
    await lab.sleep(2500)
    const begin = process.hrtime.bigint()
    size = (await (await fetch(address)).arrayBuffer()).byteLength
    times.push(Number(process.hrtime.bigint() - begin) / 1e6)
  }
  const time = median(times)
  const what = `500 resources: the status page, ${Math.round(size / 1000)} KB`
  row(what, ms(time), '100 ms', time <= 100)
}

/** Compares run-time changes with reloads while nodes come and go under load (test/haproxy/traffic.test.ts). */
function haproxy() {
  const changes = 60
  const trial = ['node_modules/vitest/vitest.mjs', 'run', 'test/haproxy/traffic.test.ts']
  const long = { RECONFD_LONG: '1', RELEASES: '3.2', CHANGES: String(changes) }
  const { stdout, status } = spawnSync(process.execPath, trial, {
    cwd: lab.root,
    encoding: 'utf8',
    env: { ...process.env, ...long },
  })
  const figures = (way) => JSON.parse(new RegExp(`3.2 ${way}, .*?: (.*)`).exec(stdout)?.[1] ?? '{}')
  const [own, other] = [figures('at run time'), figures('with reloads')]
  if (status !== 0) throw new Error(stdout)
  const beside = (name) => {
    const [less, more] = [own[name], other[name]]
    return `${ms(less)}, with reloads ${ms(more)}, ${(more / less).toFixed(2)} times`
  }
  const what = `HAProxy, ${changes} changes of nodes under load`
  row(`${what}: until a request reaches the new node`, beside('effect'))
  row(`${what}: CPU of HAProxy for each`, beside('haproxyCpu'))
  row(`${what}: CPU of reconfd for each`, beside('reconfdCpu'))
  const failed = ({ failures, requests }) => {
    const count = failures.reduce((sum, text) => sum + Number.parseInt(text, 10), 0)
    return `${count} of ${requests}`
  }
  const holds = own.reloads === 0 && own.failures.length === 0
  row(`${what}: failed requests`, `${failed(own)}, with reloads ${failed(other)}`, '0', holds)
}

/** Compares the single executable with a Node process that does nothing. */
async function singleExecutable() {
  const program = [join(lab.root, '.cache/executable/reconfd')]
  compile(program[0])
  const [bare, version, onetime] = startTimes(program)
  const times = (time) => `${ms(time)}, ${(time / bare).toFixed(2)} times bare`
  row('bare node -e 0', ms(bare))
  row('executable -version', times(version), '0.33 times', version / bare <= 0.33)
  row('executable, onetime run of the sample', times(onetime), '1 times', onetime / bare <= 1)
  const [own, node] = await idleMemory(program)
  const what = 'executable, memory after 20 s idle with 10,000 keys'
  row(what, besideBare(own, node), '1.2 times', own / node <= 1.2)
}

/** Compares both engines in a separate process that only renders. */
function goTemplates() {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/go-templates.mjs'], {
    cwd: lab.root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  const { nunjucks, go, same, size } = JSON.parse(stdout)
  if (!same) throw new Error('the two engines rendered different bytes')
  row(
    `10,000 pairs, ${Math.round(size / 1000)} KB: Go template, nunjucks`,
    `${ms(go)}, ${ms(nunjucks)}, ${(go / nunjucks).toFixed(2)} times`,
    '1.5 times',
    go / nunjucks <= 1.5,
  )
}

const measurements = {
  ...goals,
  startup,
  observed,
  fewOfMany,
  manyResources,
  burst,
  memory,
  statusPage,
  haproxy,
  singleExecutable,
  goTemplates,
  consulLoad,
}

const { values: options, positionals } = parseArgs({
  // Accepts one dash, like reconfd's own flags.
  args: process.argv.slice(2).map((word) => word.replace(/^-(?=against)/, '--')),
  options: { against: { type: 'string' } },
  allowPositionals: true,
})
const named = positionals.flatMap((name) => (name === 'goals' ? Object.keys(goals) : [name]))
const wanted = named.length > 0 ? named : Object.keys(measurements)
for (const name of wanted) {
  if (!Object.hasOwn(measurements, name))
    throw new Error(
      `unknown measurement ${name}; the names are goals, ${Object.keys(measurements).join(', ')}`,
    )
}
installPackages()
step('fetching the servers', process.execPath, ['scripts/servers.mjs'])
build()
for (const name of wanted) {
  console.log(`\n${name}`)
  try {
    await measurements[name]()
  } finally {
    await lab.cleanUp()
  }
}
const command = ['npm run bench --', ...process.argv.slice(2)].join(' ').replace(/ --$/, '')
const file = keep(
  command,
  Object.keys(goals).every((name) => wanted.includes(name)),
)
if (file !== undefined) console.log(`\nresults in ${file}`)
if (options.against !== undefined && compare(options.against) > 0) process.exitCode = 1
