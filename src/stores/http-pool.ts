// The sockets of one node: TCP or a Unix socket, TLS, and the proxy before it if one is wanted.
import { raise } from '../core/fault.ts'
import { parseHttpNode, type HttpNode } from '../core/http-node.ts'
import type { Connection } from '../core/settings.ts'
import { CONNECT_TIMEOUT } from './http-faults.ts'
import type { Forward } from './proxy.ts'
import { tlsOptions } from './tls.ts'
import { buildConnector, Pool, type Connector } from './undici.ts'

/** Throws a FaultError when the node is no address. */
export function nodeAt(node: string, connection: Connection, port: number): HttpNode {
  const parsed = parseHttpNode(node, connection.scheme, port)
  if (parsed.ok) return parsed.value
  return raise('store', parsed.error.message, { hint: parsed.error.hint, permanent: true })
}

/**
 * No socket is opened before the first request.
 * @param forward the proxy that requests are sent to, in place of the node
 * @param tunnel opens a connection to the node through a proxy
 * @param onRefused told why a server ends a connection that was set up. With TLS 1.3 it looks at our
 *   certificate only then, and undici says no more than that the other side has closed.
 */
export function openPool(
  node: HttpNode,
  connection: Connection,
  { forward, tunnel }: { readonly forward?: Forward; readonly tunnel?: Connector },
  onRefused: (error: Error) => void,
): Pool {
  return new Pool(forward?.origin ?? node.origin, {
    // Long polls last for minutes: each request has its own timeout instead.
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 1,
    connect: connectorOf(node, connection, tunnel, onRefused),
  })
}

/**
 * Each socket is opened with the TLS files as they are then, and without the session of another one,
 * which would carry its certificates on.
 */
function connectorOf(
  { socket: path }: HttpNode,
  connection: Connection,
  tunnel: Connector | undefined,
  onRefused: (error: Error) => void,
): Connector {
  return (options, callback) => {
    const tls = options.protocol === 'https:' ? tlsOptions(connection) : {}
    const connect = buildConnector({
      timeout: CONNECT_TIMEOUT,
      maxCachedSessions: 0,
      ...(path === undefined ? {} : { socketPath: path }),
      ...tls,
    })
    const expected = tls.servername === undefined ? {} : { servername: tls.servername }
    const open = (httpSocket?: typeof options.httpSocket): void =>
      connect(
        { ...options, ...expected, ...(httpSocket === undefined ? {} : { httpSocket }) },
        (...[error, socket]) => {
          socket?.on('error', onRefused)
          if (error === null) callback(null, socket)
          else callback(error, null)
        },
      )
    if (tunnel === undefined) return open()
    tunnel(options, (...[error, socket]) => {
      if (error === null) open(socket)
      else callback(error, null)
    })
  }
}
