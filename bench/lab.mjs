// Common code of the measurements: temporary folders, servers, the built program, CPU time and medians.
import { spawn, spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { locate } from '../scripts/servers.mjs'
import { root } from '../scripts/prepare.mjs'

export const cli = join(root, 'dist/cli.js')
export { root, sleep }

const cleanups = []
export async function cleanUp() {
  for (const clean of cleanups.splice(0).reverse()) await clean()
}

export function tempFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'reconfd-bench-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function write(path, text) {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** Starts a process, which is killed at the end of the bench if it is still running. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options })
  let log = ''
  let first = ''
  child.stderr?.on('data', (chunk) => {
    log = (log + chunk).slice(-4000)
    if (first.length < 4000) first += chunk
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  cleanups.push(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal)
    await exited
  }
  return { pid: child.pid, stop, exited, log: () => log, firstLog: () => first }
}

/**
 * Runs a command and waits until it exits.
 * @returns wall and CPU time in milliseconds, peak memory in MiB
 */
export function measure([command, ...args], options = {}) {
  const wrapped = [join(root, 'bench/rusage.pl'), command, ...args]
  const stdio = ['ignore', 'ignore', 'pipe', 'pipe']
  const begin = process.hrtime.bigint()
  const { status, stderr, output } = spawnSync('perl', wrapped, { cwd: root, ...options, stdio })
  const wall = Number(process.hrtime.bigint() - begin) / 1e6
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${status}\n${stderr}`)
  const [cpu, memory] = String(output[3]).split(' ').map(Number)
  return { wall, cpu: cpu / 1000, memory: memory / 1024 }
}

/**
 * Runs programs alternately, so that noise affects all equally. The first round is not counted.
 * @param commands a command for each name: a list of words, or a function that returns such a list for each run
 * @returns the medians for each name
 */
export function inTurn(commands, rounds) {
  const runs = Object.fromEntries(Object.keys(commands).map((name) => [name, []]))
  for (let round = -1; round < rounds; round++) {
    for (const [name, command] of Object.entries(commands)) {
      const run = measure(typeof command === 'function' ? command() : command)
      if (round >= 0) runs[name].push(run)
    }
  }
  const medians = (all) =>
    Object.fromEntries(
      ['wall', 'cpu', 'memory'].map((kind) => [kind, median(all.map((run) => run[kind]))]),
    )
  return Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, medians(all)]))
}

/** Starts an empty Consul; put() writes pairs to the key-value store, 50 per transaction. */
export async function startConsul() {
  const server = locate('consul')
  if (server === undefined) throw new Error('no Consul: run node scripts/servers.mjs first')
  const [http, rpc, lan, wan] = await Promise.all([0, 0, 0, 0].map(freePort))
  const ports = { http, server: rpc, serf_lan: lan, serf_wan: wan, dns: -1, grpc: -1 }
  const config = { server: true, bootstrap: true, bind_addr: '127.0.0.1', ports }
  // By default, an agent accepts at most 200 connections from one client.
  const limits = { http_max_conns_per_client: 4000 }
  const hcl = `-hcl=${JSON.stringify({ ...config, limits, disable_update_check: true })}`
  const env = { ...process.env, ...server.env }
  const { pid } = start(server.path, ['agent', `-data-dir=${tempFolder()}`, hcl], { env })
  const url = `http://127.0.0.1:${http}/v1`
  const call = async (path, body) => {
    const answer = await fetch(url + path, { method: 'PUT', body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`Consul ${path}: ${answer.status} ${await answer.text()}`)
  }
  await until(() =>
    call('/kv/ready', 1).then(
      () => true,
      () => false,
    ),
  )
  return {
    pid,
    backend: 'consul',
    node: `127.0.0.1:${http}`,
    port: http,
    call,
    async put(pairs) {
      for (let n = 0; n < pairs.length; n += 50) {
        const sets = pairs.slice(n, n + 50).map(([key, value]) => ({
          KV: { Verb: 'set', Key: key.slice(1), Value: Buffer.from(value).toString('base64') },
        }))
        await call('/txn', sets)
      }
    },
  }
}

/** Starts an empty etcd; put() writes pairs, 100 per transaction. */
export async function startEtcd() {
  const server = locate('etcd')
  if (server === undefined) throw new Error('no etcd: run node scripts/servers.mjs first')
  const [client, peer] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${client}`
  const peerUrl = `http://127.0.0.1:${peer}`
  const args = [
    '--data-dir',
    tempFolder(),
    '--listen-client-urls',
    url,
    '--advertise-client-urls',
    url,
  ]
  args.push('--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl)
  args.push('--initial-cluster', `default=${peerUrl}`)
  start(server.path, args, {
    env: { ...process.env, ...server.env },
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  const call = async (path, body) => {
    const answer = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`etcd ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const b64 = (text) => Buffer.from(text).toString('base64')
  await until(() =>
    call('/v3/maintenance/status', {}).then(
      () => true,
      () => false,
    ),
  )
  return {
    backend: 'etcdv3',
    node: `127.0.0.1:${client}`,
    port: client,
    async put(pairs) {
      for (let n = 0; n < pairs.length; n += 100) {
        const success = pairs
          .slice(n, n + 100)
          .map(([key, value]) => ({ requestPut: { key: b64(key), value: b64(value) } }))
        await call('/v3/kv/txn', { success })
      }
    },
  }
}

export async function until(condition, deadline = 60_000) {
  const end = Date.now() + deadline
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`the condition was not met within ${deadline} ms`)
    await sleep(20)
  }
}

/** CPU time of a process and all its threads, without its children, in milliseconds. */
export function cpuOf(pid) {
  let nanoseconds = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
  }
  return nanoseconds / 1e6
}

export function memoryOf(pid) {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line[1]) / 1024
}

/** The number of established connections from a process to a port of this machine. */
export function connectionsTo(pid, port) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      } catch {
        return undefined // the descriptor was closed in the meantime
      }
    }),
  )
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
  return rows.filter((row) => {
    const columns = row.trim().split(/\s+/)
    return columns[2]?.endsWith(`:${hex}`) && columns[3] === '01' && sockets.has(columns[9])
  }).length
}

/** Watches for writes to a file: next() resolves at the first write after the call. */
export function bellOn(path) {
  writeFileSync(path, '')
  let rings = 0
  let wake = () => undefined
  const watcher = watch(path, () => {
    rings++
    wake()
  })
  cleanups.push(() => watcher.close())
  return {
    get rings() {
      return rings
    },
    next: () => new Promise((resolve) => (wake = resolve)),
  }
}

export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
export const ms = (value) => `${value.toFixed(1)} ms`

/** Prints one row of the result: its name, the figure, and its bound. */
export function row(what, figure, bound, holds) {
  const mark = bound === undefined ? '' : `  (at most ${bound}: ${holds ? 'holds' : 'EXCEEDED'})`
  console.log(`${what.padEnd(62)} ${figure}${mark}`)
}
