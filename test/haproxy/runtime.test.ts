// HAProxy processes that fail in the middle of a change, and connections that outlast their servers.
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RecordStorage } from '../../src/haproxy/loaded.ts'
import { Runtime, type RuntimeAttempt } from '../../src/haproxy/runtime.ts'
import { isLong } from '../faults/random.ts'
import { freePorts, tempDir } from '../support/servers.ts'
import { until } from '../support/until.ts'
import { ABLE, Haproxy, keeperOf } from './support.ts'

/** A relay between reconfd and HAProxy that calls `on` for each command. */
class Relay {
  readonly #server: Server
  /** Returns true to drop the command. */
  on: (text: string) => boolean = () => false

  private constructor(
    readonly path: string,
    target: string,
  ) {
    this.#server = createServer((near) => {
      const far = connect(target)
      for (const socket of [near, far]) socket.on('error', () => undefined)
      near.on('data', (data) => {
        if (!this.on(data.toString())) far.write(data)
      })
      near.on('close', () => far.destroy())
      far.pipe(near)
    })
  }

  static async to(target: string): Promise<Relay> {
    const relay = new Relay(join(tempDir('relay'), 'relay.sock'), target)
    await new Promise<void>((ready) => relay.#server.listen(relay.path, ready))
    return relay
  }

  close(): void {
    this.#server.close()
  }
}

const A = 'a 127.0.0.1:SERVERS'
const B = 'b 127.0.0.2:SERVERS'

/** A configuration file, the processes that have loaded it, and reconfd's records of them. */
class Scene {
  readonly dir = tempDir('runtime')
  readonly dest = join(this.dir, 'haproxy.cfg')
  readonly haproxy: Haproxy
  readonly runtimes: Runtime[] = []
  readonly stuck: string[] = []
  /** For each connection, the address of the server and the first two bytes that the server received. */
  readonly heard = new Set<string>()
  /** The Runtime API sockets that reconfd uses. */
  sockets: readonly string[]
  keeper!: RecordStorage
  #port = 0
  #servers: Server | undefined
  #serverPort = 0

  constructor(release: string) {
    this.haproxy = Haproxy.at(release, this.dest, this.dir)
    this.sockets = [this.haproxy.socket]
  }

  async start(...servers: readonly string[]): Promise<this> {
    const [port = 0] = await freePorts(1)
    this.#port = port
    // Each server echoes its input.
    this.#servers = createServer((socket) => {
      socket.once('data', (data) =>
        this.heard.add(`${socket.localAddress} ${data.toString('latin1', 0, 2)}`),
      )
      socket.on('error', () => undefined).pipe(socket)
    })
    await new Promise<void>((ready) => this.#servers?.listen(0, '0.0.0.0', ready))
    this.#serverPort = (this.#servers.address() as { port: number }).port
    this.write(...servers)
    await this.haproxy.start()
    await this.know()
    return this
  }

  /** Sets the records as they are after a successful reload. */
  async know(): Promise<void> {
    const id = (await this.haproxy.id()) ?? ''
    this.keeper = await keeperOf(this.dest, this.sockets, id)
  }

  write(...servers: readonly string[]): void {
    const lines = servers.map(
      (line) => ` server ${line.replace('SERVERS', String(this.#serverPort))}`,
    )
    const text = [
      'global',
      ` stats socket ${this.haproxy.socket} level admin`,
      'defaults',
      ...[' mode tcp', ' timeout connect 1s', ' timeout client 1m', ' timeout server 1m'],
      'frontend all',
      ` bind 127.0.0.1:${this.#port}`,
      ' default_backend web',
      'backend web',
      ...lines,
    ]
    writeFileSync(this.dest, `${text.join('\n')}\n`)
  }

  runtime(isOnetime = false): Runtime {
    const stuck = (dest: string): void => void this.stuck.push(dest)
    const { keeper } = this
    const runtime = new Runtime({ keeper, emit: () => undefined, stuck, isOnetime })
    this.runtimes.push(runtime)
    return runtime
  }

  attempt(runtime: Runtime, drain = 100): Promise<RuntimeAttempt> {
    const target = { dest: this.dest, sockets: this.sockets, drain, others: [] }
    return runtime.attempt({ targets: [target], strangers: [] })
  }

  /** Returns true if the keeper has a record of `dest`. Without a record, the next change causes a reload. */
  async isKnown(): Promise<boolean> {
    return (await this.keeper.get(this.dest)) !== undefined
  }

  /** Returns the lines of `Haproxy.servers()` without `ADDRESS:PORT weight 1`, such as `web/a maint`. */
  async servers(): Promise<string[]> {
    return (await this.haproxy.servers()).map((line) => line.replace(/ 127\S+ weight 1/, ''))
  }

  async has(...lines: readonly string[]): Promise<void> {
    const wanted = JSON.stringify(lines)
    const isSo = async (): Promise<boolean> => JSON.stringify(await this.servers()) === wanted
    await until(`the servers are ${wanted}`, isSo)
  }

  /** Opens a persistent connection. Resolves when the server has answered on it. */
  async connection(): Promise<Socket> {
    const socket = connect(this.#port, '127.0.0.1')
    socket.on('error', () => undefined)
    await this.echo(socket)
    return socket
  }

  async echo(socket: Socket): Promise<void> {
    const answered = new Promise((answer) => socket.once('data', answer))
    socket.write('hello')
    await answered
  }

  async stop(): Promise<void> {
    for (const runtime of this.runtimes) await runtime.close()
    await this.haproxy.stop()
    this.#servers?.close()
  }
}

