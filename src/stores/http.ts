// HTTP for the stores: one pool of kept-alive sockets for one watch, ended as a whole by close().
// Whatever goes wrong below HTTP becomes a fault that names the store, the node and the remedy.
// Redirects are not followed: no store sends any.
import type { Socket } from 'node:net'
import { raise } from '../core/fault.ts'
import type { Connection, Limits } from '../core/settings.ts'
import { bodyOf, type Source } from './http-body.ts'
import { CONNECT_TIMEOUT, faultOf, isClosed, TimeoutError } from './http-faults.ts'
import { passwordOf, quoted } from './secrets.ts'
import { tlsOptions } from './tls.ts'
import { buildConnector, Pool, requestOn } from './undici.ts'

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
export function openHttp(node: string, options: ClientOptions): HttpClient {
  const { connection, limits, product, heard } = options
  const origin = originOf(node, connection.scheme)
  const sockets = new Connector(connection)
  const pool = new Pool(origin, {
    // Long polls last for minutes: each request has its own timeout instead.
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 1,
    connect: sockets.connect,
  })
  const place = `${product} at ${origin}`
  const explain = (error: unknown): unknown =>
    faultOf(isClosed(error) ? (sockets.refused ?? error) : error, place, product)
  // The caller's own reason, when it was the caller who ended it.
  const failed = (error: unknown, { signal }: RequestOptions): unknown =>
    signal?.aborted === true ? signal.reason : explain(error)

  async function start(path: string, request: RequestOptions, signal: AbortSignal) {
    const { statusCode, headers, body } = await requestOn(pool, {
      path,
      method: request.method ?? 'GET',
      headers: request.headers ?? {},
      body: request.body ?? null,
      signal,
    })
    heard?.()
    const source: Source = { status: statusCode, headers, body, place, limits }
    return { status: statusCode, headers, source }
  }

  return {
    origin,
    place,
    limits,
    async request(path, request = {}) {
      const limit = limitOf(request)
      try {
        const { status, headers, source } = await start(path, request, limit.signal)
        return { status, headers, body: await bodyOf(source, heard).whole() }
      } catch (error) {
        throw failed(error, request)
      } finally {
        limit.clear()
      }
    },
    async lines(path, request = {}) {
      const limit = limitOf(request)
      const ended = (error: unknown): unknown => {
        limit.clear()
        return failed(error, request)
      }
      try {
        const { status, headers, source } = await start(path, request, limit.signal)
        limit.disarm()
        const body = bodyOf(source, request.onBytes)
        return {
          status,
          headers,
          lines: guarded(body.lines(), ended, limit.clear),
          async text() {
            try {
              return await body.message()
            } catch (error) {
              throw ended(error)
            } finally {
              limit.clear()
            }
          },
        }
      } catch (error) {
        throw ended(error)
      }
    },
    async close() {
      sockets.close()
      await pool.destroy()
    },
  }
}

/**
 * Opens sockets: each with the TLS files as they are then, and without the session of another one, which
 * would carry its certificates on.
 */
class Connector {
  /**
   * Why a server has ended a connection that was set up. With TLS 1.3 it looks at our certificate only
   * then, and undici says no more than that the other side has closed.
   */
  refused: Error | undefined
  /** Those that are being set up: undici does not end them when its pool is destroyed. */
  readonly #opening = new Set<Socket>()

  constructor(private readonly connection: Connection) {}

  readonly connect: ReturnType<typeof buildConnector> = (options, callback) => {
    const tls = options.protocol === 'https:' ? tlsOptions(this.connection) : {}
    const connect = buildConnector({ timeout: CONNECT_TIMEOUT, maxCachedSessions: 0, ...tls })
    const expected = tls.servername === undefined ? {} : { servername: tls.servername }
    const opening = connect({ ...options, ...expected }, (...[error, socket]) => {
      this.#opening.delete(opening)
      socket?.on('error', (refused: NodeJS.ErrnoException) => {
        if (refused.code?.startsWith('ERR_SSL_') === true) this.refused ??= refused
      })
      if (error === null) callback(null, socket)
      else callback(error, null)
    }) as unknown as Socket
    this.#opening.add(opening)
  }

  close(): void {
    for (const socket of this.#opening) socket.destroy(new Error('closed'))
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

async function* guarded(
  lines: AsyncIterable<string>,
  ended: (error: unknown) => unknown,
  done: () => void,
): AsyncGenerator<string> {
  try {
    yield* lines
  } catch (error) {
    throw ended(error)
  } finally {
    done()
  }
}
