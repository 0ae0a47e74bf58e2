// Ways to reach a node: over a Unix socket, through a proxy, or directly.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { FaultError } from '../../src/core/fault.ts'
import type { ConnectionSettings, ProxySettings } from '../../src/core/settings.ts'
import { checkConnection, openHttp } from '../../src/stores/http.ts'
import { withoutSecrets } from '../../src/system/secrets.ts'
import { freePorts } from '../support/process.ts'

const limits = { body: 2 ** 20, message: 2 ** 17 }
const servers: Server[] = []

async function ask(node: string, more: Partial<ConnectionSettings> = {}): Promise<string> {
  const connection: ConnectionSettings = { nodes: [], scheme: 'http', ...more }
  const http = openHttp(node, { connection, limits, product: 'Consul', port: 8500 })
  try {
    return (await http.request('/v1/x?y=1')).body
  } finally {
    await http.close()
  }
}

async function failure(asked: () => unknown): Promise<string> {
  try {
    await asked()
  } catch (error) {
    if (error instanceof FaultError) return `${error.fault.message}\n${error.fault.hint}`
    throw error
  }
  throw new Error('it did not fail')
}

async function listen(server: Server, at: string | number = 0): Promise<string> {
  servers.push(server)
  await new Promise<void>((listening) =>
    typeof at === 'string'
      ? server.listen(at, listening)
      : server.listen(at, '127.0.0.1', listening),
  )
  return typeof at === 'string' ? at : `127.0.0.1:${(server.address() as AddressInfo).port}`
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

const echo = (): Server =>
  createServer((request, response) => response.end(`${request.url} for ${request.headers.host}`))

describe('a Unix socket', () => {
  const folder = (): string => {
    const dir = mkdtempSync(join(tmpdir(), 'reconfd-socket-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    return dir
  }

  test('is a node', async () => {
    const path = await listen(echo(), join(folder(), 'consul.sock'))
    expect(await ask(`unix://${path}`)).toBe('/v1/x?y=1 for localhost')
    // A proxy must not be used for a Unix socket.
    const proxy: ProxySettings = { http: 'http://127.0.0.1:1', except: [] }
    expect(await ask(`unix://${path}`, { proxy })).toBe('/v1/x?y=1 for localhost')
  })

  test('that is not there', async () => {
    const path = join(folder(), 'none.sock')
    expect(await failure(() => ask(`unix://${path}`))).toBe(
      `cannot reach Consul at unix://${path}: there is no socket at this path\ncheck that Consul is running there, and check -node`,
    )
  })
})

describe('a proxy', () => {
  /** Starts a proxy that records each request and its `Proxy-Authorization`. */
  async function proxy(status = 200): Promise<{ address: string; asked: string[] }> {
    const asked: string[] = []
    const note = ({ method, url, headers }: IncomingMessage): void => {
      const known = headers['proxy-authorization']
      asked.push([method, url, headers.host, ...(known === undefined ? [] : [known])].join(' '))
    }
    const server = createServer((request, response) => {
      note(request)
      response.end('from the proxy')
    })
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      note(request)
      socket.on('error', () => undefined)
      if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
      const [, port] = (request.url ?? '').split(':')
      const target = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        target.pipe(socket).pipe(target)
      })
      target.on('error', () => socket.destroy())
    })
    return { address: await listen(server), asked }
  }

  test('gets requests to http nodes whole', async () => {
    const { address, asked } = await proxy()
    const settings = { http: `http://me:pa%20ss@${address}`, except: [] }
    expect(await ask('store.invalid', { proxy: settings })).toBe('from the proxy')
    const known = `Basic ${Buffer.from('me:pa ss').toString('base64')}`
    expect(asked).toEqual([`GET http://store.invalid:8500/v1/x?y=1 store.invalid:8500 ${known}`])
  })

  test('gets a password that is not escaped, which no message repeats', async () => {
    const { address, asked } = await proxy()
    const settings = { http: `http://me:100%sure@${address}`, except: [] }
    await ask('store.invalid', { proxy: settings })
    const pair = Buffer.from('me:100%sure').toString('base64')
    expect(asked).toEqual([
      `GET http://store.invalid:8500/v1/x?y=1 store.invalid:8500 Basic ${pair}`,
    ])
    expect(withoutSecrets(`you sent Basic ${pair}`)).not.toContain(pair)
  })

  test('opens a tunnel to https nodes', async () => {
    const { address, asked } = await proxy()
    // The proxy itself uses plain HTTP; TLS begins inside the tunnel.
    const node = `https://${(await listen(echo())).replace('127.0.0.1', 'store.invalid')}`
    const told = await failure(() => ask(node, { proxy: { https: address, except: [] } }))
    expect(told).toContain('the server does not speak TLS')
    const target = node.replace('https://', '')
    expect(asked).toEqual([`CONNECT ${target} ${target}`])
  })

  test('that refuses, and one that is unreachable', async () => {
    const { address } = await proxy(407)
    const node = 'https://store.invalid:8501'
    expect(await failure(() => ask(node, { proxy: { https: address, except: [] } }))).toBe(
      `cannot reach store.invalid:8501 through the proxy http://${address}: it refused the tunnel (HTTP 407)\n` +
        'check HTTPS_PROXY, and add hosts that are reached directly to NO_PROXY',
    )
    const [port] = await freePorts(1)
    const away = { http: `http://127.0.0.1:${port}`, https: `127.0.0.1:${port}`, except: [] }
    expect(await failure(() => ask(node, { proxy: away }))).toContain(
      `through the proxy http://127.0.0.1:${port}: connection refused`,
    )
    expect(await failure(() => ask('store.invalid', { proxy: away }))).toContain(
      `cannot reach Consul at http://store.invalid:8500 through the proxy http://127.0.0.1:${port}: connection refused`,
    )
  })

  test.each([
    ['*', true],
    ['store.test', true],
    ['.test', true],
    ['*.test', true],
    ['store.test:8500', true],
    ['store.test:80', false],
    ['est', false],
    ['other.test', false],
    ['10.0.0.0/8', false],
  ])('NO_PROXY=%s: past it %j', async (entry, isPast) => {
    const { address, asked } = await proxy()
    const settings = { http: `http://${address}`, except: [entry] }
    const told = ask('store.test', { proxy: settings }).catch((error: FaultError) => error.message)
    expect(await told).toMatch(isPast ? /cannot reach/ : /from the proxy/)
    expect(asked).toHaveLength(isPast ? 0 : 1)
  })

  test('this machine is always reached directly', async () => {
    const node = await listen(echo())
    const settings = { http: 'http://127.0.0.1:1', except: [] }
    expect(await ask(node, { proxy: settings })).toBe(`/v1/x?y=1 for ${node}`)
  })

  test('that is not an address is reported at the start, without its value', async () => {
    const proxySettings = { http: 'socks5://me:secret@p:1', except: [] }
    const connection: ConnectionSettings = { nodes: [], scheme: 'http', proxy: proxySettings }
    const told = await failure(() => checkConnection(connection, ['consul.test'], 8500))
    expect(told).toContain('HTTP_PROXY is not the address of an HTTP proxy')
    expect(told).not.toContain('secret')
  })
})
