// HTTP for the stores: one pool of kept-alive sockets for one watch, ended as a whole by close().
// Whatever goes wrong below HTTP becomes a fault that names the store, the node and the remedy.
import { FaultError } from '../core/fault.ts'
import type { Connection } from '../core/settings.ts'
import { codeOf, faultOf, TimeoutError } from './http-faults.ts'
import { nodeAt, openPool } from './http-pool.ts'
import { routeTo } from './proxy.ts'
import { passwordOf } from './secrets.ts'
import { tlsOptions } from './tls.ts'
import { requestOn } from './undici.ts'

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

export type ResponseHeaders = Record<string, string | string[] | undefined>

export interface HttpClient {
  /** The node, such as `http://127.0.0.1:2379`: for messages. */
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
 * @param node as parseHttpNode() has it
 * @param store how messages call the server, such as `etcd`
 * @param port of a node that does not say
 * Throws a FaultError when the node is no address, or its proxy none.
 */
export function openHttp(
  node: string,
  connection: Connection,
  store = 'the store',
  port = 80,
): HttpClient {
  const at = nodeAt(node, connection, port)
  const route = at.socket === undefined ? routeTo(at.origin, connection) : undefined
  const forward = route?.forward
  let refused: Error | undefined
  const pool = openPool(at, connection, { ...route }, (error) => (refused ??= error))
  const place = `${store} at ${at.name}`
  const through = forward === undefined ? place : `${place} through the proxy ${route?.name}`
  const explain = (error: unknown): unknown =>
    faultOf(
      /UND_ERR_SOCKET|ECONNRESET|EPIPE/.test(codeOf(error)) ? (refused ?? error) : error,
      through,
      store,
    )

  async function start(path: string, options: RequestOptions, signal: AbortSignal) {
    return requestOn(pool, {
      path: forward === undefined ? path : `${at.origin}${path}`,
      method: options.method ?? 'GET',
      headers: { ...options.headers, ...forward?.headers },
      body: options.body ?? null,
      signal,
    })
  }

  return {
    origin: at.name,
    async request(path, options = {}) {
      const limit = limitOf(options)
      try {
        const { statusCode, headers, body } = await start(path, options, limit.signal)
        const text = await body.text()
        if (statusCode === 400 && wantsTls(text)) throw plainHttp(place)
        return { status: statusCode, headers, body: text }
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

/** What servers of Go, and nginx, say to plain HTTP where they expect TLS. */
const wantsTls = (body: string): boolean =>
  /HTTP request (?:to an HTTPS server|was sent to HTTPS port)/i.test(body)

const plainHttp = (place: string): FaultError =>
  new FaultError({
    kind: 'store',
    message: `${place} expects HTTPS, and was asked by plain HTTP`,
    hint: 'use -scheme https, or write https:// before the node',
    permanent: true,
  })

/** Throws the fault of a bad node, proxy or file; for a store's open(), before any watch. */
export function checkConnection(connection: Connection, nodes: readonly string[], port = 80): void {
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
