// The server: what is asked for, by whom, and the answer. It shows; it changes nothing.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HttpSettings } from '../core/settings.ts'
import { Access, type Viewer } from './access.ts'
import { contentSecurityPolicy } from './page.ts'

/** What is served; each call tells how it is now. */
export interface Contents {
  page(viewer: Viewer): string
  metrics(): Promise<{ readonly type: string; readonly text: string }>
  ready(): { readonly ready: boolean }
  /** Sends what changes until the connection is closed; false when too many look already. */
  live(response: ServerResponse, viewer: Viewer): boolean
}

const CONNECTIONS = 128
/** Milliseconds for a request to arrive in. */
const PATIENCE = 5000

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** Makes a browser ask for a name and a password; the password is the token. */
const ASK = { 'www-authenticate': 'Basic realm="reconfd: any name, the token as password"' }

interface Reply {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

const plain = (status: number, text: string, headers: Reply['headers'] = {}): Reply => ({
  status,
  type: 'text/plain; charset=utf-8',
  text: `${text}\n`,
  headers,
})

const json = (status: number, value: object): Reply => ({
  status,
  type: 'application/json',
  text: `${JSON.stringify(value, undefined, 2)}\n`,
})

export class StatusServer {
  readonly #access: Access
  readonly #server: Server

  /** @param crashed told of a bug in an answer */
  constructor(
    private readonly settings: HttpSettings,
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
    this.#server = createServer(limits, (request, response) => void this.#serve(request, response))
    this.#server.maxConnections = CONNECTIONS
    this.#server.unref()
  }

  get hasToken(): boolean {
    return this.#access.hasToken
  }

  /**
   * Does not keep the process alive.
   * @returns the address, as in a browser
   * @throws system errors
   */
  async listen(): Promise<string> {
    const { host, port } = this.settings
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

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Who has asked has gone away: nothing is lost.
    response.on('error', () => undefined)
    // What a request carries is not wanted.
    request.resume()
    try {
      const reply = await this.#reply(request, response)
      if (reply === undefined) return
      const { status, type, text, headers = {} } = reply
      const length = Buffer.byteLength(text)
      const all = { ...HEADERS, 'content-type': type, 'content-length': length, ...headers }
      response.writeHead(status, all).end(request.method === 'HEAD' ? undefined : text)
    } catch (error) {
      this.crashed(error)
      response.destroy()
    }
  }

  /** Undefined: it is being answered for as long as it lasts. */
  async #reply(request: IncomingMessage, response: ServerResponse): Promise<Reply | undefined> {
    const refusal = this.#access.refusal(request)
    if (refusal !== undefined) {
      const { status, message } = refusal
      return plain(status, message, status === 405 ? { allow: 'GET, HEAD' } : {})
    }
    const viewer = this.#access.viewer(request)
    if (viewer === undefined) return plain(401, 'that is not the token', ASK)
    const { contents } = this
    switch (request.url?.split('?', 1)[0]) {
      case '/':
        return { status: 200, type: 'text/html; charset=utf-8', text: contents.page(viewer) }
      case '/events':
        return this.#live(request, response, viewer)
      case '/metrics': {
        const { type, text } = await contents.metrics()
        return { status: 200, type, text }
      }
      case '/healthz':
        return json(200, { healthy: true })
      case '/readyz': {
        const readiness = contents.ready()
        return json(readiness.ready ? 200 : 503, readiness)
      }
      case '/with-token':
        if (!this.hasToken) return plain(404, 'no -http-token is set')
        if (viewer !== 'trusted') return plain(401, 'give the token', ASK)
        return plain(303, 'the token is good', { location: '/' })
      default:
        return plain(404, 'there are /, /metrics, /healthz and /readyz')
    }
  }

  #live({ method }: IncomingMessage, response: ServerResponse, viewer: Viewer): Reply | undefined {
    const type = 'text/event-stream'
    if (method === 'HEAD') return { status: 200, type, text: '' }
    response.writeHead(200, { ...HEADERS, 'content-type': type })
    if (this.contents.live(response, viewer)) return undefined
    // A browser gives up on any other status than 200, and comes again after this.
    response.end('retry: 30000\n\n')
    return undefined
  }
}
