// Nodes from SRV records, which a DNS server in this process provides.
import { getServers, setServers } from 'node:dns'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { FaultError } from '../../src/core/fault.ts'
import type { Store } from '../../src/core/store.ts'
import { withNodesFrom } from '../../src/stores/srv.ts'
import { startDns, type DnsServer } from '../support/dns.ts'
import { deadNodes } from '../support/dead-nodes.ts'
import { startEtcd } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'
import { Watched } from '../support/watched.ts'

const RECORD = '_etcd._tcp.example.test'
const usual = getServers()
let dns: DnsServer
beforeEach(async () => {
  dns = await startDns()
  setServers([dns.address])
})
afterEach(async () => {
  setServers(usual)
  await dns.close()
})

const store: Store = {
  name: 'none',
  nodes: [],
  watch: () => {
    throw new Error('not asked')
  },
}

async function find(
  found: Store,
  signal = new AbortController().signal,
): Promise<readonly string[]> {
  await found.findNodes?.(signal)
  return found.nodes
}

test('sorted by priority; of equal priority, a higher weight comes first more often', async () => {
  dns.set(RECORD, [
    { host: 'last.test', port: 1, priority: 20 },
    { host: 'seldom.test', port: 2, priority: 10, weight: 1 },
    { host: 'often.test', port: 3, priority: 10, weight: 1000 },
  ])
  const found = withNodesFrom([RECORD], store)
  const firsts = new Set<string | undefined>()
  for (let n = 0; n < 20; n++) {
    const nodes = await find(found)
    expect([...nodes].sort()).toEqual(['last.test:1', 'often.test:3', 'seldom.test:2'])
    expect(nodes[2]).toBe('last.test:1')
    firsts.add(nodes[0])
  }
  expect(firsts).toContain('often.test:3')
})

test('the first record that exists counts', async () => {
  dns.set('_etcdv3._tcp.example.test', [{ host: 'a.test', port: 2379 }])
  expect(await find(withNodesFrom([RECORD, '_etcdv3._tcp.example.test'], store))).toEqual([
    'a.test:2379',
  ])
})

test.each([
  ['no such record', () => undefined, `there is no SRV record ${RECORD} in DNS`],
  [
    'no service',
    () => dns.set(RECORD, [{ host: '.', port: 0 }]),
    `the SRV record ${RECORD} lists no server`,
  ],
])('%s is a fault', async (_, prepare, message) => {
  prepare()
  const found = withNodesFrom([RECORD], store)
  expect(found.nodes).toEqual([`SRV record ${RECORD}`])
  const error: unknown = await find(found).catch((thrown: unknown) => thrown)
  expect((error as FaultError).fault).toEqual({
    kind: 'store',
    message,
    hint: 'check -srv-record or -srv-domain, and DNS',
  })
})

test.each(['before', 'behind'])(
  'one of two servers is dead, %s the other: the keys are there soon',
  async (where) => {
    const etcd = await startEtcd()
    onTestFinished(() => etcd.stop())
    const dead = await deadNodes['takes connections and stays silent']()
    onTestFinished(() => dead.close())
    const [host = '', port] = etcd.node.split(':')
    dns.set(RECORD, [
      { host, port: Number(port), priority: 2 },
      { host, port: Number(dead.node.split(':')[1]), priority: where === 'before' ? 1 : 3 },
    ])
    const connection = { nodes: [], srv: [RECORD], scheme: 'http' as const }
    const watched = await Watched.open(settingsFor({ backend: 'etcdv3', connection }), ['/app'])
    onTestFinished(() => watched.close())
    await watched.live()
    expect(watched.faults).toEqual([])
  },
)

test('an answer that is no longer wanted is not waited for', async () => {
  dns.fallSilent()
  const stop = new AbortController()
  const finding = find(withNodesFrom([RECORD], store), stop.signal)
  stop.abort()
  await expect(finding).rejects.toThrow(/abort/)
})

test('a server that has moved is found; while DNS is unreachable, the previous nodes are used', async () => {
  const [one, other] = await Promise.all([startEtcd(), startEtcd()])
  onTestFinished(async () => {
    await Promise.all([one.stop(), other.stop()])
  })
  const target = (node: string) => [{ host: 'localhost', port: Number(node.split(':')[1]) }]
  await one.client.put('/app/a', 'one')
  await other.client.put('/app/a', 'other')
  dns.set(RECORD, target(one.node))
  const connection = { nodes: [], srv: [RECORD], scheme: 'http' as const }
  const watched = await Watched.open(settingsFor({ backend: 'etcdv3', connection }), ['/app'])
  onTestFinished(() => watched.close())
  await watched.live()
  await watched.converges(new Map([['/app/a', 'one']]))

  dns.set(RECORD, target(other.node))
  await one.kill()
  await watched.converges(new Map([['/app/a', 'other']]))

  dns.fallSilent()
  await other.restart()
  await other.client.put('/app/a', 'still other')
  await watched.converges(new Map([['/app/a', 'still other']]))
})

test('no DNS queries are sent once nobody waits for an answer', async () => {
  await expect(find(withNodesFrom([RECORD], store), AbortSignal.abort())).rejects.toThrow()
  expect(dns.asked).toEqual([])
})
