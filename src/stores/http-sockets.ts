// The sockets below HTTP: TCP or a Unix socket, TLS, and the proxy before them if one is wanted; how they are
// opened, and how they end.
import type { Socket } from 'node:net'
import { raise } from '../core/fault.ts'
import { parseHttpNode, type HttpNode } from '../core/http-node.ts'
import type { ConnectionSettings } from '../core/settings.ts'
import { socketAddressOf, dial, type Opened } from './dial.ts'
import type { Route } from './proxy.ts'
import { tlsOptions } from './tls.ts'

/** Throws a FaultError when the node is no address. */
export function nodeAt(node: string, connection: ConnectionSettings, port: number): HttpNode {
  const parsed = parseHttpNode(node, connection.scheme, port)
  if (parsed.ok) return parsed.value
  return raise('store', parsed.error.message, { hint: parsed.error.hint, permanent: true })
}

/**
 * Opens sockets: each with the TLS files as they are then, and without the session of another one, which
 * would carry its certificates on.
 */
export class Sockets {
  readonly #opening = new Set<Socket>()
  #isClosed = false

  /** @param route the proxy before the node, if there is one */
  constructor(
    private readonly connection: ConnectionSettings,
    private readonly node: HttpNode,
    private readonly route: Route | undefined,
  ) {}

  /** Throws a FaultError when a TLS file cannot be used. */
  readonly open = (opened: Opened): void => {
    const { tunnel, forward } = this.route ?? {}
    const origin = forward?.origin ?? this.node.origin
    const address = { ...socketAddressOf(origin), path: this.node.socket }
    const tls = origin.startsWith('https:') ? tlsOptions(this.connection) : undefined
    const connect = (through?: Socket): void => {
      const track = dial(address, tls, through, (error, socket) => {
        this.#opening.delete(socket)
        opened(error, socket)
      })
      this.#opening.add(track)
      if (this.#isClosed) track.destroy(new Error('closed'))
    }
    if (tunnel === undefined) return connect()
    this.#opening.add(
      tunnel(address, (error, socket) => {
        this.#opening.delete(socket)
        if (error === undefined) connect(socket)
        else opened(error, socket)
      }),
    )
  }

  close(): void {
    this.#isClosed = true
    for (const socket of this.#opening) socket.destroy(new Error('closed'))
  }
}
