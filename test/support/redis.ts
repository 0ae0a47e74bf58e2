// A real Redis for tests, and a writer. The writer uses the official client instead of reconfd's own code.
import { connect } from 'node:net'
import { createClient, type RedisClientType } from '@redis/client'
import { encodeText } from '../../src/core/bytes.ts'
import type { StoreClient } from './clients.ts'
import { chunks } from './http.ts'
import { startOnFreePorts, tempDir } from './process.ts'
import { StoreServer } from './servers.ts'

/** Connects at the first command, and again at the first command after close(). */
export class RedisClient implements StoreClient {
  #client: Promise<RedisClientType> | undefined

  constructor(
    readonly url: string,
    readonly password?: string,
  ) {}

  async call(...command: string[]): Promise<unknown> {
    return (await this.#connected()).sendCommand(command.map(encodeText))
  }

  async put(key: string, value: string): Promise<void> {
    await this.call('SET', key, value)
  }

  async putAll(entries: ReadonlyMap<string, string>): Promise<void> {
    for (const piece of chunks([...entries], 500)) await this.call('MSET', ...piece.flat())
  }

  async putWithTtl(key: string, value: string, seconds: number): Promise<void> {
    await this.call('SET', key, value, 'EX', String(seconds))
  }

  async del(key: string): Promise<void> {
    await this.call('DEL', key)
  }

  async delTree(dir: string): Promise<void> {
    const below = (await this.call('KEYS', `${dir}/*`)) as string[]
    await this.call('DEL', dir, ...below)
  }

  close(): void {
    void this.#client?.then((client) => client.destroy()).catch(() => undefined)
    this.#client = undefined
  }

  #connected(): Promise<RedisClientType> {
    this.#client ??= this.#connect()
    return this.#client
  }

  async #connect(): Promise<RedisClientType> {
    const client = createClient({
      url: this.url,
      RESP: 2,
      socket: { reconnectStrategy: false },
      ...(this.password === undefined ? {} : { password: this.password }),
    }) as unknown as RedisClientType
    // The command that fails reports the error. The next command gets a new connection.
    client.on('error', () => this.close())
    await client.connect()
    return client
  }
}

export type RedisServer = StoreServer<RedisClient>

export interface RedisOptions {
  /** `notify-keyspace-events`; default `KA`. */
  readonly notify?: string
  readonly password?: string
  readonly extraArgs?: readonly string[]
}

/** Starts a Redis that keeps its keys when it is killed. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  return startOnFreePorts(1, async ([port]) => {
    const dataDir = tempDir('redis')
    const { notify = 'KA', password, extraArgs = [] } = options
    const args = [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dataDir, '--save', ''],
      ...['--appendonly', 'yes', '--notify-keyspace-events', notify],
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...extraArgs,
    ]
    const server = new StoreServer(
      { name: 'redis-server', args, ready: () => answers({ port: port as number }) },
      `127.0.0.1:${port}`,
      dataDir,
      new RedisClient(`redis://127.0.0.1:${port}`, password),
    )
    await server.start()
    return server
  })
}

/**
 * Returns true if Redis is ready. A server that requires a password counts as ready. A server that is still loading its
 * data does not.
 */
export function answers(endpoint: { port: number } | { path: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', ...endpoint })
    const done = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('error', () => done(false))
    socket.once('close', () => done(false))
    socket.once('data', (data: Buffer) => done(/^\+PONG|^-NOAUTH/.test(data.toString())))
    socket.write('PING\r\n')
  })
}
