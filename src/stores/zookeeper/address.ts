// What `-node` may be for ZooKeeper: `host`, `host:port`, `[::1]:port`, each with a chroot behind it.
import { raise } from '../../core/fault.ts'
import { quotedNode } from '../../core/http-node.ts'

export interface ZookeeperAddress {
  readonly host: string
  readonly port: number
  /** The znode that stands for `/`, such as `/prod`; empty without a chroot. */
  readonly chroot: string
}

const DEFAULT_PORT = 2181

/** Throws a FaultError when it is no address. */
export function parseZookeeperNode(node: string): ZookeeperAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?(\/[^\s]*)?$/i.exec(node)
  const [, ipv6, name, port, path = ''] = match ?? []
  const host = ipv6 ?? name
  if (node.includes('@')) {
    raise('store', `the node ${node.replace(/.*@/, '')} carries a user or a password`, {
      hint: 'give them with -username and -password',
      permanent: true,
    })
  }
  if (host === undefined || Number(port ?? DEFAULT_PORT) > 65_535) {
    raise('store', `the node ${quotedNode(node)} is not an address`, {
      hint: 'write -node host:port or host:port/chroot',
      permanent: true,
    })
  }
  const parts = path.split('/').filter((part) => part !== '')
  const chroot = parts.map((part) => `/${part}`).join('')
  return { host, port: Number(port ?? DEFAULT_PORT), chroot }
}

/**
 * The nodes one by one, as `host:port/chroot`. ZooKeeper's own notation `a:2181,b:2181/chroot` puts
 * one chroot behind the last server and means it for all, so that is what it means here, too.
 * Throws a FaultError when a node is no address, or when two chroots differ: the nodes of one
 * ensemble hold the same tree, and falling over to another one must not change the keys.
 */
export function expandNodes(nodes: readonly string[]): readonly string[] {
  const addresses = nodes
    .flatMap((node) => node.split(','))
    .filter((node) => node !== '')
    .map(parseZookeeperNode)
  const chroots = new Set(addresses.map(({ chroot }) => chroot).filter((chroot) => chroot !== ''))
  if (chroots.size > 1) {
    raise('store', `the nodes have different chroots: ${[...chroots].join(' and ')}`, {
      hint: 'all nodes belong to one ensemble: give them the same chroot',
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
