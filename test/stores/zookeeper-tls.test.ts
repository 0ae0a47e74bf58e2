// ZooKeeper's secure client port, which asks for a certificate: certificates made here, by openssl.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Connection } from '../../src/core/settings.ts'
import { open } from '../../src/stores/zookeeper.ts'
import { tempDir } from '../support/process.ts'
import { RawWatch } from '../support/raw-watch.ts'
import { settingsFor } from '../support/settings.ts'
import { startZookeeper, type ZookeeperServer } from '../support/zookeeper.ts'

const folder = tempDir('zookeeper-tls')
const file = (name: string): string => join(folder, name)
let zookeeper: ZookeeperServer

const openssl = (...args: string[]): Buffer =>
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** NAME.crt and NAME.key, an authority of its own. */
function authority(name: string): void {
  openssl(
    'req',
    '-x509',
    ...key,
    '-subj',
    `/CN=${name}`,
    '-days',
    '1',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  )
}

/** NAME.crt and NAME.key for 127.0.0.1, signed by an authority. */
function certificate(name: string, by: string): void {
  writeFileSync(file(`${name}.ext`), 'subjectAltName=IP:127.0.0.1')
  openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    `${by}.crt`,
    '-CAkey',
    `${by}.key`,
    '-CAcreateserial',
    '-days',
    '1',
    '-extfile',
    `${name}.ext`,
    '-out',
    `${name}.crt`,
  )
}

beforeAll(async () => {
  authority('ours')
  authority('theirs')
  certificate('server', 'ours')
  certificate('client', 'ours')
  writeFileSync(
    file('server.pem'),
    readFileSync(file('server.key'), 'utf8') + readFileSync(file('server.crt'), 'utf8'),
  )
  writeFileSync(file('trust.pem'), readFileSync(file('ours.crt')))
  zookeeper = await startZookeeper({
    tls: { keyStore: file('server.pem'), trustStore: file('trust.pem') },
  })
  await zookeeper.client.put('/app/a', '1')
})
afterAll(async () => {
  await zookeeper.stop()
})

const watch = (connection: Partial<Connection>): RawWatch =>
  new RawWatch(
    open(
      settingsFor({
        backend: 'zookeeper',
        connection: { nodes: [zookeeper.secureNode], scheme: 'https', ...connection },
      }),
    ),
    ['/app'],
  )

const client = () => ({ clientCert: file('client.crt'), clientKey: file('client.key') })

test('with certificates on both sides it is read and watched', async () => {
  const watched = watch({ ...client(), clientCaKeys: file('ours.crt') })
  expect(await watched.next()).toEqual({ kind: 'snapshot', entries: { '/app/a': '1' } })
  await zookeeper.client.put('/app/big', 'x'.repeat(500_000))
  expect(await watched.next()).toMatchObject({ kind: 'delta', del: [] })
  await watched.end()
})

test('a server that another authority stands for is not trusted', async () => {
  expect((await watch({ ...client(), clientCaKeys: file('theirs.crt') }).fault()).message).toMatch(
    /^cannot reach ZooKeeper at \S+: TLS: /,
  )
})

test('the name that is expected of the server is that of -client-server-name', async () => {
  const trusting = { ...client(), clientCaKeys: file('ours.crt') }
  const fault = await watch({ ...trusting, clientServerName: 'zk.test' }).fault()
  expect(fault.message).toBe(
    `cannot reach ZooKeeper at ${zookeeper.secureNode}: TLS: the server's certificate is for IP Address:127.0.0.1, and not for zk.test`,
  )
  const blind = watch({ ...client(), clientInsecure: true })
  expect(await blind.next()).toMatchObject({ kind: 'snapshot' })
  await blind.end()
})

test('without a certificate of ours there is no session', async () => {
  const fault = await watch({ clientCaKeys: file('ours.crt') }).fault()
  expect(fault.message).toContain(`ZooKeeper at ${zookeeper.secureNode}`)
})

test('without TLS the secure port gives no session', async () => {
  const fault = await watch({ scheme: 'http' }).fault()
  expect(fault.message).toBe(
    `ZooKeeper at ${zookeeper.secureNode} closed the connection before there was a session`,
  )
  expect(fault.hint).toContain('-scheme https')
})

test('a file that is not there is said at once', () => {
  const opened = open(
    settingsFor({
      backend: 'zookeeper',
      connection: { nodes: [], scheme: 'https', clientCaKeys: file('missing.crt') },
    }),
  )
  expect(opened.ok ? '' : opened.error.message).toBe(
    'cannot read the file of -client-ca-keys: ENOENT',
  )
})
