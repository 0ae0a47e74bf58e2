// Two Consul datacenters joined over WAN, with three servers in dc1 and one in dc2.
import { startConsul, type ConsulServer } from './servers.ts'

/** On loopback, timeouts shorter than Consul's defaults suffice, even on a busy machine. */
const HASTY = { probe_interval: '1s', probe_timeout: '700ms', suspicion_mult: 2 }
const COMMON = { gossip_lan: HASTY, gossip_wan: HASTY }

export interface Datacenters {
  /** The servers of dc1; the tests use the first one. */
  readonly dc1: readonly ConsulServer[]
  readonly dc2: ConsulServer
  stop(): Promise<void>
}

async function portOf({ client }: ConsulServer, where: 'lan' | 'wan'): Promise<number> {
  const self = JSON.parse(await client.call('GET', '/v1/agent/self')) as {
    DebugConfig: { SerfPortLAN: number; SerfPortWAN: number }
  }
  return where === 'lan' ? self.DebugConfig.SerfPortLAN : self.DebugConfig.SerfPortWAN
}

export async function startDatacenters(): Promise<Datacenters> {
  const first = await startConsul({ config: { ...COMMON, datacenter: 'dc1', node_name: 's1' } })
  const [lan, wan] = [await portOf(first, 'lan'), await portOf(first, 'wan')]
  const join = { bootstrap: false, retry_join: [`127.0.0.1:${lan}`], retry_interval: '1s' }
  const far = { retry_join_wan: [`127.0.0.1:${wan}`], retry_interval_wan: '1s' }
  const [second, third, dc2] = await Promise.all([
    startConsul({ config: { ...COMMON, ...join, datacenter: 'dc1', node_name: 's2' } }),
    startConsul({ config: { ...COMMON, ...join, datacenter: 'dc1', node_name: 's3' } }),
    startConsul({ config: { ...COMMON, ...far, datacenter: 'dc2', node_name: 't1' } }),
  ])
  const dc1 = [first, second, third]
  return {
    dc1,
    dc2,
    async stop() {
      await Promise.all([...dc1, dc2].map((server) => server.stop()))
    },
  }
}

/** Returns true if a server can reach a datacenter. */
export async function reaches({ client }: ConsulServer, dc: string): Promise<boolean> {
  try {
    const found = await client.call('GET', `/v1/catalog/nodes?dc=${dc}`)
    return (JSON.parse(found) as object[]).length > 0
  } catch {
    return false
  }
}

/** Registers an instance of the service web, on a node without an agent and without a check. */
export async function instance(
  { client }: ConsulServer,
  [Node, ID]: readonly [node: string, id: string],
  Address: string,
  Port: number,
): Promise<void> {
  const Service = { ID, Service: 'web', Port }
  await client.call('PUT', '/v1/catalog/register', JSON.stringify({ Node, Address, Service }))
}
