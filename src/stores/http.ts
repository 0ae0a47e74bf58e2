// The HTTP client of the stores: one pool of kept-alive sockets for one watch. Converts errors to faults that state
// the product, the node and the remedy. Does not follow redirects, since none of the supported servers sends them.
import type { ConnectionSettings, Limits } from '../core/settings.ts'
import type { HttpNode } from '../core/http-node.ts'
import { bodyOf, type Source } from './http-body.ts'
import { Pool } from './http-exchange.ts'
import { connectionFault, TimeoutError } from './http-faults.ts'
import { nodeAt, Sockets } from './http-sockets.ts'
import { routeTo, type Route } from './proxy.ts'
import { passwordOf } from './secrets.ts'
import { tlsOptions } from './tls.ts'

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly headers?: Record<string, string>
  readonly body?: string
  /** If this signal is aborted, the call throws the signal's reason. */
  readonly signal?: AbortSignal
  /**
   * Timeout in milliseconds. In request() it applies to the whole response, and in lines() only to the headers. The
   * default is 30000; 0 means no timeout.
   */
  readonly timeout?: number
  /**
   * Receives the body of a response with status 200 in chunks; the `body` of the result is then empty. May throw a
   * FaultError.
   */
  readonly into?: (chunk: Buffer) => void
}

export interface LinesOptions extends RequestOptions {
  /** Called for every chunk of the body, which shows that the stream is alive. */
  readonly onBytes?: () => void
}

export interface ClientOptions {
  readonly connection: ConnectionSettings
  readonly limits: Limits
  /** The server's name in messages, such as `etcd`. */
  readonly product: string
  /** Default port of nodes. */
  readonly port: number
  /** Called when bytes of a response have arrived. */
  readonly heard?: (() => void) | undefined
  /** Milliseconds to keep an idle connection. */
  readonly idle?: number | undefined
}

export type ResponseHeaders = Record<string, string | string[] | undefined>

export interface HttpClient {
  /** The node, for messages, such as `http://127.0.0.1:2379`. */
  readonly origin: string
  /** The product and the node, for messages, such as `etcd at http://127.0.0.1:2379`. */
  readonly place: string
  readonly limits: Limits
  /**
   * Sends a request and reads the whole body as UTF-8. Does not throw because of an HTTP status. Throws a FaultError
   * of kind `store` if the node is unreachable, or the response is late, incomplete or too large.
   */
  request(path: string, options?: RequestOptions): Promise<HttpResponse>
  /**
   * Sends a request and reads the response line by line as it arrives. The iteration ends with the response, and throws
   * like request() if the connection breaks or a line is too long.
   */
  lines(path: string, options?: LinesOptions): Promise<LinesResponse>
  /** Destroys all sockets immediately. Pending requests throw. */
  close(): Promise<void>
}

export interface HttpResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  readonly body: string
}

export interface LinesResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  /** The lines of the body. Read either the lines or text(), and only once. */
  readonly lines: AsyncIterable<string>
  /** The whole body; only for short bodies. */
  text(): Promise<string>
}

const DEFAULT_TIMEOUT = 30_000

/**
 * Returns a client for one node. The client opens no socket before the first request. Throws a FaultError if the
 * address of the node or its proxy is invalid.
 * @param node see parseHttpNode()
 */
export const openHttp = (node: string, options: ClientOptions): HttpClient =>
  new PooledClient(nodeAt(node, options.connection, options.port), options)

class PooledClient implements HttpClient {
  readonly origin: string
  readonly place: string
  readonly limits: Limits
  readonly #route: Route | undefined
  readonly #pool: Pool

  constructor(
    private readonly node: HttpNode,
    private readonly options: ClientOptions,
  ) {
    const { connection, product, limits } = options
    this.origin = node.name
    this.place = `${product} at ${node.name}`
    this.limits = limits
    this.#route = node.socket === undefined ? routeTo(node.origin, connection) : undefined
    this.#pool = new Pool(new Sockets(connection, node, this.#route), options.idle)
  }

  async request(path: string, options: RequestOptions = {}): Promise<HttpResponse> {
    const time = limitOf(options)
    try {
      const source = await this.#start(path, options, time.signal)
      const { status, headers } = source
      const body = bodyOf(source, this.options.heard)
      if (status === 200 && options.into !== undefined) {
        await body.into(options.into)
        return { status, headers, body: '' }
      }
      return { status, headers, body: await body.whole() }
    } catch (error) {
      throw this.#reasonOf(error, options)
    } finally {
      time.clear()
    }
  }

  async lines(path: string, options: LinesOptions = {}): Promise<LinesResponse> {
    const time = limitOf(options)
    const ended = (error: unknown): unknown => this.#reasonOf(error, options)
    try {
      const source = await this.#start(path, options, time.signal)
      time.disarm()
      const { status, headers } = source
      const body = bodyOf(source, options.onBytes)
      const text = async (): Promise<string> => {
        try {
          return await body.message()
        } catch (error) {
          throw ended(error)
        } finally {
          time.clear()
        }
      }
      return { status, headers, lines: body.lines(ended, time.clear), text }
    } catch (error) {
      time.clear()
      throw ended(error)
    }
  }

  close(): Promise<void> {
    this.#pool.close()
    return Promise.resolve()
  }

  async #start(path: string, options: RequestOptions, signal: AbortSignal): Promise<Source> {
    const { place, limits } = this
    const forward = this.#route?.forward
    const answer = await this.#pool.exchange({
      path: forward === undefined ? path : `${this.node.origin}${path}`,
      method: options.method ?? 'GET',
      headers: { host: new URL(this.node.origin).host, ...options.headers, ...forward?.headers },
      body: options.body,
      signal,
    })
    this.options.heard?.()
    const { statusCode: status = 0, headers } = answer
    return { status, headers, body: answer, place, limits }
  }

  /** The caller's abort reason, or else the fault. */
  #reasonOf(error: unknown, { signal }: RequestOptions): unknown {
    if (signal?.aborted === true) return signal.reason
    const through =
      this.#route?.forward === undefined ? '' : ` through the proxy ${this.#route.name}`
    return connectionFault(error, `${this.place}${through}`, this.options.product)
  }
}

/**
 * Checks the nodes, the proxy, and the files with certificates and passwords. Called when a store is opened. Throws a
 * FaultError if any of them is invalid.
 */
export function checkConnection(
  connection: ConnectionSettings,
  nodes: readonly string[],
  port = 80,
): void {
  for (const node of nodes) {
    const { origin, socket } = nodeAt(node, connection, port)
    if (socket === undefined) routeTo(origin, connection)
  }
  tlsOptions(connection)
  passwordOf(connection)
}

/**
 * Combines the caller's signal and a timeout. AbortSignal.any and .timeout would keep a listener and a timer until the
 * next garbage collection.
 */
function limitOf({ signal, timeout = DEFAULT_TIMEOUT }: RequestOptions) {
  const own = new AbortController()
  const abort = (): void => own.abort(signal?.reason)
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort, { once: true })
  const timer =
    timeout > 0 ? setTimeout(() => own.abort(new TimeoutError(timeout)), timeout) : undefined
  const disarm = (): void => clearTimeout(timer)
  const clear = (): void => {
    disarm()
    signal?.removeEventListener('abort', abort)
  }
  return { signal: own.signal, disarm, clear }
}
