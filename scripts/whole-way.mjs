// npm run demo -- whole-way: starts containers with small web servers, registers them in a store with
// `reconfd register -docker`, configures HAProxy from the store with `reconfd -watch`, and sends requests continuously
// while containers start and stop.
//
//   node scripts/whole-way.mjs [etcd|consul] [-rounds N]
//
// Exits with 0 if no request has failed. Keeps all its files in a temporary folder. The demo needs root,
// podman, runc and busybox. test/e2e/whole-way.test.ts runs the demo for both stores.
import { spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { Agent, get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { locate, provide } from './servers.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const argv = process.argv.slice(2)
const store = argv.includes('consul') ? 'consul' : 'etcd'
const rounds = argv.includes('-rounds') ? Number(argv[argv.indexOf('-rounds') + 1]) : 3

const missing = ['podman', 'runc', 'busybox'].filter(
  (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0,
)
if (missing.length > 0 || process.getuid() !== 0) {
  console.error(
    `This needs root, podman, runc and busybox; missing: ${missing.join(', ') || 'root'}`,
  )
  process.exit(69)
}

const folder = mkdtempSync(join(tmpdir(), 'reconfd-whole-way-'))
const running = []
let ending = false

function start(name, program, args, options = {}) {
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...options })
  child.log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => (child.log += data))
  }
  child.on('exit', (code) => {
    if (!ending) fail(`${name} exited with ${code}:\n${child.log}`)
  })
  running.push({ name, child })
  return child
}

/** Returns free ports below the ephemeral range of the system. */
async function freePorts(count) {
  const ports = new Set()
  while (ports.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer()
    const isFree = await new Promise((tell) => {
      server.once('error', () => tell(false)).listen(port, '127.0.0.1', () => tell(true))
    })
    if (isFree) ports.add(port)
    await new Promise((closed) => server.close(closed))
  }
  return [...ports]
}

async function until(what, condition, seconds = 60) {
  const deadline = performance.now() + seconds * 1000
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error(
        [
          `timed out after ${seconds} s: ${what}`,
          ...running.map(({ name, child }) => `--- ${name}\n${child.log}`),
        ].join('\n'),
      )
    }
    await sleep(50)
  }
}

