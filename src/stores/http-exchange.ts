// The bare exchange of HTTP: a request goes out over a kept-alive connection, and the head of its answer comes
// back with the body as a stream. By node:http, which every start can afford: a parser in WebAssembly takes three
// times as long as the runtime itself to start, and 40 MB.
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Sockets } from './http-sockets.ts'

/** Milliseconds that a connection is kept for the next request. */
const IDLE = 4000
/** Bytes. Said here, since NODE_OPTIONS could say otherwise. */
const LONGEST_HEAD = 16_384

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** Aborting ends the exchange with the signal's reason, its body included. */
  readonly signal: AbortSignal
}

/** The connections to one node: as many as there are requests at the same time. */
export class Pool extends Agent {
  constructor(
    private readonly connections: Sockets,
    idle = IDLE,
  ) {
    super({ keepAlive: true, timeout: idle, maxFreeSockets: Infinity })
  }

  /** Resolves with the head of the answer. Its body breaks with the connection, and when it is not HTTP. */
  exchange({ signal, body, headers, ...what }: Exchange): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
      const asked = request({
        ...what,
        headers: { ...headers, ...length },
        agent: this,
        insecureHTTPParser: false,
        maxHeaderSize: LONGEST_HEAD,
      })
      let answer: IncomingMessage | undefined
      const end = (error: Error): void => {
        if (answer === undefined) reject(error)
        else answer.destroy(error)
      }
      asked.on('error', end)
      asked.on('response', (message) => {
        // What breaks it before somebody reads it stays in it, and is found by the reader.
        answer = message.on('error', () => undefined)
        resolve(message)
      })
      signal.addEventListener('abort', () => {
        end(signal.reason as Error)
        asked.destroy()
      })
      asked.end(body)
    })
  }

  close(): void {
    this.connections.close()
    this.destroy()
  }

  override createConnection(
    _options: unknown,
    opened: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.connections.open((error, socket) => opened(error ?? null, socket))
  }

  /** What a server sends over an idle connection would pass for the answer to the next request. */
  override keepSocketAlive(socket: Duplex): void {
    socket.once('data', destroy)
    return super.keepSocketAlive(socket)
  }

  override reuseSocket(socket: Duplex, asked: ClientRequest): void {
    socket.off('data', destroy)
    super.reuseSocket(socket, asked)
  }
}

function destroy(this: Duplex): void {
  this.destroy()
}
