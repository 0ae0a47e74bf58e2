// HTTP for the stores: one pool of kept-alive sockets for one watch, ended as a whole by close().
// Whatever goes wrong below HTTP becomes a fault that names the store, the node and the remedy.
// Redirects are not followed: no store sends any.
import { raise } from '../core/fault.ts'
import type { Connection, Limits } from '../core/settings.ts'
import { bodyOf, type Source } from './http-body.ts'
import { Connector } from './http-connector.ts'
import { faultOf, isClosed, TimeoutError } from './http-faults.ts'
import { passwordOf, quoted } from './secrets.ts'
import { tlsOptions } from './tls.ts'
import { Pool, requestOn } from './undici.ts'

export interface RequestOptions {
  readonly method?: 'GET' | 'POST'
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
  readonly connection: Connection
  readonly limits: Limits
  /** How messages call the server, such as `etcd`. */
  readonly product: string
  /** Called when bytes of an answer have come. */
  readonly heard?: (() => void) | undefined
}

export type ResponseHeaders = Record<string, string | string[] | undefined>

export interface HttpClient {
  /** The node as an origin, such as `http://127.0.0.1:2379`: for messages. */
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
 * @param node `host:port` (the connection's scheme applies), `http://host:port` or `https://host:port`
 * Throws a FaultError when the node is no address.
 */
export const openHttp = (node: string, options: ClientOptions): HttpClient =>
  new PooledClient(originOf(node, options.connection.scheme), options)

class PooledClient implements HttpClient {
  readonly place: string
  readonly limits: Limits
  readonly #sockets: Connector
  readonly #pool: Pool

  constructor(
    readonly origin: string,
    private readonly options: ClientOptions,
  ) {
    this.place = `${options.product} at ${origin}`
    this.limits = options.limits
    this.#sockets = new Connector(options.connection)
    this.#pool = new Pool(origin, {
      // Long polls last for minutes: each request has its own timeout instead.
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      connect: this.#sockets.connect,
    })
  }

  async request(path: string, options: RequestOptions = {}): Promise<HttpResponse> {
    const time = limitOf(options)
    try {
      const source = await this.#start(path, options, time.signal)
      const { status, headers } = source
      const body = bodyOf(source, this.options.heard)
      if (status !== 200 || options.into === undefined) {
        return { status, headers, body: await body.whole() }
      }
      await body.into(options.into)
      return { status, headers, body: '' }
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
      const text = (): Promise<string> =>
        body
          .message()
          .catch((error: unknown) => {
            throw ended(error)
          })
          .finally(time.clear)
      return { status, headers, lines: body.lines(ended, time.clear), text }
    } catch (error) {
      time.clear()
      throw ended(error)
    }
  }

  async close(): Promise<void> {
    this.#sockets.close()
    await this.#pool.destroy()
  }

  async #start(path: string, options: RequestOptions, signal: AbortSignal): Promise<Source> {
    const { place, limits } = this
    const { statusCode, headers, body } = await requestOn(this.#pool, {
      path,
      method: options.method ?? 'GET',
      headers: options.headers ?? {},
      body: options.body ?? null,
      signal,
    })
    this.options.heard?.()
    return { status: statusCode, headers, body, place, limits }
  }

  /** The caller's own reason, when it was the caller who ended it; else the fault. */
  #reasonOf(error: unknown, { signal }: RequestOptions): unknown {
    if (signal?.aborted === true) return signal.reason
    const cause = isClosed(error) ? (this.#sockets.refused ?? error) : error
    return faultOf(cause, this.place, this.options.product)
  }
}

/** `host:port` with the scheme put before it; what the node brings along wins. */
export function originOf(node: string, scheme: 'http' | 'https'): string {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(node) ? node : `${scheme}://${node}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && url.username + url.password !== '') {
    raise('store', `the node ${url.host} carries a user or a password`, {
      hint: 'give them with -username and -password',
      permanent: true,
    })
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname + url.search !== '/') {
    raise('store', `the node ${quoted(node)} is not an address`, {
      hint: 'write -node host:port, http://host:port or https://host:port',
      permanent: true,
    })
  }
  return url.origin
}

/** Throws the fault of a bad node or file; for a store's open(), before any watch. */
export function checkConnection(connection: Connection, nodes: readonly string[]): void {
  for (const node of nodes) originOf(node, connection.scheme)
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
