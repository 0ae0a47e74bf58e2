// Finds the address at which other machines reach this one: the source address of packets to the store, or else of
// packets to the internet, or else the address of a network interface.
import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Documentation addresses (RFC 5737, RFC 3849), used to query the routing table; nothing is sent. */
const ELSEWHERE = ['192.0.2.1', '2001:db8::1'] as const

/**
 * @param nodes the nodes of the store, as `host:port`
 * @returns undefined if this machine has only loopback and link-local addresses
 */
export async function ownAddress(nodes: readonly string[]): Promise<string | undefined> {
  const hosts = nodes.map((node) => node.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'))
  for (const host of [...hosts.filter((one) => isIP(one) !== 0), ...ELSEWHERE]) {
    const source = await sourceTo(host)
    if (source !== undefined && !isLocal(source)) return source
  }
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const usable = all.filter(({ internal, address }) => !internal && !isLocal(address))
  return (usable.find(({ family }) => family === 'IPv4') ?? usable[0])?.address
}

/** True for loopback, link-local and unspecified addresses. */
const isLocal = (address: string): boolean => /^(?:127\.|::1$|fe80:|0\.0\.0\.0$|::$)/i.test(address)

/** Connecting a UDP socket looks up the route without sending anything. */
function sourceTo(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4')
    const end = (address?: string): void => {
      socket.close()
      resolve(address)
    }
    socket.on('error', () => end())
    socket.connect(9, host, () => end(socket.address().address))
  })
}
