// Parses `-node` for ZooKeeper: `host`, `host:port` or `[::1]:port`, each optionally followed by a chroot.
import { raise } from './fault.ts'
import { quotedNode } from './http-node.ts'

export interface ZookeeperAddress {
  readonly host: string
  readonly port: number
  /** The znode used as `/`, such as `/prod`; empty without a chroot. */
  readonly chroot: string
}

const DEFAULT_PORT = 2181

/** Throws a FaultError if the node is not a valid address. */
export function parseZookeeperNode(node: string): ZookeeperAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?(\/[^\s]*)?$/i.exec(node)
  const [, ipv6, name, port, path = ''] = match ?? []
  const host = ipv6 ?? name
  if (node.includes('@')) {
    raise('store', `the node ${node.replace(/.*@/, '')} contains a user or a password`, {
      hint: 'set -username and -password-file instead',
      permanent: true,
    })
  }
  if (host === undefined || Number(port ?? DEFAULT_PORT) > 65_535) {
    raise('store', `the node ${quotedNode(node)} is not a valid ZooKeeper address`, {
      hint: 'write -node host:port or host:port/chroot',
      permanent: true,
    })
  }
  const parts = path.split('/').filter((part) => part !== '')
  const chroot = parts.map((part) => `/${part}`).join('')
  return { host, port: Number(port ?? DEFAULT_PORT), chroot }
}

/**
 * Returns the individual nodes, as `host:port/chroot`. As in ZooKeeper's own notation `a:2181,b:2181/chroot`, the
 * chroot after the last server applies to all servers. Throws a FaultError if a node is not a valid address, or if two
 * chroots differ, because a failover must not change the keys.
 */
export function expandNodes(nodes: readonly string[]): readonly string[] {
  const addresses = nodes
    .flatMap((node) => node.split(','))
    .filter((node) => node !== '')
    .map(parseZookeeperNode)
  const chroots = new Set(addresses.map(({ chroot }) => chroot).filter((chroot) => chroot !== ''))
  if (chroots.size > 1) {
    raise('store', `the nodes have different chroots: ${[...chroots].join(' and ')}`, {
      hint: 'give all nodes the same chroot, because they belong to one ensemble',
      permanent: true,
    })
  }
  const [chroot = ''] = chroots
  return addresses.map(({ host, port }) => `${zookeeperHostAndPort({ host, port })}${chroot}`)
}

export const zookeeperHostAndPort = ({
  host,
  port,
}: Pick<ZookeeperAddress, 'host' | 'port'>): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`
