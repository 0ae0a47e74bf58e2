// Opens and closes the sockets below HTTP: TCP or Unix sockets, TLS, and connections through a proxy.
import type { Socket } from 'node:net'
import { raise } from '../core/fault.ts'
import { parseHttpNode, type HttpNode } from '../core/http-node.ts'
import type { ConnectionSettings } from '../core/settings.ts'
import { socketAddressOf, dial, type Opened } from './dial.ts'
import type { Route } from './proxy.ts'
import { tlsOptions } from './tls.ts'

/** Parses a node. Throws a FaultError if it is not a valid address. */
export function nodeAt(node: string, connection: ConnectionSettings, port: number): HttpNode {
  const parsed = parseHttpNode(node, connection.scheme, port)
  if (parsed.ok) return parsed.value
  return raise('store', parsed.error.message, { hint: parsed.error.hint, permanent: true })
}

/**
 * Opens sockets. Reads the TLS files for each socket. Does not resume TLS sessions, because a resumed session would
 * keep using the previous certificates.
 */
export class Sockets {
  readonly #opening = new Set<Socket>()
  #isClosed = false

  /** @param route the route through a proxy, if one is used */
  constructor(
    private readonly connection: ConnectionSettings,
    private readonly node: HttpNode,
    private readonly route: Route | undefined,
  ) {}

  /** Opens a socket. Throws a FaultError if a TLS file is invalid. */
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
