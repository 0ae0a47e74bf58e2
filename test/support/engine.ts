// A container engine for tests: the part of Docker's API that `reconfd register` uses, on a Unix socket, with simulated
// containers. Like a real engine, it can drop, repeat and reorder events, end a stream in the middle of a line, and be
// down.
import { randomBytes } from 'node:crypto'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { unlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { tempDir } from './process.ts'

export interface FakeContainer {
  readonly name: string
  readonly image?: string
  readonly env?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  /** Maps ports such as `80/tcp` to their bindings, or to null for a port that is only exposed. */
  readonly ports?: Readonly<
    Record<string, readonly { readonly HostIp?: string; readonly HostPort: string }[] | null>
  >
  readonly exposed?: readonly string[]
  readonly network?: string
  readonly networks?: Readonly<Record<string, { readonly IPAddress?: string }>>
  readonly hostname?: string
}

interface Running extends FakeContainer {
  readonly id: string
  running: boolean
  startedAt: string
  exitCode: number
}

export class FakeEngine {
  readonly socket = join(tempDir('engine'), 'engine.sock')
  readonly url = `unix://${this.socket}`
  readonly containers = new Map<string, Running>()
  /** Returns the lines that clients receive for an event. */
  deliver: (line: string) => readonly string[] = (line) => [line]
  /** Called before the engine answers a list or inspect request. */
  beforeAnswer: (path: string) => void | Promise<void> = () => undefined
  requests: string[] = []
  /** The minor number of the oldest API version that the engine supports. Here it is 1.24; in Docker 29 it is 1.44. */
  least = 24
  #server: Server | undefined
  readonly #streams = new Set<ServerResponse>()
  readonly #sockets = new Set<Socket>()

  static async start(): Promise<FakeEngine> {
    const engine = new FakeEngine()
    await engine.listen()
    return engine
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => {
      void this.#answer(request.method ?? '', request.url ?? '', response)
    })
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server = server
    await new Promise<void>((listening) => server.listen(this.socket, listening))
  }

  /** Closes the socket and all connections, as a killed engine does. The containers keep running. */
  async kill(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
    try {
      unlinkSync(this.socket)
    } catch {
      // The server has removed the socket itself.
    }
  }

  /** The number of clients that listen to events. */
  get listeners(): number {
    return this.#streams.size
  }

  run(container: FakeContainer): string {
    const id = randomBytes(32).toString('hex')
    const startedAt = new Date().toISOString()
    this.containers.set(id, { ...container, id, running: true, startedAt, exitCode: 0 })
    this.#event(id, 'create')
    this.#event(id, 'start')
    return id
  }

  die(id: string, exitCode = 0): void {
    const container = this.#get(id)
    container.running = false
    container.exitCode = exitCode
    this.#event(id, 'die')
  }

  start(id: string): void {
    const container = this.#get(id)
    container.running = true
    container.startedAt = new Date().toISOString()
    this.#event(id, 'start')
  }

  remove(id: string): void {
    this.#get(id)
    this.containers.delete(id)
    this.#event(id, 'destroy')
  }

  /** Changes properties of a container, such as its name or ports. */
  change(id: string, change: Partial<FakeContainer>, action = 'rename'): void {
    this.containers.set(id, { ...this.#get(id), ...change })
    this.#event(id, action)
  }

  /** Writes `rest` to all event streams, then ends them. */
  endStreams(rest = ''): void {
    for (const stream of this.#streams) stream.end(rest)
    this.#streams.clear()
  }

  /** Writes `text` to all event streams. */
  say(text: string): void {
    for (const stream of this.#streams) stream.write(text)
  }

  #get(id: string): Running {
    const found = this.containers.get(id)
    if (found === undefined) throw new Error(`no container ${id}`)
    return found
  }

  #event(id: string, action: string): void {
    const event = { status: action, id, Type: 'container', Action: action, Actor: { ID: id } }
    for (const line of this.deliver(`${JSON.stringify(event)}\n`)) this.say(line)
  }

  async #answer(method: string, url: string, response: ServerResponse): Promise<void> {
    const [, version = '0', path = url] = /^\/v1\.(\d+)(\/.*)$/s.exec(url) ?? []
    this.requests.push(`${method} ${path}`)
    if (path === '/version' || Number(version) < this.least) {
      const message = `client version 1.${version} is too old`
      response.writeHead(path === '/version' ? 200 : 400, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ MinAPIVersion: `1.${this.least}`, message }))
      return
    }
    if (path.startsWith('/events')) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.flushHeaders()
      this.#streams.add(response)
      response.once('close', () => this.#streams.delete(response))
      return
    }
    await this.beforeAnswer(path)
    const send = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(`${JSON.stringify(value)}\n`)
    }
    const [, id] = /^\/containers\/([^/]+)\/json$/.exec(path) ?? []
    if (path === '/containers/json') {
      const all = [...this.containers.values()].filter(({ running }) => running)
      return send(200, all.map(listed))
    }
    const found = id === undefined ? undefined : this.containers.get(id)
    if (found === undefined) return send(404, { message: 'No such container' })
    send(200, inspected(found))
  }
}

const listed = ({ id, name, ports = {}, labels = {} }: Running): object => ({
  Id: id,
  Names: [`/${name}`],
  Labels: labels,
  Ports: ports,
  State: 'running',
  Status: `Up ${Math.random()} seconds`,
})

function inspected(container: Running): object {
  const { id, name, running, startedAt, exitCode, env = [], labels = {}, ports = {} } = container
  const { network = 'bridge', networks = { bridge: { IPAddress: '172.17.0.2' } } } = container
  const exposed = [...Object.keys(ports), ...(container.exposed ?? [])]
  return {
    Id: id,
    Name: `/${name}`,
    State: { Running: running, StartedAt: startedAt, ExitCode: exitCode },
    Config: {
      Image: container.image ?? 'example/web:1',
      Hostname: container.hostname ?? id.slice(0, 12),
      Env: env,
      Labels: labels,
      ExposedPorts: Object.fromEntries(exposed.map((port) => [port, {}])),
    },
    HostConfig: { NetworkMode: network },
    NetworkSettings: {
      IPAddress: networks['bridge']?.IPAddress ?? '',
      Ports: network === 'host' ? {} : ports,
      Networks: networks,
    },
  }
}
