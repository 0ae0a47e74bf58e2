// HTTP for the stores: one pool of kept-alive sockets for one watch, ended as a whole by close().
// Whatever goes wrong below HTTP becomes a fault that names the store, the node and the remedy.
// Redirects are not followed: no store sends any.
import type { ConnectionSettings, Limits } from '../core/settings.ts'
import type { HttpNode } from '../core/http-node.ts'
import { bodyOf, type Source } from './http-body.ts'
import { Pool } from './http-exchange.ts'
import { connectionFault, plainHttp, TimeoutError, wantsTls } from './http-faults.ts'
import { nodeAt, Sockets } from './http-sockets.ts'
import { routeTo, type Route } from './proxy.ts'
import { passwordOf } from './secrets.ts'
import { tlsOptions } from './tls.ts'

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Aborting makes the call throw the signal's reason. */
  readonly signal?: AbortSignal
  /**
   * Milliseconds until the whole response is there (`lines`: until its headers are);
   * default 30000, 0 for none.
   */
  readonly timeout?: number
  /**
   * Takes the body of a good answer (status 200) chunk by chunk, in place of `body`, which is empty then. What
   * it throws has to be a FaultError.
   */
  readonly into?: (chunk: Buffer) => void
}

export interface LinesOptions extends RequestOptions {
  /** Called for every chunk of the body: the caller's proof that the stream is alive. */
  readonly onBytes?: () => void
}

export interface ClientOptions {
  readonly connection: ConnectionSettings
  readonly limits: Limits
  /** How messages call the server, such as `etcd`. */
  readonly product: string
  /** Of a node that does not say. */
  readonly port: number
  /** Called when bytes of an answer have come. */
  readonly heard?: (() => void) | undefined
  /** Milliseconds that a connection is kept for the next request. */
  readonly idle?: number | undefined
}

export type ResponseHeaders = Record<string, string | string[] | undefined>

export interface HttpClient {
  /** The node, such as `http://127.0.0.1:2379`: for messages. */
  readonly origin: string
  /** The store and the node, such as `etcd at http://127.0.0.1:2379`: for messages. */
  readonly place: string
  readonly limits: Limits
  /**
   * One request, the body read whole as UTF-8. An HTTP status is for the caller to judge.
   * Throws a FaultError of kind `store` when there is no whole response in time, or one that is too large.
   */
  request(path: string, options?: RequestOptions): Promise<HttpResponse>
  /**
   * One request whose response is read line by line as it arrives, for as long as it lasts.
   * The iteration ends with the response and throws as request() does when it breaks, or when a line is too
   * long.
   */
  lines(path: string, options?: LinesOptions): Promise<LinesResponse>
  /** Destroys all sockets at once; what is under way throws. */
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
  /** To be read once, either so or by text(). */
  readonly lines: AsyncIterable<string>
  /** The whole body, for a short one. */
  text(): Promise<string>
}

const DEFAULT_TIMEOUT = 30_000

/**
 * A client for one node; no socket is opened before the first request.
 * @param node as parseHttpNode() has it
 * Throws a FaultError when the node is no address, or its proxy none.
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
      const text = await body.whole()
      this.#expectPlain(status, text)
      return { status, headers, body: text }
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
          const whole = await body.message()
          this.#expectPlain(status, whole)
          return whole
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

  #expectPlain(status: number, body: string): void {
    if (status === 400 && wantsTls(body)) throw plainHttp(this.place)
  }

  /** The caller's own reason, when it was the caller who ended it; else the fault. */
  #reasonOf(error: unknown, { signal }: RequestOptions): unknown {
    if (signal?.aborted === true) return signal.reason
    const through =
      this.#route?.forward === undefined ? '' : ` through the proxy ${this.#route.name}`
    return connectionFault(error, `${this.place}${through}`, this.options.product)
  }
}

/** Throws the fault of a bad node, proxy or file; for a store's open(), before any watch. */
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
 * The caller's signal and a timeout as one signal. By hand, since AbortSignal.any and .timeout
 * leave a listener and a timer behind until they are collected.
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
