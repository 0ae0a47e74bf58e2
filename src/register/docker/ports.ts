// Finds the addresses at which the ports of a container are reachable: on this machine if they are published, or in the
// container's network. Pure.
import type { Container, PortBinding } from './engine.ts'

export interface Port {
  /** The port inside the container. */
  readonly exposed: string
  readonly protocol: string
  /** Absent if the port is reachable at the address of this machine. */
  readonly address?: string
  /** Whether `address` is the container's own. */
  readonly inside: boolean
  readonly port: number
}

export interface Unreachable {
  readonly exposed: string
  readonly why: string
}

/** Wildcard addresses. */
const ANY = new Set(['', '0.0.0.0', '::'])

/**
 * @param internal whether to use addresses and ports of the containers' networks
 * @param joined the container whose network this one uses, if any
 */
export function portsOf(
  container: Container,
  internal: boolean,
  joined: Container | undefined,
): { readonly ports: readonly Port[]; readonly unreachable: readonly Unreachable[] } {
  const ports: Port[] = []
  const unreachable: Unreachable[] = []
  const network = joined ?? container
  const isHost = network.HostConfig?.NetworkMode === 'host'
  const inside = isHost ? undefined : addressIn(network)
  const published = new Map(Object.entries(network.NetworkSettings.Ports ?? {}))
  const own = joined === undefined ? [...published.keys()] : []
  const names = new Set([...Object.keys(container.Config.ExposedPorts ?? {}), ...own])
  for (const name of [...names].sort(byNumber)) {
    const [exposed = '', protocol = 'tcp'] = name.split('/')
    if (isHost) {
      ports.push({ exposed, protocol, inside: false, port: Number(exposed) })
      continue
    }
    const bound = bindingOf(published.get(name) ?? published.get(exposed) ?? [])
    const isInside = internal || (joined !== undefined && bound === undefined)
    if (isInside && inside !== undefined) {
      ports.push({ exposed, protocol, address: inside, inside: true, port: Number(exposed) })
    } else if (isInside) {
      unreachable.push({ exposed, why: 'the container has no address of its own' })
    } else if (bound === undefined) {
      unreachable.push({ exposed, why: 'it is not published on this machine' })
    } else {
      const { HostIp = '', HostPort } = bound
      const address = ANY.has(HostIp) ? {} : { address: HostIp }
      ports.push({ exposed, protocol, inside: false, port: Number(HostPort), ...address })
    }
  }
  const isPort = ({ port }: Port): boolean => Number.isInteger(port) && port > 0 && port < 65_536
  return { ports: ports.filter(isPort), unreachable }
}

/** Id or name of the container whose network this one uses. */
export const joinedBy = ({ HostConfig }: Container): string | undefined =>
  /^container:(.+)$/.exec(HostConfig?.NetworkMode ?? '')?.[1]

/** Prefers a port published on all addresses to a port published on one address. */
function bindingOf(bindings: readonly PortBinding[]): PortBinding | undefined {
  const bound = bindings.filter(({ HostPort = '' }) => HostPort !== '' && HostPort !== '0')
  return bound.find(({ HostIp = '' }) => ANY.has(HostIp)) ?? bound[0]
}

/**
 * Returns an IPv4 address of the container, or else an IPv6 address. Prefers the default network, then the network
 * given by the network mode, then the first network by name.
 */
function addressIn({ NetworkSettings, HostConfig }: Container): string | undefined {
  const { IPAddress, GlobalIPv6Address, Networks } = NetworkSettings
  const named = Object.entries(Networks ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const mode = HostConfig?.NetworkMode ?? ''
  const first = named.filter(([name]) => name === mode).concat(named)
  const all = [{ IPAddress, GlobalIPv6Address }, ...first.map(([, network]) => network ?? {})]
  const found =
    all.find((one) => (one.IPAddress ?? '') !== '')?.IPAddress ??
    all.find((one) => (one.GlobalIPv6Address ?? '') !== '')?.GlobalIPv6Address
  return found === '' ? undefined : found
}

const byNumber = (a: string, b: string): number => parseInt(a) - parseInt(b) || (a < b ? -1 : 1)
