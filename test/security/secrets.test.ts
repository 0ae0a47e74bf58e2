// Servers that repeat what they have received. Even then, no password and no token may reach the log, the report, the
// state or a message.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withSite } from '../e2e/support.ts'

const PASSWORD = 'Pass/w0rd"X'
const TOKEN = '5f1b-Token-XYZ'
const PAIR = Buffer.from(`usr:${PASSWORD}`).toString('base64').replace(/=+$/, '')

async function bodyOf(asked: IncomingMessage): Promise<string> {
  let text = ''
  for await (const data of asked) text += String(data)
  return text
}

/** Fails every request. The answer repeats the body and the credentials: as plain text, URL-encoded, or inside JSON. */
const httpEcho = (): Server =>
  createHttpServer((asked, answer) => {
    void bodyOf(asked).then((body) => {
      const { authorization = '', 'x-consul-token': token = '' } = asked.headers
      const said = `you sent ${body} ${authorization} ${String(token)} ${encodeURIComponent(body)}`
      answer.statusCode = 500
      const isPlain = asked.url?.includes('v1') === true
      answer.end(isPlain ? said : JSON.stringify({ error: said, message: said, code: 2 }))
    })
  })

const redisEcho = (): Server =>
  createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) =>
      socket.write(`-ERR you sent ${data.toString().replace(/[\r\n]+/g, ' ')}\r\n`),
    )
  })

const asUser = { CONFD_USERNAME: 'usr', CONFD_PASSWORD: PASSWORD }

// Concurrent, because each run waits for its timeout, which leaves a busy machine the time for one answer.
test.concurrent.each<[string, () => Server, Record<string, string>]>([
  ['etcdv3', httpEcho, asUser],
  ['consul', httpEcho, { ...asUser, CONFD_AUTH_TOKEN: TOKEN }],
  ['consul-catalog', httpEcho, { CONFD_AUTH_TOKEN: TOKEN }],
  ['redis', redisEcho, asUser],
])('%s: what a server repeats is masked', async (backend, echo, env) => {
  const server = echo()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const node = `127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    await withSite(
      ['-backend', backend, '-node', node],
      async (site) => {
        site.template('app', '{{ getv("/v") }}')
        site.resource('app')
        const report = site.path('report.json')
        const timeout = ['-timeout', '4s']
        const runs = [
          ['-onetime', '-log-level', 'debug', '-report', report, ...timeout],
          ['-preflight', ...timeout],
        ]
        const texts = await Promise.all(
          runs.map(async (flags) => {
            const { stdout, stderr } = await site.start(...flags).finished
            return stdout + stderr
          }),
        )
        expect(texts[0]).toContain('you sent')
        const state = readdirSync(join(site.root, 'state'), { recursive: true, encoding: 'utf8' })
          .map((name) => join(site.root, 'state', name))
          .filter((path) => statSync(path).isFile())
        for (const path of [report, ...state]) texts.push(readFileSync(path, 'utf8'))
        for (const text of texts) {
          expect(text).not.toMatch(/w0rd|Token-XYZ/)
          expect(text).not.toContain(PAIR)
        }
      },
      env,
    )
  } finally {
    server.close()
  }
})

test.each([
  ['CONFD_PROXY', 'http://usr:hid-den@127.0.0.1:1'],
  ['CONFD_CLIENT_CERT', '-----BEGIN CERTIFICATE-----\nhid-den\n-----END CERTIFICATE-----'],
  ['CONFD_CLIENT_KEY', '-----BEGIN PRIVATE KEY-----\nhid-den\n-----END PRIVATE KEY-----'],
  ['CONFD_PASSWORD_FILE', 'hid-den\n'],
])('a secret in %s, which expects something else, is not repeated', async (variable, value) => {
  await withSite(
    ['-backend', 'etcdv3', '-node', 'https://127.0.0.1:1'],
    async (site) => {
      site.template('app', '{{ getv("/v") }}')
      site.resource('app')
      const { code, stdout, stderr } = await site.start('-onetime').finished
      expect(code).toBe(78)
      expect(stdout + stderr).not.toContain('hid-den')
    },
    {
      CONFD_CLIENT_CERT: '/etc/hostname',
      CONFD_CLIENT_KEY: '/etc/hostname',
      CONFD_USERNAME: 'usr',
      [variable]: value,
    },
  )
})

test('a snapshot keeps a value that contains a password', async () => {
  const value = `${TOKEN} at http://usr:hid-den@h:1`
  const server = createHttpServer((_, answer) => {
    answer.setHeader('x-consul-index', 5)
    const Value = Buffer.from(value).toString('base64')
    answer.end(JSON.stringify([{ Key: 'v', Value, ModifyIndex: 3 }]))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const node = `127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    await withSite(
      ['-backend', 'consul', '-node', node],
      async (site) => {
        site.template('app', '{{ getv("/v") }}')
        site.resource('app')
        const { stdout } = await site.start('snapshot').finished
        expect(JSON.parse(stdout)).toEqual({ '/v': value })
      },
      { CONFD_AUTH_TOKEN: TOKEN },
    )
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
