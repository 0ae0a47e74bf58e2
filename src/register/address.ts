// The address of this machine that others reach it by: the one that packets to the store, or else to the rest
// of the world, leave from.
import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Addresses for documentation (RFC 5737, RFC 3849): nothing is sent to them. */
const ELSEWHERE = ['192.0.2.1', '2001:db8::1'] as const

/**
 * @param nodes of the store, as `host:port`
 * @returns undefined when this machine has loopback addresses only
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

/** Loopback, and IPv6 addresses that are good on one link only. */
const isLocal = (address: string): boolean => /^(?:127\.|::1$|fe80:|0\.0\.0\.0$|::$)/i.test(address)

/** Connecting a UDP socket asks the routing table and sends nothing. */
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
