// A small load on a frontend, and the servers behind it. The load consists of requests on persistent and on new
// connections, of long downloads, and of conversations in both directions, as with WebSockets.
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds that each download and each conversation takes. */
export const LONG = 800
const PIECES = 8

/** Servers on all addresses of 127.0.0.0/8. Each answers with its own address. */
export class Nodes {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  port = 0

  constructor() {
    const download = async (response: ServerResponse): Promise<void> => {
      for (let piece = 0; piece < PIECES; piece++) {
        response.write('x'.repeat(1000))
        await pause(LONG / PIECES)
      }
      response.end()
    }
    this.#server = createServer(({ url, socket }, response) => {
      if (url === '/long') void download(response)
      else response.end(socket.localAddress)
    })
    this.#server.on('upgrade', (_, socket: Socket) => {
      socket.on('error', () => undefined)
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n',
      )
      socket.pipe(socket)
    })
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server.keepAliveTimeout = 60_000
  }

  async start(): Promise<this> {
    await new Promise<void>((ready) => this.#server.listen(0, '0.0.0.0', ready))
    this.port = (this.#server.address() as { port: number }).port
    return this
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

export interface LoadResult {
  readonly requests: number
  readonly conversations: number
  /** A description of each failure. */
  readonly failures: readonly string[]
}

export class Load {
  requests = 0
  conversations = 0
  readonly failures: string[] = []
  readonly #agent = new Agent({ keepAlive: true })
  readonly #fresh = new Agent({ keepAlive: false })
  #isStopped = false
  readonly #loops: Promise<void>[] = []

  constructor(private readonly port: number) {}

  start(): this {
    for (let n = 0; n < 3; n++) this.#loop('kept', () => this.get('/', this.#agent))
    for (let n = 0; n < 2; n++) this.#loop('new', () => this.get('/', this.#fresh))
    for (let n = 0; n < 2; n++) this.#loop('download', () => this.get('/long', this.#fresh))
    for (let n = 0; n < 3; n++) this.#loop('conversation', () => this.#converse())
    return this
  }

  /** Discards the results so far. */
  reset(): void {
    this.requests = this.conversations = 0
    this.failures.length = 0
  }

  async stop(): Promise<LoadResult> {
    this.#isStopped = true
    await Promise.all(this.#loops)
    this.#agent.destroy()
    const { requests, conversations, failures } = this
    return { requests, conversations, failures }
  }

  /** Returns the address of the server that answers a request on a new connection. */
  reach(): Promise<string> {
    return this.get('/', this.#fresh)
  }

  #loop(what: string, once: () => Promise<unknown>): void {
    const run = async (): Promise<void> => {
      while (!this.#isStopped) {
        await once().catch((error: unknown) => this.failures.push(`${what}: ${String(error)}`))
        await pause(5)
      }
    }
    this.#loops.push(run())
  }

  async get(path: string, agent: Agent): Promise<string> {
    const response = await new Promise<IncomingMessage>((answered, failed) => {
      const sent = request({ host: '127.0.0.1', port: this.port, path, agent })
      sent.once('error', failed).once('response', answered).end()
    })
    let text = ''
    for await (const piece of response) text += String(piece)
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
    if (path === '/long' && text.length !== PIECES * 1000) throw new Error('a part is missing')
    this.requests++
    return text
  }

  /** Sends a message at intervals and expects its echo. */
  async #converse(): Promise<void> {
    const headers = { connection: 'upgrade', upgrade: 'echo' }
    const sent = request({ host: '127.0.0.1', port: this.port, headers, agent: this.#fresh })
    const socket = await new Promise<Socket>((upgraded, failed) => {
      sent.once('error', failed)
      sent.once('response', (response) => failed(new Error(`status ${response.statusCode}`)))
      sent.once('upgrade', (_, own: Socket) => upgraded(own)).end()
    })
    const end = performance.now() + LONG
    const lost = new Promise<never>((_, failed) => {
      socket.once('close', () => failed(new Error('the conversation was cut')))
      socket.once('error', failed)
    })
    lost.catch(() => undefined)
    while (performance.now() < end) {
      const heard = new Promise((answer) => socket.once('data', answer))
      socket.write('hello')
      await Promise.race([heard, lost])
      await pause(LONG / PIECES)
    }
    socket.destroy()
    this.conversations++
  }
}
