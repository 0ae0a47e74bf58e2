// A server process for a test. It starts on free loopback ports in its own folder, counts as started once it answers,
// and is killed when the test process exits.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { locate, provide, type Located } from '../../scripts/servers.mjs'
import { leftovers } from './leftovers.ts'
import { until } from './until.ts'

/**
 * Returns the path of a server program and its environment. Downloads the program if it is missing, and throws if the
 * download fails.
 */
export function serverBinary(name: string): Located {
  const problems = provide([name])
  const found = locate(name)
  if (found === undefined) throw new Error(problems.join('\n'))
  return found
}

/** Creates a folder, in /dev/shm if the machine has it, because syncs cost nothing there. */
export function tempDir(name: string): string {
  const folder = mkdtempSync(
    join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `reconfd-${name}-`),
  )
  leftovers.folders.add(folder)
  return folder
}

export function removeDir(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  leftovers.folders.delete(folder)
}

// The kernel gives ports of its own choice (ip_local_port_range, from 32768) to clients and to servers that ask for any
// port. Below these ports, each worker of Vitest has its own range. So nobody else takes a port before its server
// starts, between a kill and a restart of its server, or while a test relies on a port without a server.
const [FIRST_PORT, LAST_PORT] = [10_240, 32_767]
const WORKERS = 16
const RANGE = Math.floor((LAST_PORT + 1 - FIRST_PORT) / WORKERS)
const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS
/** The next candidate in the range. A worker runs one file after another, so each file starts at another place. */
let candidate = Math.floor(Math.random() * RANGE)

/** Returns different free ports. In this run of the tests, nobody else uses them. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > RANGE) throw new Error(`fewer than ${count} of ${RANGE} ports are free`)
    const port = FIRST_PORT + worker * RANGE + (candidate++ % RANGE)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const listener = createServer()
    listener.once('error', () => resolve(false))
    listener.listen(port, '127.0.0.1', () => listener.close(() => resolve(true)))
  })
}

export interface ProcessSpec {
  readonly name: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Resolves to true once the server answers requests. Called repeatedly. */
  readonly ready: () => Promise<boolean>
  /** A port that `ready` does not try. The server may open it a little later, so the start waits for it, too. */
  readonly securePort?: number | undefined
}

/** A server that keeps its arguments, ports and folder across restarts. */
export class ServerProcess {
  #child: ChildProcess | undefined
  #output = ''

  constructor(readonly spec: ProcessSpec) {}

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.spec.name} is not running`)
    return this.#child.pid
  }

  /** The last 64 KB of the server's output. */
  get output(): string {
    return this.#output
  }

  async start(): Promise<void> {
    const { path, env } = serverBinary(this.spec.name)
    const child = spawn(path, this.spec.args, {
      env: { ...process.env, ...env, ...this.spec.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    leftovers.children.add(child)
    child.once('exit', () => leftovers.children.delete(child))
    child.once('error', (error) => (this.#output += error.message))
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        this.#output = (this.#output + data.toString()).slice(-65536)
      })
    }
    await until(`${this.spec.name} is ready`, async () => {
      if (!isRunning(child)) {
        throw new Error(`${this.spec.name} ended at its start:\n${this.#output}`)
      }
      const { ready, securePort } = this.spec
      return (await ready()) && (securePort === undefined || accepts(securePort))
    })
  }

  /** Sends SIGTERM and waits for the exit. Sends SIGKILL after 5 s. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** Sends SIGKILL and waits for the exit. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Starts the server again with the same ports and data. Kills it first if it is running. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Stops the process (SIGSTOP): connections stay open, but nothing arrives, as in a partition. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || !isRunning(child)) return
    const exited = new Promise((exit) => child.once('exit', exit))
    child.kill(signal)
    child.kill('SIGCONT')
    const lastResort = setTimeout(() => child.kill('SIGKILL'), 5000)
    await exited
    clearTimeout(lastResort)
  }
}

/** Returns true if a server accepts connections on the port of 127.0.0.1. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const done = (accepted: boolean) => () => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once('connect', done(true)).once('error', done(false))
  })
}

const isRunning = (child: ChildProcess): boolean =>
  child.exitCode === null && child.signalCode === null && child.pid !== undefined

/** Calls `start` with free ports, up to three times, because another program may take a port meanwhile. */
export async function startOnFreePorts<T>(
  count: number,
  start: (ports: readonly number[]) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePorts(count))
    } catch (error) {
      if (attempt === 3 || !/in use/i.test(String(error))) throw error
    }
  }
}
