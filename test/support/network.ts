// A separate network for a test: two namespaces, a cable (veth) between them, and addresses from 127.9.0.0/24, which
// programs treat as loopback addresses. While the cable is unplugged, packets are dropped silently, as in a
// partition: connections stay open, and new ones get no answer. Needs root on Linux.
import { spawnSync } from 'node:child_process'

export interface Network {
  /** Words to put before a command line, so that it runs on this side of the network. */
  readonly client: readonly string[]
  readonly server: readonly string[]
  /** The server's address. The server can reach itself at this address even while the cable is unplugged. */
  readonly address: string
  unplug(): void
  plug(): void
  close(): void
}

const open = new Set<string>()
process.once('exit', () => {
  for (const namespace of open) spawnSync('ip', ['netns', 'del', namespace])
})

/** Creates the network, or returns the reason why this machine does not allow it. */
export function createNetwork(): Network | string {
  const [a, b] = [`reconfd-a-${process.pid}`, `reconfd-b-${process.pid}`]
  // The cable can use a part of 127.0.0.0/8 only if lo does not use the whole range.
  const script = `set -e
    ip netns add ${a}
    ip netns add ${b}
    for n in ${a} ${b}; do ip netns exec $n sh -c 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet'; done
    ip -n ${b} link set lo up
    ip -n ${b} addr del 127.0.0.1/8 dev lo
    ip -n ${a} link add va type veth peer name vb netns ${b}
    ip -n ${a} addr add 127.9.0.1/24 dev va
    ip -n ${b} addr add 127.9.0.2/24 dev vb
    ip -n ${a} link set va up
    ip -n ${b} link set vb up`
  const { status, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
  for (const namespace of [a, b]) open.add(namespace)
  const close = (): void => {
    for (const namespace of [a, b]) {
      spawnSync('ip', ['netns', 'del', namespace])
      open.delete(namespace)
    }
  }
  if (status !== 0) {
    close()
    return `this machine allows no network namespaces: ${stderr.trim()}`
  }
  const set = (how: 'up' | 'down') => () =>
    void spawnSync('ip', ['-n', b, 'link', 'set', 'vb', how])
  return {
    client: ['ip', 'netns', 'exec', a],
    server: ['ip', 'netns', 'exec', b],
    address: '127.9.0.2',
    unplug: set('down'),
    plug: set('up'),
    close,
  }
}
