// The HTTP server of the status page: routes, access and answers. Read-only.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { jsonText } from '../core/escape.ts'
import type { HttpSettings } from '../core/settings.ts'
import { isTooLong } from '../system/socket-path.ts'
import { isAlive, listenAt } from '../system/unix-socket.ts'
import { Access, type Viewer } from './access.ts'
import { contentSecurityPolicy } from './page.ts'
import { Visitors } from './visitors.ts'

/** Supplies the content of the answers; each call returns the current state. */
export interface Contents {
  page(viewer: Viewer, url: string): Promise<Buffer>
  metrics(): Promise<{ readonly type: string; readonly body: Buffer }>
  ready(): { readonly ready: boolean }
  /** Sends changes until the connection closes. Returns false if there are too many viewers. */
  live(response: ServerResponse, viewer: Viewer, url: string): boolean
}

/** Maximum milliseconds for a request to arrive, and for a connection to be idle. */
const PATIENCE = 5000

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** Makes the browser ask for a name and a password; the password is the token. */
const ASK = { 'www-authenticate': 'Basic realm="reconfd: any name, the token as password"' }

interface Reply {
  readonly status: number
  readonly type: string
  readonly body: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

const plain = (status: number, text: string, headers: Reply['headers'] = {}): Reply => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: Buffer.from(`${text}\n`),
  headers,
})

const json = (status: number, value: object): Reply => ({
  status,
  type: 'application/json',
  body: Buffer.from(`${jsonText(value, 2)}\n`),
})

const BUSY = plain(503, 'too many visitors are reading slowly', { 'retry-after': '5' })

export class StatusServer {
  readonly #access: Access
  readonly #server: Server
  readonly #visitors: Visitors
  #removeSocket: (() => Promise<void>) | undefined

  /**
   * @param visitors maximum number of concurrent visitors
   * @param crashed called with an exception thrown while answering, which is a bug
   */
  constructor(
    private readonly settings: HttpSettings,
    visitors: number,
    private readonly contents: Contents,
    private readonly crashed: (error: unknown) => void,
  ) {
    this.#access = new Access(settings)
    const limits = {
      headersTimeout: PATIENCE,
      requestTimeout: PATIENCE,
      keepAliveTimeout: PATIENCE,
      connectionsCheckingInterval: PATIENCE,
    }
    this.#server = createServer(limits, (request, response) => {
      // An error here means that the visitor has disconnected.
      response.on('error', () => undefined)
      // Request bodies are ignored.
      request.resume()
      this.#visitors.serve(request, response, () => this.#serve(request, response))
    })
    this.#visitors = new Visitors(this.#server, visitors)
    this.#server.unref()
  }

  get hasToken(): boolean {
    return this.#access.hasToken
  }

  /**
   * Listens, without keeping the process alive.
   * @returns the URL
   * @throws system errors
   */
  async listen(): Promise<string> {
    const { at } = this.settings
    if ('socket' in at) return this.#listenAt(at.socket)
    const { host, port } = at
    await new Promise<void>((listening, failed) => {
      this.#server.once('error', failed).listen({ host, port }, () => {
        this.#server.off('error', failed)
        listening()
      })
    })
    const bound = this.#server.address() as AddressInfo
    const name = host.includes(':') ? `[${host}]` : host
    return `http://${name}:${bound.port}/`
  }

  async #listenAt(path: string): Promise<string> {
    if (isTooLong(path)) throw Object.assign(new Error(), { code: 'ENAMETOOLONG' })
    if (await isAlive(path)) throw Object.assign(new Error(), { code: 'EADDRINUSE' })
    this.#removeSocket = await listenAt(this.#server, path)
    return `unix:${path}`
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
    await this.#removeSocket?.()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const reply = await this.#reply(request, response)
      if (reply === undefined) return
      const { status, type, body, headers = {} } = reply
      const { length } = body
      const all = { ...HEADERS, 'content-type': type, 'content-length': length, ...headers }
      this.#visitors.count(response, length)
      response.writeHead(status, all).end(request.method === 'HEAD' ? undefined : body)
    } catch (error) {
      this.crashed(error)
      response.destroy()
    }
  }

  /** Returns undefined for an event stream, which stays open. */
  async #reply(request: IncomingMessage, response: ServerResponse): Promise<Reply | undefined> {
    const refusal = this.#access.refusal(request)
    if (refusal !== undefined) {
      const { status, message } = refusal
      return plain(status, message, status === 405 ? { allow: 'GET, HEAD' } : {})
    }
    const viewer = this.#access.viewer(request)
    if (viewer === undefined) return plain(401, 'wrong token', ASK)
    const { contents } = this
    const isBusy = this.#visitors.isBusy
    const { url = '' } = request
    switch (url.split('?', 1)[0]) {
      case '/':
        if (isBusy) return BUSY
        return {
          status: 200,
          type: 'text/html; charset=utf-8',
          body: await contents.page(viewer, url),
        }
      case '/events':
        return this.#live(request, response, viewer)
      case '/metrics': {
        if (isBusy) return BUSY
        return { status: 200, ...(await contents.metrics()) }
      }
      case '/healthz':
        return json(200, { healthy: true })
      case '/readyz': {
        const readiness = contents.ready()
        return json(readiness.ready ? 200 : 503, readiness)
      }
      case '/with-token':
        if (!this.hasToken) return plain(404, 'no token is set')
        if (viewer !== 'trusted') return plain(401, 'the token is required', ASK)
        return plain(303, 'the token is valid', { location: '/' })
      default:
        return plain(404, 'not found; the paths are /, /metrics, /healthz and /readyz')
    }
  }

  #live(
    { method, url = '' }: IncomingMessage,
    response: ServerResponse,
    viewer: Viewer,
  ): Reply | undefined {
    const type = 'text/event-stream'
    if (method === 'HEAD') return { status: 200, type, body: Buffer.alloc(0) }
    response.writeHead(200, { ...HEADERS, 'content-type': type })
    if (this.contents.live(response, viewer, url)) return undefined
    // An EventSource does not reconnect after a status other than 200. After this response, it reconnects in 30
    // seconds.
    response.end('retry: 30000\n\n')
    return undefined
  }
}
