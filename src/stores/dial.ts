// Opens one connection to a server: over TCP or a Unix socket, with or without TLS, or with TLS inside a tunnel.
import { connect, isIP, type Socket } from 'node:net'
import type * as Tls from 'node:tls'
import { CONNECT_TIMEOUT } from './http-faults.ts'
import type { TlsOptions } from './tls.ts'

/** Milliseconds without traffic before the kernel sends TCP keepalive probes. */
const PROBE_AFTER = 60_000

export interface SocketAddress {
  /** A host name or an IP address. An IPv6 address has no brackets. */
  readonly host: string
  readonly port: number
  /** Absolute path of a Unix socket, used instead of host and port. */
  readonly path?: string | undefined
}

/** Called once, when the connection is open or has failed. */
export type Opened = (error: Error | undefined, socket: Socket) => void

/** @param origin such as `https://[::1]:2379` */
export function socketAddressOf(origin: string): SocketAddress {
  const { hostname, port, protocol } = new URL(origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  return { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) }
}

/**
 * Opens a connection. Destroying the returned socket cancels the attempt.
 * @param tls absent for a plain connection
 * @param through an open connection to the same address, such as a tunnel through a proxy
 */
export function dial(
  { host, port, path }: SocketAddress,
  tls: TlsOptions | undefined,
  through: Socket | undefined,
  opened: Opened,
): Socket {
  const to = path === undefined ? { host, port } : { path }
  const socket =
    tls === undefined
      ? connect(to)
      : tlsModule().connect({
          ...to,
          host,
          // Server Name Indication does not allow IP addresses.
          servername: isIP(host) === 0 ? host : '',
          ALPNProtocols: ['http/1.1'],
          ...tls,
          ...(through === undefined ? {} : { socket: through }),
        })
  const timer = setTimeout(() => socket.destroy(new ConnectTimeout()), CONNECT_TIMEOUT)
  let isSettled = false
  const settle = (error?: Error): void => {
    if (isSettled) return
    isSettled = true
    clearTimeout(timer)
    opened(error, socket)
  }
  // This listener is never removed, so that no error on a connection is ever unhandled.
  socket.on('error', settle)
  socket.once(tls === undefined ? 'connect' : 'secureConnect', () => settle())
  return socket.setNoDelay(true).setKeepAlive(true, PROBE_AFTER)
}

/** Loads the module only for the first TLS connection, so that plain connections open faster. */
const tlsModule = (): typeof Tls => process.getBuiltinModule('node:tls')

class ConnectTimeout extends Error {
  readonly code = 'ETIMEDOUT'
}
