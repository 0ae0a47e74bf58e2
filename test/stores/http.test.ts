// The stores' HTTP layer: what it reads, how it ends, and what it says when it cannot.
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { FaultError, type Fault } from '../../src/core/fault.ts'
import type { Connection } from '../../src/core/settings.ts'
import { checkConnection, openHttp } from '../../src/stores/http.ts'
import { basicAuth } from '../../src/stores/secrets.ts'
import { handlesBeyond, activeHandles } from '../support/handles.ts'
import { freePorts } from '../support/process.ts'
import { until } from '../support/until.ts'

const connection: Connection = { nodes: [], scheme: 'http' }
const servers: Server[] = []

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function faultOf(run: () => unknown): Promise<Fault> {
  try {
    await run()
  } catch (error) {
    if (error instanceof FaultError) return error.fault
    throw error
  }
  throw new Error('it did not fail')
}

async function failing(node: string, timeout?: number): Promise<Fault> {
  const http = openHttp(node, connection, 'etcd')
  try {
    return await faultOf(() => http.request('/', timeout === undefined ? {} : { timeout }))
  } finally {
    await http.close()
  }
}

describe('settings', () => {
  test('a node that is no address', async () => {
    const fault = await faultOf(() => checkConnection(connection, ['http://etcd:1/path']))
    expect(fault).toMatchObject({
      message: 'the node "http://etcd:1/path" is not an address',
      permanent: true,
    })
  })

  test('a missing TLS file is told with its option', async () => {
    const tls = { ...connection, clientCaKeys: '/nonexistent/ca.pem' }
    const fault = await faultOf(() => checkConnection(tls, ['127.0.0.1:1']))
    expect(fault).toMatchObject({
      message: 'cannot read the file of -client-ca-keys: ENOENT',
      file: '/nonexistent/ca.pem',
      permanent: true,
    })
  })
})

describe('failures', () => {
  test('connection refused', async () => {
    const [port] = await freePorts(1)
    expect(await failing(`127.0.0.1:${port}`)).toEqual({
      kind: 'store',
      message: `cannot reach etcd at http://127.0.0.1:${port}: connection refused`,
      hint: 'is etcd running there? check -node',
    })
  })

  test('a name that does not resolve', async () => {
    const { message } = await failing('nowhere.invalid:2379')
    expect(message).toBe(
      'cannot reach etcd at http://nowhere.invalid:2379: the host name does not resolve',
    )
  })

  test('no answer in time', async () => {
    const node = await serve(() => undefined)
    const { message } = await failing(node, 50)
    expect(message).toBe(`cannot reach etcd at http://${node}: no answer within 0.05 s`)
  })

  test('TLS to a server that answers in plain HTTP', async () => {
    const node = await serve((_, response) => response.end())
    expect(await failing(`https://${node}`)).toMatchObject({
      message: `cannot reach etcd at https://${node}: the server does not speak TLS`,
      hint: 'check -scheme',
    })
  })

  test('half an answer', async () => {
    const node = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    })
    const { message } = await failing(node)
    expect(message).toBe(`cannot reach etcd at http://${node}: the server closed the connection`)
  })
})

test('an HTTP status is for the caller to judge', async () => {
  const node = await serve((request, response) => {
    response.writeHead(404, { 'x-method': request.method })
    request.pipe(response)
  })
  const http = openHttp(node, connection)
  const answer = await http.request('/x', { method: 'POST', body: 'wörd' })
  expect(answer).toMatchObject({ status: 404, body: 'wörd', headers: { 'x-method': 'POST' } })
  await http.close()
})

test('lines come as they arrive, whole, whatever the chunks', async () => {
  let send: ((bytes: Buffer) => void) | undefined
  let end = (): void => undefined
  const node = await serve((_, response) => {
    response.flushHeaders()
    send = (bytes) => response.write(bytes)
    end = () => response.end('last')
  })
  const http = openHttp(node, connection)
  let bytes = 0
  const { lines } = await http.lines('/', { onBytes: () => bytes++ })
  const iterator = lines[Symbol.asyncIterator]()
  const text = Buffer.from('füü\n\nsecond\nthi')
  const first = iterator.next()
  for (const byte of text.subarray(0, 2)) send?.(Buffer.from([byte]))
  send?.(text.subarray(2))
  expect((await first).value).toBe('füü')
  expect((await iterator.next()).value).toBe('')
  expect((await iterator.next()).value).toBe('second')
  end()
  expect((await iterator.next()).value).toBe('thilast')
  expect((await iterator.next()).done).toBe(true)
  expect(bytes).toBeGreaterThan(0)
  await http.close()
})

test('an abort throws its reason and close() leaves no socket', async () => {
  const node = await serve((request, response) => {
    if (request.url === '/stream') response.flushHeaders()
    if (request.url === '/quick') response.end('done')
  })
  const before = activeHandles()
  const http = openHttp(node, connection)
  const abort = new AbortController()
  const { signal } = abort
  await http.request('/quick')
  const { lines } = await http.lines('/stream', { signal, timeout: 0 })
  const ended = Promise.allSettled([
    http.request('/never', { signal }),
    lines[Symbol.asyncIterator]().next(),
  ])
  const reason = new Error('enough')
  abort.abort(reason)
  expect(await ended).toEqual([
    { status: 'rejected', reason },
    { status: 'rejected', reason },
  ])
  await http.close()
  // The server's own ends of the sockets live in this process too.
  await until('no handle is left', () => handlesBeyond(before).length === 0, { timeout: 250 })
})

test('basic auth is UTF-8, and nothing without a user', () => {
  expect(basicAuth(connection)).toEqual({})
  const { authorization = '' } = basicAuth({ ...connection, username: 'ü', password: 'p:w' })
  expect(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()).toBe('ü:p:w')
})