let scene: Scene
let relay: Relay | undefined
afterEach(async () => {
  relay?.close()
  relay = undefined
  await scene.stop()
})
const reason = (attempt: RuntimeAttempt): string =>
  attempt.kind === 'declined' ? attempt.reason.code : attempt.changes.join(', ')

describe.each(ABLE)('HAProxy %s', (release) => {
  test('connections outlast their server until the drain ends', async () => {
    scene = await new Scene(release).start(A)
    const runtime = scene.runtime()
    const old = await scene.connection()
    scene.write(B)
    expect(reason(await scene.attempt(runtime, 60_000))).toBe('add web/b, drain web/a')
    expect(await scene.servers()).toEqual(['web/a maint', 'web/b'])
    await scene.echo(old)
    // The server is added back while it drains. HAProxy must keep the same server and its connection.
    scene.write(A, B)
    expect(reason(await scene.attempt(runtime, 60_000))).toBe('keep web/a')
    expect(await scene.servers()).toEqual(['web/a', 'web/b'])
    await scene.echo(old)
    // The server is removed again, and this time the drain ends.
    const cut = new Promise((closed) => old.once('close', closed))
    scene.write(B)
    expect(reason(await scene.attempt(runtime, 200))).toBe('drain web/a')
    await cut
    await scene.has('web/b')
    expect(scene.stuck).toEqual([])
  })

  test('the checks of a new server use TLS and the PROXY protocol as its traffic does', async () => {
    scene = await new Scene(release).start(A)
    const options = 'check inter 100ms fall 1'
    scene.write(A, `${B} ${options} ssl verify none`, `c 127.0.0.3:SERVERS ${options} send-proxy`)
    expect(reason(await scene.attempt(scene.runtime()))).toBe('add web/b, add web/c')
    const tlsHandshake = '\u0016\u0003'
    const wanted = [`127.0.0.2 ${tlsHandshake}`, '127.0.0.3 PR']
    await until('both are checked so', () => wanted.every((one) => scene.heard.has(one)))
  })

  test('on-marked-down does not cut connections of a draining server', async () => {
    const line = `${A} check on-marked-down shutdown-sessions`
    scene = await new Scene(release).start(line, B)
    const runtime = scene.runtime()
    const sockets = [await scene.connection(), await scene.connection()]
    scene.write(B)
    expect(reason(await scene.attempt(runtime, 60_000))).toBe('drain web/a')
    expect(await scene.servers()).toEqual(['web/a drain', 'web/b'])
    for (const socket of sockets) await scene.echo(socket)
    for (const socket of sockets) socket.destroy()
    await scene.has('web/b')
  })
})

describe('failures in the middle of a change', () => {
  beforeEach(async () => {
    scene = await new Scene('3.2').start(A)
    relay = await Relay.to(scene.haproxy.socket)
    scene.sockets = [relay.path]
    await scene.know()
    scene.write(A, B)
  })

  test('HAProxy is killed between two commands: a reload', async () => {
    relay!.on = (text) => {
      if (!text.includes('add server')) return false
      scene.haproxy.kill()
      return true
    }
    expect(reason(await scene.attempt(scene.runtime()))).toBe('runtime-api')
    expect(await scene.isKnown()).toBe(false)
  })

  test('HAProxy is restarted between two commands: a reload, and the new process matches the file', async () => {
    let restarting: Promise<void> | undefined
    relay!.on = (text) => {
      if (!text.includes('add server')) return false
      restarting ??= scene.haproxy.restart()
      // Drops the command, because the previous process may still execute it before it exits.
      return true
    }
    expect(reason(await scene.attempt(scene.runtime()))).toBe('runtime-api')
    await restarting
    expect(await scene.isKnown()).toBe(false)
    await scene.has('web/a', 'web/b')
  })

  test('HAProxy was restarted before: a reload', async () => {
    await scene.haproxy.restart()
    expect(reason(await scene.attempt(scene.runtime()))).toBe('process')
  })

  test('it hangs: a reload', async () => {
    relay!.on = () => true
    expect(reason(await scene.attempt(scene.runtime()))).toBe('runtime-api')
  })

  test('reconfd is killed between two commands: the next run requests a reload', async () => {
    const hung = new Promise<void>((reached) => {
      relay!.on = (text) => {
        if (text.includes('add server')) reached()
        return text.includes('add server')
      }
    })
    const attempt = scene.attempt(scene.runtime())
    await hung
    relay!.on = () => false
    expect(reason(await scene.attempt(scene.runtime()))).toBe('unknown-content')
    await attempt
  })

  test('one of two processes cannot follow: neither is changed', async () => {
    scene.sockets = [relay!.path, `${relay!.path}.none`]
    expect(reason(await scene.attempt(scene.runtime()))).toBe('runtime-api')
    expect(await scene.servers()).toEqual(['web/a'])
  })

  test('one of two sockets fails in the middle: a reload', async () => {
    scene.sockets = [scene.haproxy.socket, relay!.path]
    await scene.know()
    relay!.on = (text) => text.includes('add server')
    scene.write(A, B)
    expect(reason(await scene.attempt(scene.runtime()))).toBe('runtime-api')
    expect(await scene.isKnown()).toBe(false)
  })
})

