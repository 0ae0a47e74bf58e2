// Connections to stores: certificates; credentials from flags, files and the environment; nodes from DNS.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ConnectionSettings } from '../../src/core/settings.ts'
import { concealed } from '../../src/config/concealed.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { folderOf } from './folder.ts'

async function load(argv: string[], env: Record<string, string> = {}, toml = '') {
  const folder = await folderOf({ 'confd.toml': toml })
  return loadSettings(argv, { CONFD_CONFIG_FILE: join(folder, 'confd.toml'), ...env })
}

async function connectionOf(...given: Parameters<typeof load>) {
  const result = await load(...given)
  if (!result.ok) throw new Error(result.error.faults.map(({ message }) => message).join('\n'))
  if (result.value.kind !== 'run') throw new Error(`not a run: ${result.value.kind}`)
  return {
    ...result.value.settings.connection,
    notices: result.value.notices.flatMap((one) => (one.level === 'warn' ? one.message : [])),
  }
}

const secured: Partial<ConnectionSettings> = {
  clientCert: '/c.crt',
  clientKey: '/c.key',
  clientCaKeys: '/ca.crt',
  clientServerName: 'etcd.internal',
  clientInsecure: true,
  passwordFile: '/p',
  authTokenFile: '/t',
}

test('files have no nodes, so that the log names none', async () => {
  expect(await connectionOf(['-file', '/a.yaml', '-node', 'b:1'])).toMatchObject({ nodes: [] })
})

test('flags, environment and confd.toml give the same connection', async () => {
  const flags = [
    ...['-client-cert', '/c.crt', '-client-key', '/c.key', '-client-ca-keys', '/ca.crt'],
    ...['-client-server-name', 'etcd.internal', '-client-insecure'],
    ...['-password-file', '/p', '-auth-token-file', '/t', '-basic-auth', '-username', 'u'],
  ]
  expect(await connectionOf(flags)).toMatchObject(secured)
  const env = {
    CONFD_CLIENT_CERT: '/c.crt',
    CONFD_CLIENT_KEY: '/c.key',
    CONFD_CLIENT_CAKEYS: '/ca.crt',
    CONFD_CLIENT_SERVER_NAME: 'etcd.internal',
    CONFD_CLIENT_INSECURE: 'true',
    CONFD_PASSWORD_FILE: '/p',
    CONFD_AUTH_TOKEN_FILE: '/t',
  }
  expect(await connectionOf([], env)).toMatchObject(secured)
  const toml = [
    'client_cert = "/c.crt"\nclient_key = "/c.key"\nclient_cakeys = "/ca.crt"',
    'client_server_name = "etcd.internal"\nclient_insecure = true',
    'password_file = "/p"\nauth_token_file = "/t"',
  ]
  expect(await connectionOf([], {}, toml.join('\n'))).toMatchObject(secured)
})

test('without settings there are no credentials, and empty values count as unset', async () => {
  const plain = { nodes: [], scheme: 'http', notices: [] }
  expect(await connectionOf([])).toEqual(plain)
  const toml =
    'client_cert = ""\npassword = ""\nsrv_domain = ""\nusername = ""\nclient_insecure = false'
  expect(await connectionOf([], {}, toml)).toEqual(plain)
})

describe('a secret or a file that contains it', () => {
  test('the stronger source wins, whichever of the two it names', async () => {
    const file = await connectionOf(['-password-file', '/p'], { CONFD_PASSWORD: 'weak' })
    expect(file).toMatchObject({ passwordFile: '/p' })
    expect(file).not.toHaveProperty('password')
    const text = await connectionOf([], { CONFD_AUTH_TOKEN: 'strong' }, 'auth_token_file = "/t"')
    expect(text).toMatchObject({ authToken: 'strong' })
    expect(text).not.toHaveProperty('authTokenFile')
  })

  test.each([
    [['-password', 's3cret', '-password-file', '/p'], {}, 64, 'password and password-file'],
    [
      [],
      { CONFD_AUTH_TOKEN: 's3cret', CONFD_AUTH_TOKEN_FILE: '/t' },
      78,
      'auth-token and auth-token-file',
    ],
  ])('both from one source is a fault: %j %j', async (argv, env, exit, pair) => {
    expect(await load(argv, env as Record<string, string>)).toMatchObject({
      ok: false,
      error: {
        exit,
        faults: [{ message: `${pair} are both set`, hint: 'leave one of them out' }],
      },
    })
  })

  test('a secret on the command line gives a notice that does not repeat it', async () => {
    const { notices } = await connectionOf([
      '-backend',
      'consul',
      '-password',
      's3cret',
      '-auth-token',
      's3cret',
    ])
    expect(notices).toHaveLength(2)
    expect(notices[0]).toMatch(/^-password on the command line is visible .* -password-file /)
    expect(notices.join()).not.toContain('s3cret')
    expect((await connectionOf([], { CONFD_PASSWORD: 's3cret' })).notices).toEqual([])
  })
})

describe('SRV records', () => {
  test.each([
    [['-srv-record', '_x._tcp.example.com'], ['_x._tcp.example.com']],
    [['-srv-domain', 'example.com', '-backend', 'consul'], ['_consul._tcp.example.com']],
    [
      ['-srv-domain', 'example.com'],
      ['_etcd._tcp.example.com', '_etcdv3._tcp.example.com'],
    ],
    [['-srv-domain', 'example.com', '-srv-record', '_y._tcp.b'], ['_y._tcp.b']],
    [['-srv-domain', 'example.com', '-backend', 'env'], undefined],
  ])('%j', async (argv, records) => {
    expect((await connectionOf(argv)).srv).toEqual(records)
  })

  test('they replace the nodes, as in confd', async () => {
    const { nodes, notices } = await connectionOf(['-srv-domain', 'a', '-node', 'b:1'])
    expect(nodes).toEqual([])
    expect(notices).toEqual(['-node is not used: -srv-domain provides the nodes'])
  })
})

test('-basic-auth needs a user', async () => {
  const { notices } = await connectionOf(['-basic-auth'])
  expect(notices).toEqual(['-basic-auth without -username has no effect'])
})

test.each([
  [
    ['-watch', '-password', 's3cret'],
    ['-watch', '-password', '***'],
  ],
  [
    ['--auth-token=s3cret', 'status'],
    ['--auth-token=***', 'status'],
  ],
  [
    ['-password', '-x', '-http-token', 'a'],
    ['-password', '***', '-http-token', '***'],
  ],
  [['-password-file', '/p', '-prefix', '-password'], undefined],
])('what ps shows of %j', (argv, shown) => {
  expect(concealed(argv)).toEqual(shown)
})
