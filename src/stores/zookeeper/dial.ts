// The socket to a server: plain, or TLS where the server's client port speaks it (secureClientPort).
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { ZookeeperAddress } from './address.ts'

/**
 * Begins to connect; `onReady` is called when bytes can be sent, after the TLS handshake if any.
 * @param tls absent for plain TCP
 */
export function dialZookeeper(
  { host, port }: Pick<ZookeeperAddress, 'host' | 'port'>,
  tls: ConnectionOptions | undefined,
  onReady: () => void,
): Socket {
  if (tls === undefined) return connectTcp({ host, port, noDelay: true }, onReady)
  // An address is no name that could be asked for in the handshake.
  const name = isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ host, port, ...name, ...tls }, onReady).setNoDelay(true)
}
