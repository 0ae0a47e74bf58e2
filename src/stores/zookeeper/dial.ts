// Connects to a server, over TCP or TLS (ZooKeeper's secureClientPort).
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { ZookeeperAddress } from '../../core/zookeeper-node.ts'

/**
 * Starts to open a connection and returns its socket.
 * @param tls absent for plain TCP
 * @param onReady called when the connection is open, and the TLS handshake, if any, is complete
 */
export function dialZookeeper(
  { host, port }: Pick<ZookeeperAddress, 'host' | 'port'>,
  tls: ConnectionOptions | undefined,
  onReady: () => void,
): Socket {
  if (tls === undefined) return connectTcp({ host, port, noDelay: true }, onReady)
  // Server Name Indication does not allow IP addresses.
  const name = isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ host, port, ...name, ...tls }, onReady).setNoDelay(true)
}
