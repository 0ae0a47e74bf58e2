// The sockets below HTTP: how they are opened, and how they end.
import type { Socket } from 'node:net'
import type { Connection } from '../core/settings.ts'
import { CONNECT_TIMEOUT } from './http-faults.ts'
import { tlsOptions } from './tls.ts'
import { buildConnector, type Connect } from './undici.ts'

/**
 * Opens sockets: each with the TLS files as they are then, and without the session of another one, which
 * would carry its certificates on.
 */
export class Connector {
  /**
   * Why a server has ended a connection that was set up. With TLS 1.3 it looks at our certificate only
   * then, and undici says no more than that the other side has closed.
   */
  refused: Error | undefined
  /** Those that are being set up: undici does not end them when its pool is destroyed. */
  readonly #opening = new Set<Socket>()

  /**
   * @param path of a Unix socket, in place of TCP
   * @param tunnel opens a connection to the node through a proxy
   */
  constructor(
    private readonly connection: Connection,
    private readonly path: string | undefined,
    private readonly tunnel: Connect | undefined,
  ) {}

  readonly connect: Connect = (options, callback) => {
    if (this.tunnel === undefined) return this.#open(options, callback)
    const opening = this.tunnel(options, (...[error, socket]) => {
      this.#opening.delete(opening)
      if (error === null) this.#open({ ...options, httpSocket: socket }, callback)
      else callback(error, null)
    }) as unknown as Socket
    this.#opening.add(opening)
  }

  #open(...[options, callback]: Parameters<Connect>): void {
    const tls = options.protocol === 'https:' ? tlsOptions(this.connection) : {}
    const own = this.path === undefined ? tls : { ...tls, socketPath: this.path }
    const connect = buildConnector({ timeout: CONNECT_TIMEOUT, maxCachedSessions: 0, ...own })
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
