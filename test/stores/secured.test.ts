// TLS to real servers that require a client certificate: the exact error messages, and certificates that are renewed
// during a watch.
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Fault } from '../../src/core/fault.ts'
import type { BackendName, ConnectionSettings } from '../../src/core/settings.ts'
import { FaultError } from '../../src/core/fault.ts'
import { openStore } from '../../src/stores/registry.ts'
import { open as openEtcd } from '../../src/stores/etcdv3.ts'
import { Authority } from '../support/certificates.ts'
import { removeDir, startConsul, startEtcd, tempDir } from '../support/servers.ts'
import { tuningOf } from './etcdv3-watch.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { settingsFor } from '../support/settings.ts'
import { until } from '../support/until.ts'
import { Watched } from '../support/watched.ts'

const folder = tempDir('secured')
const ours = new Authority(folder, 'ours')
const theirs = new Authority(folder, 'theirs')
const yesterday = new Date(Date.now() - 86_400_000)
const client = ours.issue('client', { host: 'client.test' })
const expired = ours.issue('expired-client', { host: 'client.test', notAfter: yesterday })
const foreign = theirs.issue('foreign-client', { host: 'client.test' })
const server = ours.issue('server')
const otherName = ours.issue('other-name', { host: 'other.test' })
const outdated = ours.issue('outdated', { notAfter: yesterday })

const mutual: Partial<ConnectionSettings> = {
  clientCert: client.cert,
  clientKey: client.key,
  clientCaKeys: ours.cert,
}

const watches: RawWatch[] = []
afterEach(() => Promise.all(watches.splice(0).map((watch) => watch.end())))
afterAll(() => removeDir(folder))

async function watch(
  backend: BackendName,
  node: string,
  connection: Partial<ConnectionSettings>,
): Promise<RawWatch> {
  const own = { nodes: [node], scheme: 'https' as const, ...connection }
  const opened = new RawWatch(await openStore(settingsFor({ backend, connection: own })), ['/app'])
  watches.push(opened)
  return opened
}

async function faultOf(...given: Parameters<typeof watch>): Promise<Fault> {
  try {
    return await (await watch(...given)).fault()
  } catch (error) {
    if (error instanceof FaultError) return error.fault
    throw error
  }
}

const snapshot = { kind: 'snapshot', entries: { '/app/a': '1' } }

describe.each([
  ['etcdv3', 'etcd', startEtcd],
  ['etcdv3', 'etcd', (options: object) => startEtcd({ ...options, version: '3.5' as const })],
  ['etcdv2', 'etcd', (options: object) => startEtcd({ ...options, v2: true })],
  ['consul', 'Consul', startConsul],
] as const)('%s', (backend, called, start) => {
  let good: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    good = await start({ tls: { ...server, clientCa: ours.cert } })
    const writer = 'v2' in good && backend === 'etcdv2' ? good.v2 : good.client
    await writer.put('/app/a', '1')
  })
  afterAll(() => good.stop())

  const told = (what: string, hint: string) => ({
    kind: 'store',
    message: `cannot reach ${called} at https://${good.secureNode}: TLS: ${what}`,
    hint,
    permanent: true,
  })

  test('with certificates on both sides it is read', async () => {
    expect(await (await watch(backend, good.secureNode, mutual)).next()).toEqual(snapshot)
  })

  test('an authority that is not trusted', async () => {
    const fault = await faultOf(backend, good.secureNode, { ...mutual, clientCaKeys: theirs.cert })
    expect(fault).toEqual(
      told(
        "the server's certificate is signed by an authority that is not trusted",
        'set -client-ca-keys to the file with the CA certificate of the server',
      ),
    )
  })

  test('another server name is expected, and the right one', async () => {
    const access = { ...mutual, clientServerName: 'etcd.internal' }
    expect(await faultOf(backend, good.secureNode, access)).toEqual(
      told(
        "the server's certificate is for IP Address:127.0.0.1, and not for etcd.internal",
        'set -client-server-name, or the host in -node, to one of the names in the certificate',
      ),
    )
    const port = good.secureNode.split(':')[1]
    expect((await faultOf(backend, `localhost:${port}`, mutual)).message).toContain(
      'is for IP Address:127.0.0.1, and not for localhost',
    )
    const named = await watch(backend, `localhost:${port}`, {
      ...mutual,
      clientServerName: '127.0.0.1',
    })
    expect(await named.next()).toEqual(snapshot)
  })

  test.each([
    ['no client certificate', { clientCaKeys: ours.cert }],
    ['an expired one', { ...mutual, clientCert: expired.cert, clientKey: expired.key }],
    ['one of a foreign authority', { ...mutual, clientCert: foreign.cert, clientKey: foreign.key }],
  ])('%s', async (_, access) => {
    const fault = await faultOf(backend, good.secureNode, access)
    const wrongOrNone = told(
      'the server rejects the client certificate, or requires one',
      'check that -client-cert is signed by an authority that the server trusts and has not expired',
    )
    // Servers built with a newer version of Go, such as etcd 3.5, distinguish a missing certificate from a wrong one.
    const none = told(
      'the server asks for a client certificate',
      'set -client-cert and -client-key',
    )
    expect('clientCert' in access ? [wrongOrNone] : [wrongOrNone, none]).toContainEqual(fault)
  })
})

