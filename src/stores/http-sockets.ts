// The sockets below HTTP: TCP or a Unix socket, TLS, and the proxy before them if one is wanted; how they are
// opened, and how they end.
import type { Socket } from 'node:net'
import { raise } from '../core/fault.ts'
import { parseHttpNode, type HttpNode } from '../core/http-node.ts'
import type { Connection } from '../core/settings.ts'
import { CONNECT_TIMEOUT } from './http-faults.ts'
import { tlsOptions } from './tls.ts'
import { buildConnector, type Connector } from './undici.ts'

/** Throws a FaultError when the node is no address. */
export function nodeAt(node: string, connection: Connection, port: number): HttpNode {
  const parsed = parseHttpNode(node, connection.scheme, port)
  if (parsed.ok) return parsed.value
  return raise('store', parsed.error.message, { hint: parsed.error.hint, permanent: true })
}

/**
 * Opens sockets: each with the TLS files as they are then, and without the session of another one, which
 * would carry its certificates on.
 */
export class Sockets {
  /**
   * Why a server has ended a connection that was set up. With TLS 1.3 it looks at our certificate only
   * then, and undici says no more than that the other side has closed.
   */
  refused: Error | undefined
  /** Those that are being set up: undici does not end them when its pool is destroyed. */
  readonly #opening = new Set<Socket>()

  /**
   * @param path of a Unix socket
   * @param tunnel opens a connection to the node through a proxy
   */
  constructor(
    private readonly connection: Connection,
    private readonly path: string | undefined,
    private readonly tunnel: Connector | undefined,
  ) {}

  readonly connect: Connector = (options, callback) => {
    const tls = options.protocol === 'https:' ? tlsOptions(this.connection) : {}
    const connect = buildConnector({
      timeout: CONNECT_TIMEOUT,
      maxCachedSessions: 0,
      ...(this.path === undefined ? {} : { socketPath: this.path }),
      ...tls,
    })
    const expected = tls.servername === undefined ? {} : { servername: tls.servername }
    const open = (through?: Socket): void => {
      const httpSocket = through === undefined ? {} : { httpSocket: through }
      const opening = connect({ ...options, ...expected, ...httpSocket }, (...[error, socket]) => {
        this.#opening.delete(opening)
        socket?.on('error', (refused: NodeJS.ErrnoException) => {
          if (refused.code?.startsWith('ERR_SSL_') === true) this.refused ??= refused
        })
        if (error === null) callback(null, socket)
        else callback(error, null)
      }) as unknown as Socket
      this.#opening.add(opening)
    }
    if (this.tunnel === undefined) return open()
    this.tunnel(options, (...[error, socket]) => {
      if (error === null) open(socket)
      else callback(error, null)
    })
  }

  close(): void {
    for (const socket of this.#opening) socket.destroy(new Error('closed'))
  }
}