describe('over a restart of reconfd', () => {
  test('the next run deletes draining servers', async () => {
    scene = await new Scene('3.0').start(A, B)
    const first = scene.runtime()
    const [one, other] = [await scene.connection(), await scene.connection()]
    scene.write(B)
    expect(reason(await scene.attempt(first, 60_000))).toBe('drain web/a')
    await first.close()
    one.destroy()
    other.destroy()
    expect(await scene.servers()).toEqual(['web/a maint', 'web/b'])
    await scene.runtime().resume([scene.dest])
    await scene.has('web/b')
  })

  test('a onetime run waits until all draining servers are deleted', async () => {
    scene = await new Scene('2.6').start(A, B)
    scene.write(B)
    expect(reason(await scene.attempt(scene.runtime(true)))).toBe('drain web/a')
    expect(await scene.servers()).toEqual(['web/b'])
  })
})

test('the reason is the socket, even if the loaded content is unknown', async () => {
  scene = await new Scene('3.2').start(A)
  const runtime = scene.runtime()
  await runtime.forget(scene.dest)
  expect(reason(await scene.attempt(runtime))).toBe('unknown-content')
  scene.sockets = [`${scene.haproxy.socket}.none`]
  expect(reason(await scene.attempt(runtime))).toBe('runtime-api')
})

test('HAProxy 2.2 is reloaded', async () => {
  scene = await new Scene('2.2').start(A)
  scene.write(A, B)
  const runtime = scene.runtime()
  expect(reason(await scene.attempt(runtime))).toBe('version')
  await runtime.forget(scene.dest)
  expect(reason(await scene.attempt(runtime))).toBe('version')
})

test('a process that was started before the change, with the previous file, needs a reload', async () => {
  scene = await new Scene('3.2').start(A)
  const id = await scene.haproxy.id()
  scene.write(A, B)
  expect(reason(await scene.attempt(scene.runtime()))).toBe('add web/b')
  // HAProxy is reloaded just before the attempt, so its new worker has read the previous file.
  scene.write(A)
  scene.haproxy.reload()
  await until(
    'a new worker answers',
    async () => ![id, undefined].includes(await scene.haproxy.id()),
  )
  scene.write(A, B)
  await until('a reload is asked for', () => scene.stuck.length > 0)
  expect(scene.stuck).toEqual([scene.dest])
  expect(await scene.isKnown()).toBe(false)
})

test('a process that a reload has started is recognized', async () => {
  scene = await new Scene('3.2').start(A)
  const runtime = scene.runtime()
  const target = { dest: scene.dest, sockets: scene.sockets, drain: 100, others: [] }
  const mark = await runtime.reloading({ targets: [target], strangers: [] })
  expect(await scene.isKnown()).toBe(false)
  await runtime.reloaded(mark)
  scene.haproxy.reload()
  await until('it is known', () => scene.isKnown())
  scene.write(A, B)
  expect(reason(await scene.attempt(runtime))).toBe('add web/b')
})

test.runIf(isLong)('one change among 5,000 servers', { timeout: 600_000 }, async () => {
  const servers = (first: number): string[] =>
    Array.from({ length: 5000 }, (_, n) => {
      const host = first + n
      return `n${host} 127.1.${host >> 7}.${1 + (host & 127)}:SERVERS check inter 60s`
    })
  scene = await new Scene('3.2').start(...servers(0))
  const runtime = scene.runtime()
  const times: number[] = []
  for (let first = 1; first <= 30; first++) {
    scene.write(...servers(first))
    const before = process.cpuUsage()
    expect((await scene.attempt(runtime)).kind).toBe('applied')
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1000)
  }
  const median = times.toSorted((a, b) => a - b)[15]
  process.stdout.write(`5,000 servers: ${median?.toFixed(1)} ms of processor time for a change\n`)
})