const engine = join(folder, 'engine')
const socket = join(folder, 'engine.sock')
const podmanArgs = [
  ...[
    '--root',
    join(engine, 'root'),
    '--runroot',
    join(engine, 'run'),
    '--tmpdir',
    join(engine, 'tmp'),
  ],
  ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--runtime', 'runc'],
  ...['--events-backend', 'file'],
]
function podman(...args) {
  const { status, stderr } = spawnSync('podman', [...podmanArgs, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`podman ${args.join(' ')}: ${stderr}`)
}

/** Makes an image that contains only busybox. */
function makeImage() {
  const files = join(folder, 'image')
  for (const name of ['bin', 'www', 'etc', 'tmp', 'proc', 'sys', 'dev']) {
    mkdirSync(join(files, name), { recursive: true })
  }
  const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim()
  copyFileSync(busybox, join(files, 'bin/busybox'))
  for (const name of ['sh', 'httpd']) symlinkSync('busybox', join(files, 'bin', name))
  const words = ['podman', ...podmanArgs, 'import', '-', 'web:1'].join(' ')
  const made = spawnSync('sh', ['-c', `tar -C ${files} -c . | ${words}`], { encoding: 'utf8' })
  if (made.status !== 0) throw new Error(made.stderr)
}

/** Copies an example file and moves HAProxy's socket to the temporary folder. */
function copyExample(file) {
  const text = readFileSync(join(root, 'examples/whole-way', file), 'utf8')
  const copy = join(folder, 'confd', file)
  mkdirSync(dirname(copy), { recursive: true })
  writeFileSync(copy, text.replace('/tmp/whole-way.sock', join(folder, 'haproxy.sock')))
}

let count = 0
/** Starts a container with a web server that answers with the container's name; returns the name. */
async function runContainer() {
  const name = `web-${++count}`
  const [port] = await freePorts(1)
  const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000']
  const serve = `echo ${name} > /www/index.html; exec httpd -f -p 80 -h /www`
  const labels = ['-e', 'SERVICE_NAME=web', '-p', `127.0.0.1:${port}:80`]
  podman('run', '-d', '--name', name, ...limits, ...labels, 'web:1', '/bin/sh', '-c', serve)
  return name
}

/** Counts the answers of each container and collects the failures. */
const answers = new Map()
const failures = []

function ask(port) {
  return new Promise((resolve) => {
    const request = get({ port, agent: new Agent(), timeout: 10_000 }, (response) => {
      let text = ''
      response.on('data', (data) => (text += data))
      response.on('end', () => {
        if (response.statusCode === 200)
          answers.set(text.trim(), (answers.get(text.trim()) ?? 0) + 1)
        else failures.push(`HTTP ${response.statusCode}`)
        resolve()
      })
      response.on('error', resolve)
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', (error) => {
      failures.push(error.message)
      resolve()
    })
  })
}

async function answered(name) {
  answers.delete(name)
  await until(`${name} answers through HAProxy`, () => answers.has(name))
}

async function silent(name) {
  await until(`${name} is gone from HAProxy`, async () => {
    answers.delete(name)
    await sleep(500)
    return !answers.has(name)
  })
}

async function main() {
  const problems = provide(['etcd', 'consul', 'haproxy'])
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const [port, one, two, three, four, five] = await freePorts(6)
  makeImage()
  start('podman', 'podman', [...podmanArgs, 'system', 'service', '--time', '0', `unix://${socket}`])
  const storeArgs = {
    etcd: [
      ...[`--data-dir=${folder}/store`, `--listen-client-urls=http://127.0.0.1:${one}`],
      ...[
        `--advertise-client-urls=http://127.0.0.1:${one}`,
        `--listen-peer-urls=http://127.0.0.1:${two}`,
      ],
      `--initial-advertise-peer-urls=http://127.0.0.1:${two}`,
      ...[`--initial-cluster=default=http://127.0.0.1:${two}`, '--log-level=error'],
    ],
    consul: [
      ...['agent', '-dev', '-bind', '127.0.0.1', '-http-port', one, '-server-port', two],
      ...['-serf-lan-port', three, '-serf-wan-port', four, '-grpc-port', five, '-dns-port', '-1'],
    ].map(String),
  }[store]
  const { path, env = {} } = locate(store)
  start(store, path, storeArgs, { env: { ...process.env, ...env } })
  await until('podman has created its socket', () => existsSync(socket))

  const haproxy = locate('haproxy')
  const environment = {
    ...process.env,
    ...haproxy.env,
    PATH: `${join(haproxy.path, '..')}:${process.env.PATH}`,
    WHOLE_WAY_PORT: String(port),
  }
  const reconfd = [join(root, 'dist/cli.js')]
  const state = ['-state-dir', join(folder, 'state')]
  const to = store === 'etcd' ? `etcd://127.0.0.1:${one}/services` : `consul://127.0.0.1:${one}`
  const register = ['register', '-to', to, '-docker', `unix://${socket}`, '-ttl', '10s', ...state]
  const backend = store === 'etcd' ? 'etcd' : 'consul-catalog'
  const watch = ['-watch', '-backend', backend, '-node', `127.0.0.1:${one}`, ...state]
  console.log(`$ reconfd ${register.join(' ')}`)
  start('register', process.execPath, [...reconfd, ...register], { env: environment })
  const confdir = ['-confdir', join(folder, 'confd')]
  for (const file of ['conf.d/haproxy.toml', 'templates/haproxy.cfg.njk']) copyExample(file)
  console.log(`$ reconfd ${watch.join(' ')} ${confdir.join(' ')}`)

  let names = [await runContainer(), await runContainer()]
  const watching = start('watch', process.execPath, [...reconfd, ...watch, ...confdir], {
    env: environment,
  })
  const config = join(folder, 'haproxy.cfg')
  // The first configuration may be written before the containers are registered.
  await until('HAProxy has a configuration with servers', () =>
    existsSync(config) ? /^ +server /m.test(readFileSync(config, 'utf8')) : false,
  )
  const balancer = start('haproxy', haproxy.path, ['-W', '-db', '-f', 'haproxy.cfg'], {
    env: environment,
  })
  await until('HAProxy answers', async () => {
    failures.length = 0
    await ask(port)
    return failures.length === 0
  })
  // The pid file is written only now, because an earlier signal would kill HAProxy. The signal below makes HAProxy read
  // changes made in the meantime.
  writeFileSync(join(folder, 'haproxy.pid'), String(balancer.pid))
  balancer.kill('SIGUSR2')

  const asking = (async () => {
    while (!ending) await ask(port)
  })()
  for (const name of names) await answered(name)
  for (let round = 1; round <= rounds; round++) {
    const fresh = await runContainer()
    await answered(fresh)
    const [old] = names
    names = [...names.slice(1), fresh]
    podman(...(round % 2 === 0 ? ['stop', '-t', '0', old] : ['kill', '-s', 'KILL', old]))
    await silent(old)
    const total = [...answers.values()].reduce((sum, one) => sum + one, 0)
    console.log(
      `round ${round}: ${fresh} started, ${old} stopped; ${total} recent answers, ${failures.length} failures`,
    )
  }
  await until('HAProxy is changed without a reload', () =>
    watching.log.includes('without a reload'),
  )
  ending = true
  await asking
}

function fail(why) {
  console.error(why)
  end(1)
}

function end(code) {
  ending = true
  spawnSync('sh', ['-c', `podman ${podmanArgs.join(' ')} rm -fa -t 0 >/dev/null 2>&1`])
  for (const { child } of running.reverse()) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
  process.exit(code)
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(130))
main().then(
  () => {
    if (failures.length > 0)
      fail(`${failures.length} requests failed: ${[...new Set(failures)].join(', ')}`)
    console.log('No request has failed.')
    end(0)
  },
  (error) => fail(error.stack),
)