test.each([
  ['etcdv3', 'etcd', startEtcd],
  ['consul', 'Consul', startConsul],
] as const)(
  '%s: a server whose certificate has expired, or is for another name',
  async (backend, called, start) => {
    const late = await start({ tls: outdated })
    onTestFinished(() => late.stop())
    const odd = await start({ tls: otherName })
    onTestFinished(() => odd.stop())
    for (const one of [late, odd]) await one.client.put('/app/a', '1')
    const access = { clientCaKeys: ours.cert }
    expect(await faultOf(backend, late.secureNode, access)).toEqual({
      kind: 'store',
      message: `cannot reach ${called} at https://${late.secureNode}: TLS: the server's certificate has expired`,
      hint: "renew it on the server, and check this machine's clock",
      permanent: true,
    })
    expect((await faultOf(backend, odd.secureNode, access)).message).toBe(
      `cannot reach ${called} at https://${odd.secureNode}: TLS: the server's certificate is for DNS:other.test, and not for 127.0.0.1`,
    )
    const named = { ...access, clientServerName: 'other.test' }
    expect(await (await watch(backend, odd.secureNode, named)).next()).toEqual(snapshot)
    const trusting = { clientInsecure: true as const }
    expect(await (await watch(backend, late.secureNode, trusting)).next()).toEqual(snapshot)
  },
)

describe('files', () => {
  const bad = join(folder, 'bad.pem')
  writeFileSync(bad, 'no certificate')
  test.each<[string, Partial<ConnectionSettings>]>([
    ['-client-cert is given without -client-key', { clientCert: client.cert }],
    ['-client-key is given without -client-cert', { clientKey: client.key }],
    [
      'the file given by -client-cert does not contain a certificate in PEM format',
      { ...mutual, clientCert: bad },
    ],
    [
      'the file given by -client-key does not contain a private key without a passphrase in PEM format',
      { ...mutual, clientKey: bad },
    ],
    [
      'the file given by -client-ca-keys does not contain a certificate in PEM format',
      { clientCaKeys: bad },
    ],
    [
      'the key of -client-key does not belong to the certificate of -client-cert',
      { ...mutual, clientKey: server.key },
    ],
    ['cannot read the file given by -password-file: ENOENT', { passwordFile: '/nonexistent' }],
  ])('refused at the start: %s', async (message, connection) => {
    for (const backend of ['etcdv3', 'consul', 'redis', 'zookeeper'] as const) {
      const own = { nodes: ['127.0.0.1:1'], scheme: 'https' as const, ...connection }
      const opened = await openStore(settingsFor({ backend, connection: own }))
      expect(opened).toMatchObject({ ok: false, error: { message } })
    }
  })
})

test('certificates that are renewed on disk: new connections use them, and the watch continues', async () => {
  const live = { cert: join(folder, 'live.crt'), key: join(folder, 'live.key') }
  const install = (from: { cert: string; key: string }): void => {
    copyFileSync(from.cert, live.cert)
    copyFileSync(from.key, live.key)
  }
  const etcd = await startEtcd({ tls: { ...server, clientCa: ours.cert } })
  try {
    // Long enough to connect on a busy machine; the test waits until it is over.
    const end = new Date(Date.now() + 8000)
    install(ours.issue('short-lived', { host: 'client.test', notAfter: end }))
    const old = { cert: join(folder, 'old.crt'), key: join(folder, 'old.key') }
    copyFileSync(live.cert, old.cert)
    copyFileSync(live.key, old.key)
    const connection = {
      nodes: [etcd.secureNode],
      scheme: 'https' as const,
      clientCaKeys: ours.cert,
      clientCert: live.cert,
      clientKey: live.key,
    }
    // The requests that supervise the watch may open new connections, which must use the renewed certificate.
    const opened = openEtcd(settingsFor({ backend: 'etcdv3', connection }), tuningOf(300))
    const watching = new RawWatch(opened, ['/app'])
    watches.push(watching)
    expect(await watching.next()).toEqual({ kind: 'snapshot', entries: {} })
    const change = watching.next()
    install(client)
    const outOfDate = { ...connection, clientCert: old.cert, clientKey: old.key }
    await until('the old certificate is refused', async () => {
      const stale = await watch('etcdv3', etcd.secureNode, outOfDate)
      return stale.next().then(
        () => false,
        () => true,
      )
    })
    await etcd.client.put('/app/a', '1')
    expect(await change).toEqual({ kind: 'delta', put: { '/app/a': '1' }, del: [] })
    await etcd.client.put('/app/a', '2')
    expect(await watching.next()).toEqual({ kind: 'delta', put: { '/app/a': '2' }, del: [] })
  } finally {
    await etcd.stop()
  }
})

test('a server that comes back with a certificate of another authority, renewed on our side too', async () => {
  const live = { cert: join(folder, 'front.crt'), key: join(folder, 'front.key') }
  const trusted = join(folder, 'trusted.crt')
  const install = (authority: Authority, name: string): void => {
    const issued = authority.issue(name)
    copyFileSync(issued.cert, live.cert)
    copyFileSync(issued.key, live.key)
    copyFileSync(authority.cert, trusted)
  }
  install(ours, 'front-of-ours')
  const consul = await startConsul({ tls: live })
  onTestFinished(() => consul.stop())
  await consul.client.put('/app/a', '1')
  const connection = {
    nodes: [consul.secureNode],
    scheme: 'https' as const,
    clientCaKeys: trusted,
  }
  const watched = await Watched.open(settingsFor({ backend: 'consul', connection }), ['/app'])
  onTestFinished(() => watched.close())
  await watched.live()
  install(theirs, 'front-of-theirs')
  await consul.restart()
  await consul.client.put('/app/a', '2')
  await watched.converges(new Map([['/app/a', '2']]))
  expect(watched.faults.map(({ message }) => message).join()).not.toContain('TLS')
})
