// ZooKeeper's secure client port, which requires a certificate: error messages, and certificates that are renewed.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { ConnectionSettings } from '../../src/core/settings.ts'
import { open } from '../../src/stores/zookeeper.ts'
import { Authority, type CertificateFiles } from '../support/certificates.ts'
import { removeDir, tempDir } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { settingsFor } from '../support/settings.ts'
import { Watched } from '../support/watched.ts'
import { startZookeeper, type ZookeeperServer } from '../support/zookeeper.ts'

const folder = tempDir('zookeeper-tls')
const file = (name: string): string => join(folder, name)
const yesterday = new Date(Date.now() - 86_400_000)
const ours = new Authority(folder, 'ours')
const theirs = new Authority(folder, 'theirs')
const client = ours.issue('client')
const expired = ours.issue('expired', { notAfter: yesterday })
const foreign = theirs.issue('foreign')
let zookeeper: ZookeeperServer

beforeAll(async () => {
  zookeeper = await startSecured(ours.issue('server'))
  await zookeeper.client.put('/app/a', '1')
})
afterAll(async () => {
  await zookeeper.stop()
  removeDir(folder)
})

/** Starts a server with this certificate. Clients need a certificate from the test's own authority. */
async function startSecured({ cert, key }: CertificateFiles): Promise<ZookeeperServer> {
  const keyStore = `${cert}.pem`
  writeFileSync(keyStore, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'))
  // Java detects the format from the file name.
  const trustStore = file('trust.pem')
  copyFileSync(ours.cert, trustStore)
  return startZookeeper({ tls: { keyStore, trustStore } })
}

const settings = (connection: Partial<ConnectionSettings>) =>
  settingsFor({
    backend: 'zookeeper',
    connection: { nodes: [zookeeper.secureNode], scheme: 'https', ...connection },
  })

const watch = (connection: Partial<ConnectionSettings>): RawWatch =>
  new RawWatch(open(settings(connection)), ['/app'])

const as = ({ cert, key }: CertificateFiles) => ({ clientCert: cert, clientKey: key })
const trusting = { clientCaKeys: ours.cert }

test('with certificates on both sides it is read and watched', async () => {
  const watched = watch({ ...as(client), ...trusting })
  expect(await watched.next()).toEqual({ kind: 'snapshot', entries: { '/app/a': '1' } })
  await zookeeper.client.put('/app/big', 'x'.repeat(500_000))
  expect(await watched.next()).toMatchObject({ kind: 'delta', del: [] })
  await watched.end()
})

test('a server certificate of another authority is not trusted', async () => {
  const fault = await watch({ ...as(client), clientCaKeys: theirs.cert }).fault()
  expect(fault.message).toBe(
    `cannot reach ZooKeeper at ${zookeeper.secureNode}: TLS: the server's certificate is signed by an authority that is not trusted`,
  )
})

test('a server whose certificate has expired', async () => {
  const late = await startSecured(ours.issue('late-server', { notAfter: yesterday }))
  onTestFinished(() => late.stop())
  const nodes = [late.secureNode]
  expect((await watch({ nodes, ...as(client), ...trusting }).fault()).message).toBe(
    `cannot reach ZooKeeper at ${late.secureNode}: TLS: the server's certificate has expired`,
  )
  const blind = watch({ nodes, ...as(client), clientInsecure: true })
  expect(await blind.next()).toMatchObject({ kind: 'snapshot' })
  await blind.end()
})

test('the name that is expected of the server is that of -client-server-name', async () => {
  const fault = await watch({ ...as(client), ...trusting, clientServerName: 'zk.test' }).fault()
  expect(fault.message).toBe(
    `cannot reach ZooKeeper at ${zookeeper.secureNode}: TLS: the server's certificate is for IP Address:127.0.0.1, and not for zk.test`,
  )
  const blind = watch({ ...as(client), clientInsecure: true })
  expect(await blind.next()).toMatchObject({ kind: 'snapshot' })
  await blind.end()
})

test.each([
  ['no certificate of ours', {}],
  ['an expired one', as(expired)],
  ['one of a foreign authority', as(foreign)],
])('%s: there is no session', async (_, own) => {
  const fault = await watch({ ...own, ...trusting }).fault()
  expect(fault).toMatchObject({
    // Newer versions of Java say which of the two reasons applies.
    message: expect.stringMatching(
      /: TLS: the server (?:rejects the client certificate, or requires one|asks for a client certificate)$/,
    ) as string,
    permanent: true,
  })
})

test('a certificate that is renewed on disk is used by the next session', async () => {
  const live = { cert: file('live.crt'), key: file('live.key') }
  const install = ({ cert, key }: CertificateFiles): void => {
    copyFileSync(cert, live.cert)
    copyFileSync(key, live.key)
  }
  install(client)
  const proxy = await startProxy(zookeeper.secureNode)
  onTestFinished(() => proxy.close())
  const access = { nodes: [proxy.node], ...as(live), ...trusting }
  const watched = await Watched.open(settings(access), ['/renewed'])
  onTestFinished(() => watched.close())
  await watched.live()
  install(expired)
  // The expired certificate must not affect the existing connection.
  await zookeeper.client.put('/renewed/a', '1')
  await watched.converges(new Map([['/renewed/a', '1']]))
  proxy.cut()
  await watched.broken()
  proxy.restore()
  await watched.broken(watched.faults.length)
  install(ours.issue('renewed'))
  await zookeeper.client.put('/renewed/a', '2')
  await watched.converges(new Map([['/renewed/a', '2']]))
})

test('without TLS the secure port gives no session', async () => {
  const fault = await watch({ scheme: 'http' }).fault()
  expect(fault.message).toBe(
    `ZooKeeper at ${zookeeper.secureNode} closed the connection before there was a session`,
  )
  expect(fault.hint).toContain('-scheme https')
})

test('a missing file is reported at once', () => {
  const opened = open(
    settingsFor({
      backend: 'zookeeper',
      connection: { nodes: [], scheme: 'https', clientCaKeys: file('missing.crt') },
    }),
  )
  expect(opened.ok ? '' : opened.error.message).toBe(
    'cannot read the file given by -client-ca-keys: ENOENT',
  )
})
