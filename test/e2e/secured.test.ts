// Secured connections, as an operator sees them: exit codes, error messages, and secrets that stay hidden.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Authority } from '../support/certificates.ts'
import { startDns } from '../support/dns.ts'
import { removeDir, startConsul, startEtcd, tempDir, type EtcdServer } from '../support/servers.ts'
import { Running, withSite, type Site } from './support.ts'

const SECRET = 'an-open-s3cret'
const folder = tempDir('secured-e2e')
const ours = new Authority(folder, 'ours')
const theirs = new Authority(folder, 'theirs')
const server = ours.issue('server')
const client = ours.issue('client', { host: 'client.test' })
const expired = ours.issue('expired', { notAfter: new Date(Date.now() - 86_400_000) })

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd({ tls: { ...server, clientCa: ours.cert } })
  await etcd.client.put('/app/a', '1')
})
afterAll(async () => {
  await etcd.stop()
  removeDir(folder)
})

const trust = ['-client-ca-keys', ours.cert]
const mutual = [...trust, '-client-cert', client.cert, '-client-key', client.key]
const secured = (...more: string[]): string[] => [
  ...['-backend', 'etcd', '-scheme', 'https', '-node', etcd.secureNode],
  ...more,
]

function plain(site: Site): void {
  site.template('a', '{{ getv("/app/a") }}\n')
  site.resource('a', { keys: ['/app'] })
}

test('0: certificates on both sides', async () => {
  await withSite(secured(...mutual), async (site) => {
    plain(site)
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    expect(site.read('a')).toBe('1\n')
  })
})

describe('69', () => {
  test.each<[string, string[], string]>([
    [
      'another authority',
      ['-client-ca-keys', theirs.cert],
      "the server's certificate is signed by an authority that is not trusted",
    ],
    [
      'another name',
      [...mutual, '-client-server-name', 'etcd.test'],
      "the server's certificate is for IP Address:127.0.0.1, and not for etcd.test",
    ],
    ['no client certificate', trust, 'the server rejects the client certificate, or requires one'],
    [
      'an expired client certificate',
      [...trust, '-client-cert', expired.cert, '-client-key', expired.key],
      'the server rejects the client certificate, or requires one',
    ],
  ])('%s', async (_, access, words) => {
    await withSite(secured(...access), async (site) => {
      plain(site)
      const { code, stderr } = await site.start('-onetime', '-timeout', '60').finished
      expect(code).toBe(69)
      expect(stderr).toContain(`cannot reach etcd at https://${etcd.secureNode}: TLS: ${words}`)
    })
  })

  test('an expired server certificate; -client-insecure accepts it with a warning', async () => {
    const late = await startEtcd({ tls: expired })
    try {
      await late.client.put('/app/a', '1')
      await withSite(['-backend', 'etcd', '-node', `https://${late.secureNode}`], async (site) => {
        plain(site)
        const refused = await site.start('-onetime', ...trust).finished
        expect(refused.code).toBe(69)
        expect(refused.stderr).toContain("TLS: the server's certificate has expired")
        const taken = await site.start('-onetime', '-client-insecure').finished
        expect(taken.code).toBe(0)
        expect(taken.stderr).toMatch(/"level":"warn".*-client-insecure: the certificate of/)
      })
    } finally {
      await late.stop()
    }
  })
})

test('78: a certificate without its key', async () => {
  await withSite(secured('-client-cert', client.cert), async (site) => {
    plain(site)
    const { code, stderr } = await site.start('-onetime').finished
    expect(code).toBe(78)
    expect(stderr).toContain('-client-cert is given without -client-key')
  })
})

