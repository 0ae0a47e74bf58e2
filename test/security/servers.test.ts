// Which server receives which credentials: redirects must not be followed, and each store has its own credentials.
// (test/contract/lying.test.ts covers servers that lie, and secrets.test.ts covers servers that repeat their input.)
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withSite } from '../e2e/support.ts'

interface Listening {
  readonly server: Server
  readonly node: string
  /** The requests so far. */
  readonly asked: string[]
  /** The headers of the requests, as text. */
  readonly headers: string[]
}

async function listen(
  answer: (path: string) => [status: number, headers: object],
): Promise<Listening> {
  const asked: string[] = []
  const seen: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    seen.push(JSON.stringify(request.rawHeaders))
    request.resume()
    const [status, headers] = answer(request.url ?? '/')
    // A body that each of the stores would read as a key.
    const body = [{ Key: 'v', LockIndex: 0, ModifyIndex: 1, Value: 'ZXZpbA==' }]
    response.writeHead(status, { ...headers, 'x-consul-index': '1' }).end(JSON.stringify(body))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    server,
    node: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    headers: seen,
  }
}

let target: Listening
beforeAll(async () => {
  target = await listen(() => [200, { 'content-type': 'application/json' }])
})
afterAll(() => void target.server.close())

const secrets = {
  CONFD_USERNAME: 'usr',
  CONFD_PASSWORD: 'Pass-w0rd',
  CONFD_AUTH_TOKEN: 'Token-XYZ',
}
const credentials = {
  etcdv3: secrets,
  etcdv2: secrets,
  consul: { CONFD_AUTH_TOKEN: secrets.CONFD_AUTH_TOKEN },
  'consul-catalog': { CONFD_AUTH_TOKEN: secrets.CONFD_AUTH_TOKEN },
}

describe.each(Object.entries(credentials))('redirects of %s', (backend, env) => {
  // Concurrent, because each run waits for its timeout, which leaves a busy machine the time for one answer.
  test.concurrent.each([302, 307])('%i is a failure, and nobody else is asked', async (status) => {
    const server = await listen((path) => [status, { location: `http://${target.node}${path}` }])
    try {
      await withSite(
        ['-backend', backend, '-node', server.node],
        async (site) => {
          site.template('app', '{{ getv("/v", "none") }}')
          site.resource('app')
          const { code, stderr } = await site.start('-onetime', '-timeout', '4s').finished
          expect(code, stderr).toBe(69)
          expect(stderr).toContain(`HTTP ${status}`)
          expect(server.asked.length).toBeGreaterThan(0)
          expect(site.read('app')).toBeUndefined()
        },
        env,
      )
    } finally {
      server.server.close()
    }
    expect(target.asked).toEqual([])
  })
})

test('a store receives its own credentials, and none of another store', async () => {
  const denied = () => listen(() => [403, {}])
  const [one, two, three] = await Promise.all([denied(), denied(), denied()])
  try {
    await withSite([], async (site) => {
      site.config(
        `[stores.one]\nbackend = "consul"\nnodes = ["${one.node}"]\nauth_token = "token-of-one"\n` +
          `[stores.two]\nbackend = "consul"\nnodes = ["${two.node}"]\nauth_token = "token-of-two"\n` +
          `[stores.three]\nbackend = "consul"\nnodes = ["${three.node}"]\n`,
      )
      for (const name of ['one', 'two', 'three']) {
        site.template(name, `{{ getv("${name}:/v") }}`)
        site.resource(name, { keys: [`${name}:/v`] })
      }
      await site.start('-onetime', '-timeout', '4s', '-backend', 'env').finished
    })
    expect(one.headers.join('')).toContain('token-of-one')
    expect(one.headers.join('')).not.toContain('token-of-two')
    expect(two.headers.join('')).toContain('token-of-two')
    expect(two.headers.join('')).not.toContain('token-of-one')
    expect(three.headers.length).toBeGreaterThan(0)
    expect(three.headers.join('')).not.toContain('token-of')
  } finally {
    for (const { server } of [one, two, three]) server.close()
  }
})
