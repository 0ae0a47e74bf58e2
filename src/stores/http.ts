// HTTP for the stores: one pool of kept-alive sockets for one watch, ended as a whole by close().
// Whatever goes wrong below HTTP becomes a fault that names the store, the node and the remedy.
import { raise } from '../core/fault.ts'
import type { Connection } from '../core/settings.ts'
import { codeOf, CONNECT_TIMEOUT, faultOf, TimeoutError } from './http-faults.ts'
import { passwordOf, quoted } from './secrets.ts'
import { tlsOptions } from './tls.ts'
import { buildConnector, Pool, requestOn } from './undici.ts'

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
}

export interface LinesOptions extends RequestOptions {
  /** Called for every chunk of the body: the caller's proof that the stream is alive. */
  readonly onBytes?: () => void
}

export type ResponseHeaders = Record<string, string | string[] | undefined>

export interface HttpClient {
  /** The node as an origin, such as `http://127.0.0.1:2379`: for messages. */
  readonly origin: string
  /**
   * One request, the body read whole as UTF-8. An HTTP status is for the caller to judge.
   * Throws a FaultError of kind `store` when there is no whole response in time.
   */
  request(path: string, options?: RequestOptions): Promise<HttpResponse>
  /**
   * One request whose response is read line by line as it arrives, for as long as it lasts.
   * The iteration ends with the response and throws as request() does when it breaks.
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
  readonly lines: AsyncIterable<string>
}

const DEFAULT_TIMEOUT = 30_000

/**
 * A client for one node; no socket is opened before the first request.
 * @param node `host:port` (the connection's scheme applies), `http://host:port`, `https://host:port` or
 *   `unix:///path` of a socket
 * @param store how messages call the server, such as `etcd`
 * Throws a FaultError when the node is no address.
 */
export function openHttp(node: string, connection: Connection, store = 'the store'): HttpClient {
  const socketPath = /^unix:\/\/(\/.+)$/.exec(node)?.[1]
  const origin = socketPath === undefined ? originOf(node, connection.scheme) : node
  let refused: Error | undefined
  const pool = new Pool(socketPath === undefined ? origin : 'http://localhost', {
    // Long polls last for minutes: each request has its own timeout instead.
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 1,
    connect: connectorOf(connection, socketPath, (error) => (refused ??= error)),
  })
  const place = `${store} at ${origin}`
  const explain = (error: unknown): unknown =>
    faultOf(
      /UND_ERR_SOCKET|ECONNRESET|EPIPE/.test(codeOf(error)) ? (refused ?? error) : error,
      place,
      store,
    )

  async function start(path: string, options: RequestOptions, signal: AbortSignal) {
    return requestOn(pool, {
      path,
      method: options.method ?? 'GET',
      headers: options.headers ?? {},
      body: options.body ?? null,
      signal,
    })
  }

  return {
    origin,
    async request(path, options = {}) {
      const limit = limitOf(options)
      try {
        const { statusCode, headers, body } = await start(path, options, limit.signal)
        return { status: statusCode, headers, body: await body.text() }
      } catch (error) {
        throw options.signal?.aborted === true ? options.signal.reason : explain(error)
      } finally {
        limit.clear()
      }
    },
    async lines(path, options = {}) {
      const limit = limitOf(options)
      const fail = (error: unknown): unknown =>
        options.signal?.aborted === true ? options.signal.reason : explain(error)
      try {
        const { statusCode, headers, body } = await start(path, options, limit.signal)
        limit.disarm()
        return {
          status: statusCode,
          headers,
          lines: splitLines(body, options.onBytes, fail, limit.clear),
        }
      } catch (error) {
        limit.clear()
        throw fail(error)
      }
    },
    close: () => pool.destroy(),
  }
}

/**
 * Each socket is opened with the TLS files as they are then, and without the session of another one,
 * which would carry its certificates on.
 * @param onRefused told why a server ends a connection that was set up. With TLS 1.3 it looks at our
 *   certificate only then, and undici says no more than that the other side has closed.
 */
function connectorOf(
  connection: Connection,
  socketPath: string | undefined,
  onRefused: (error: Error) => void,
): ReturnType<typeof buildConnector> {
  return (options, callback) => {
    const tls = options.protocol === 'https:' ? tlsOptions(connection) : {}
    const connect = buildConnector({
      timeout: CONNECT_TIMEOUT,
      maxCachedSessions: 0,
      ...tls,
      ...(socketPath === undefined ? {} : { socketPath }),
    })
    const expected = tls.servername === undefined ? {} : { servername: tls.servername }
    connect({ ...options, ...expected }, (...[error, socket]) => {
      socket?.on('error', onRefused)
      if (error === null) callback(null, socket)
      else callback(error, null)
    })
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

async function* splitLines(
  body: AsyncIterable<Buffer>,
  onBytes: (() => void) | undefined,
  fail: (error: unknown) => unknown,
  done: () => void,
): AsyncGenerator<string> {
  // Bytes are kept until the line is whole: a chunk may end inside a UTF-8 sequence.
  let parts: Buffer[] = []
  try {
    for await (const chunk of body) {
      onBytes?.()
      let from = 0
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        const tail = chunk.subarray(from, at)
        const line = parts.length === 0 ? tail : Buffer.concat([...parts, tail])
        parts = []
        from = at + 1
        yield line.toString()
      }
      if (from < chunk.length) parts.push(chunk.subarray(from))
    }
  } catch (error) {
    throw fail(error)
  } finally {
    done()
  }
  if (parts.length > 0) yield Buffer.concat(parts).toString()
}