test('a password appears in no log, in no status and, once the program runs, in no ps', async () => {
  const guarded = await startEtcd()
  await guarded.client.put('/app/a', '1')
  const user = { name: 'app', password: SECRET, prefix: '/app' }
  await guarded.client.enableAuth('root secret', user)
  try {
    const store = ['-backend', 'etcd', '-node', guarded.node, '-username', 'app']
    await withSite(store, async (site) => {
      plain(site)
      const typed = site.start('-watch', '-log-level', 'debug', '-password', SECRET)
      await typed.until('the file is written', () => site.read('a') !== undefined)
      const line = readFileSync(`/proc/${typed.pid}/cmdline`, 'utf8')
      expect(line).toContain('-password ***')
      expect(line).not.toContain(SECRET)
      expect(typed.stderr).toContain('-password on the command line is visible to other users')
      const asked = await site.start('status', '-json').finished
      expect(asked.stdout).toContain('in sync')
      await typed.stop()

      const file = join(site.root, 'password')
      writeFileSync(file, `${SECRET}\n`)
      const read = await site.start('-onetime', '-log-level', 'debug', '-password-file', file)
        .finished
      expect(read.code).toBe(0)
      writeFileSync(file, `${SECRET} of another user\n`)
      const refused = await site.start('-onetime', '-password-file', file).finished
      expect(refused.code).toBe(69)
      expect(refused.stderr).toContain('refuses the user')
      for (const text of [typed.stderr, asked.stdout, read.stderr, refused.stderr]) {
        expect(text).not.toContain(SECRET)
      }
    })
  } finally {
    await guarded.stop()
  }
})

test('Consul with ACLs: a denied read exits with 69, and the file stays unchanged', async () => {
  const acl = { enabled: true, default_policy: 'deny', tokens: { master: SECRET } }
  const consul = await startConsul({ config: { acl }, token: SECRET })
  try {
    await consul.client.put('/app/a', '1')
    await withSite(['-backend', 'consul', '-node', consul.node], async (site) => {
      plain(site)
      writeFileSync(site.path('a'), 'old\n')
      const denied = await site.start('-onetime').finished
      expect(denied.code).toBe(69)
      expect(denied.stderr).toContain('denied access to')
      expect(site.read('a')).toBe('old\n')
      const file = join(site.root, 'token')
      writeFileSync(file, SECRET)
      const allowed = await site.start('-onetime', '-auth-token-file', file).finished
      expect(allowed.code).toBe(0)
      expect(site.read('a')).toBe('1\n')
      expect(denied.stderr + allowed.stderr).not.toContain(SECRET)
    })
  } finally {
    await consul.stop()
  }
})

test('nodes from an SRV record', async () => {
  const dns = await startDns()
  // The program uses the name servers of /etc/resolv.conf. A preloaded module replaces them with the test's server.
  const folder = tempDir('srv')
  const preload = join(folder, 'preload.mjs')
  writeFileSync(preload, `import dns from 'node:dns'\ndns.setServers(['${dns.address}'])\n`)
  const env = { NODE_OPTIONS: `--import=${preload}`, BUN_OPTIONS: `--preload=${preload}` }
  dns.set('_etcd._tcp.example.test', [
    { host: 'localhost', port: Number(etcd.secureNode.split(':')[1]) },
  ])
  try {
    await withSite([], async (site) => {
      plain(site)
      const args = (domain: string, timeout: string): string[] => [
        ...['-backend', 'etcd', '-srv-domain', domain, '-scheme', 'https', ...mutual],
        ...['-client-server-name', '127.0.0.1', '-onetime', '-timeout', timeout],
        ...['-confdir', site.root, '-state-dir', join(site.root, 'state')],
        ...['-conf-file', join(site.root, 'confd.toml')],
      ]
      expect(await new Running(args('example.test', '60'), env).finished).toMatchObject({ code: 0 })
      expect(site.read('a')).toBe('1\n')
      const missing = await new Running(args('other.test', '2'), env).finished
      expect(missing.code).toBe(69)
      expect(missing.stderr).toContain('there is no SRV record _etcdv3._tcp.other.test in DNS')
    })
  } finally {
    await dns.close()
    removeDir(folder)
  }
})
