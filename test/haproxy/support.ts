// Runs a given release of HAProxy for tests of the Runtime API, as a master and its worker, and reads their state.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ok } from '../../src/core/result.ts'
import { sendCommands } from '../../src/haproxy/client.ts'
import type { RecordStorage, Loaded } from '../../src/haproxy/loaded.ts'
import { infoOf, serversOf } from '../../src/haproxy/process.ts'
import { ServerProcess, serverBinary, tempDir } from '../support/servers.ts'
import { until } from '../support/until.ts'

/** The HAProxy releases that can add servers at run time. */
export const ABLE = ['2.6', '3.0', '3.2'] as const

const RECIPE = new URL('../../examples/haproxy/reload-haproxy', import.meta.url)

/** Returns the command line of a release, for check_cmd. */
export function commandOf(release: string): string {
  const { path, env } = serverBinary(`haproxy-${release}`)
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return ['env', ...environment, path].join(' ')
}

/** An HAProxy master and its worker. Their configuration file must contain `stats socket SOCKET level admin`. */
export class Haproxy {
  readonly socket: string
  readonly pidFile: string
  readonly #masterSocket: string
  readonly #process: ServerProcess
  /** The pid of the worker that answered last. */
  #worker: number | undefined

  private constructor(release: string, config: string, dir: string) {
    this.socket = join(dir, 'admin.sock')
    this.pidFile = join(dir, 'haproxy.pid')
    this.#masterSocket = join(dir, 'master.sock')
    this.#process = new ServerProcess({
      name: `haproxy-${release}`,
      args: ['-W', '-S', this.#masterSocket, '-db', '-f', config, '-p', this.pidFile],
      ready: async () => existsSync(this.pidFile) && (await this.id()) !== undefined,
    })
  }

  /**
   * Returns an instance without starting HAProxy, so that the test can first write the configuration file, which must
   * contain the path of the instance's socket.
   */
  static at(release: string, config: string, dir = tempDir('haproxy')): Haproxy {
    return new Haproxy(release, config, dir)
  }

  async start(): Promise<this> {
    await this.#process.start()
    return this
  }

  async stop(): Promise<void> {
    await this.#process.stop()
    rmSync(this.pidFile, { force: true })
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Sends the reload signal. The new worker may start after this method has returned. */
  reload(): void {
    process.kill(this.pid, 'SIGUSR2')
  }

  /** Kills the master and its worker. */
  kill(): void {
    const worker = this.#worker
    process.kill(this.pid, 'SIGKILL')
    if (worker !== undefined) process.kill(worker, 'SIGKILL')
  }

  /** Suspends the worker (SIGSTOP) for `ms` milliseconds. */
  suspend(ms: number): void {
    const worker = this.#worker
    if (worker === undefined) return
    process.kill(worker, 'SIGSTOP')
    setTimeout(() => {
      try {
        process.kill(worker, 'SIGCONT')
      } catch {
        // The worker was killed meanwhile.
      }
    }, ms)
  }

  get pid(): number {
    return Number(readFileSync(this.pidFile, 'utf8'))
  }

  get output(): string {
    return this.#process.output
  }

  /** A reload_cmd that signals the master. The master may lose the signal. */
  get reloadCommand(): string {
    return `kill -USR2 $(cat ${this.pidFile})`
  }

  /** A reload_cmd that runs the script of examples/haproxy, which waits until a new worker serves requests. */
  get confirmedReload(): string {
    return `${fileURLToPath(RECIPE)} ${this.#masterSocket}`
  }

  /** Returns the id of the worker that answers, or undefined if no worker answers. */
  async id(): Promise<string | undefined> {
    const id = infoOf(await this.ask('show info').catch(() => ''))?.id
    if (id !== undefined) this.#worker = Number(id.split(' ', 1)[0])
    return id
  }

  async ask(command: string): Promise<string> {
    return (await sendCommands(this.socket, [command]))[0] ?? ''
  }

  /**
   * Returns one line for each server, sorted: `web/n1 127.0.0.1:80 weight 1`, followed by `maint` or `drain` if set.
   */
  async servers(): Promise<string[]> {
    const backends = serversOf(await this.ask('show servers state')) ?? new Map<string, never>()
    return [...backends]
      .flatMap(([backend, servers]) =>
        [...servers.values()].map(({ name, address, port, weight, isMaintained, isDrained }) => {
          const state = isMaintained ? ' maint' : isDrained ? ' drain' : ''
          return `${backend}/${name} ${address}:${port} weight ${weight}${state}`
        }),
      )
      .sort()
  }

  async has(...lines: readonly string[]): Promise<void> {
    const wanted = JSON.stringify([...lines].sort())
    await until(
      `the servers of HAProxy are ${wanted}`,
      async () => JSON.stringify(await this.servers().catch(() => [])) === wanted,
    ).catch(async (error: unknown) => {
      throw new Error(
        `${String(error)}\nthey are ${JSON.stringify(await this.servers().catch(String))}`,
      )
    })
  }
}

/** Returns in-memory records stating that process `id` has loaded the current content of `dest`. */
export async function keeperOf(
  dest: string,
  sockets: readonly string[],
  id: string,
): Promise<RecordStorage> {
  const content = await readFile(dest, 'latin1')
  const processes = Object.fromEntries(sockets.map((socket) => [socket, { id, leaving: [] }]))
  const loaded: Loaded = { content, others: {}, processes }
  const texts = new Map([[dest, JSON.stringify(loaded)]])
  return {
    get: async (name) => texts.get(name),
    set: async (name, text) => ok(void texts.set(name, text)),
    delete: async (name) => ok(void texts.delete(name)),
  }
}
