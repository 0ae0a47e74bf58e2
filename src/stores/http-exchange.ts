// HTTP over kept-alive connections: sends a request and returns the head of the response with its body as a stream.
// Uses node:http, because undici's WebAssembly parser needs 40 MB and takes three times as long to load as Node itself.
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Sockets } from './http-sockets.ts'

/** Milliseconds to keep an idle connection. */
const IDLE = 4000
/** Maximum size of a response head, in bytes. Set explicitly, because NODE_OPTIONS can change the default. */
const LONGEST_HEAD = 16_384

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** Aborting this signal ends the exchange, including the body, with the signal's reason. */
  readonly signal: AbortSignal
}

/** The connections to one node, one for each concurrent request. */
export class Pool extends Agent {
  constructor(
    private readonly connections: Sockets,
    idle = IDLE,
  ) {
    super({ keepAlive: true, timeout: idle, maxFreeSockets: Infinity })
  }

  /**
   * Resolves with the head of the response. Reading the body throws if the connection breaks, or the data is not HTTP.
   */
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
        // An error that occurs before the body is read is stored in the message, and thrown when the body is read.
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

  /**
   * Destroys an idle connection on which the server sends data, because the data would be taken for the next response.
   */
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
