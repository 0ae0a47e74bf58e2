// The HTTP layer of the stores: its settings, failures and limits, and answers that are not plain HTTP.
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { storeSettings } from '../../src/config/assemble.ts'
import { FaultError, type Fault } from '../../src/core/fault.ts'
import type { ConnectionSettings, Limits } from '../../src/core/settings.ts'
import { checkConnection, openHttp, type HttpClient } from '../../src/stores/http.ts'
import { basicAuth } from '../../src/stores/secrets.ts'
import { deadNodes } from '../support/dead-nodes.ts'
import { handlesBeyond, activeHandles } from '../support/handles.ts'
import { freePorts } from '../support/process.ts'
import { until } from '../support/until.ts'

const connection: ConnectionSettings = { nodes: [], scheme: 'http' }
const limits: Limits = { body: 2 ** 20, message: 2 ** 17 }
const open = (node: string): HttpClient =>
  openHttp(node, { connection, limits, port: 80, product: 'etcd' })
const servers: { close(): unknown }[] = []
const sockets = new Set<Socket>()

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts a TCP server, which calls `answer` after the first bytes of each connection. */
async function listenTcp(answer: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    socket.once('data', () => answer(socket))
  })
  servers.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

afterEach(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers.splice(0)) server.close()
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
  const http = open(node)
  try {
    return await faultOf(() => http.request('/', timeout === undefined ? {} : { timeout }))
  } finally {
    await http.close()
  }
}

describe('settings', () => {
  test('a node that is not an address', async () => {
    const fault = await faultOf(() => checkConnection(connection, ['http://etcd:1/path']))
    expect(fault).toMatchObject({
      message: 'the node "http://etcd:1/path" is not a valid address',
      permanent: true,
    })
  })

  test('a missing TLS file is reported with its option', async () => {
    const tls = { ...connection, clientCaKeys: '/nonexistent/ca.pem' }
    const fault = await faultOf(() => checkConnection(tls, ['127.0.0.1:1']))
    expect(fault).toMatchObject({
      message: 'cannot read the file given by -client-ca-keys: ENOENT',
      file: '/nonexistent/ca.pem',
      permanent: true,
    })
  })

  test('a missing TLS file is reported with the variable of another program that names it', async () => {
    const settings = storeSettings({}, 'onetime', { ETCDCTL_CACERT: '/nonexistent/ca.pem' })
    const fault = await faultOf(() => checkConnection(settings.connection, ['127.0.0.1:1']))
    expect(fault).toMatchObject({
      message: 'cannot read the file given by ETCDCTL_CACERT: ENOENT',
      hint: "check ETCDCTL_CACERT and the file's permissions",
    })
  })
})

describe('failures', () => {
  test('connection refused', async () => {
    const [port] = await freePorts(1)
    expect(await failing(`127.0.0.1:${port}`)).toEqual({
      kind: 'store',
      message: `cannot reach etcd at http://127.0.0.1:${port}: connection refused`,
      hint: 'check that etcd is running there, and check -node',
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
    expect(message).toBe(`cannot reach etcd at http://${node}: no answer within 50 ms`)
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

describe('limits', () => {
  /** Returns a listener that writes endlessly, as fast as the client reads. */
  const endless =
    (status: number, bytes = 'A'.repeat(2 ** 16)): RequestListener =>
    (_, response) => {
      response.on('error', () => undefined).writeHead(status)
      const go = (): void => {
        while (!response.destroyed && response.write(bytes));
      }
      response.on('drain', go)
      go()
    }

  test.each([
    ['an answer', endless(200), 'an answer of more than 1 MiB (-max-body)'],
    ['an error message', endless(500), 'an error message (HTTP 500) of more than 64 KiB'],
    ['a page of a redirect', endless(302), 'an error message (HTTP 302) of more than 64 KiB'],
  ])('%s', async (_, listener, what) => {
    const node = await serve(listener)
    const { message } = await failing(node)
    expect(message).toBe(`etcd at http://${node} sends ${what}`)
  })

  test('an answer that is announced as too large is not waited for', async () => {
    const node = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 2 ** 30 }).write('{')
    })
    expect((await failing(node)).message).toContain('an answer of more than 1 MiB (-max-body)')
  })

  test.each([
    ['a line', 200, 'a line of more than 128 KiB (-max-message)'],
    ['the text of an error', 500, 'an error message (HTTP 500) of more than 64 KiB'],
  ])('%s, where lines are read', async (_, status, what) => {
    const node = await serve(endless(status))
    const http = open(node)
    const { lines } = await http.lines('/')
    const fault = await faultOf(() => lines[Symbol.asyncIterator]().next())
    expect(fault.message).toBe(`etcd at http://${node} sends ${what}`)
    await http.close()
  })

  test('many short lines do not count as one long line', async () => {
    const node = await serve((_, response) => response.end(`${'x'.repeat(1000)}\n`.repeat(1000)))
    const http = open(node)
    const { lines } = await http.lines('/')
    let count = 0
    for await (const line of lines) count += line.length
    expect(count).toBe(1_000_000)
    await http.close()
  })

  test('a message of many short lines', async () => {
    const node = await serve(endless(200, 'short\n'.repeat(1000)))
    const http = open(node)
    const response = await http.lines('/')
    expect((await faultOf(() => response.text())).message).toContain(
      'a message of more than 128 KiB (-max-message)',
    )
    await http.close()
  })

  test('headers', async () => {
    const node = await listenTcp((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${'x-more: more\r\n'.repeat(10_000)}`)
    })
    expect((await failing(node)).message).toContain('it sends headers of more than 16 KiB')
  })
})

describe('answers that are not HTTP, or not plain', () => {
  test.each([
    ["-ERR unknown command 'GET'\r\n", 'its answer is not HTTP'],
    [Buffer.from([0x15, 3, 1, 0, 2, 2, 70]), 'it speaks TLS, but was contacted over plain HTTP'],
  ])('%j', async (bytes, what) => {
    const node = await listenTcp((socket) => socket.end(bytes))
    expect((await failing(node)).message).toBe(`cannot reach etcd at http://${node}: ${what}`)
  })

  test.each([
    'Client sent an HTTP request to an HTTPS server.\n',
    '<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>',
    "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
  ])('a port that wants TLS and says so: %s', async (text) => {
    const node = await serve((_, response) => response.writeHead(400).end(text))
    expect(await failing(node)).toEqual({
      kind: 'store',
      message: `etcd at http://${node} speaks TLS, but was contacted over plain HTTP`,
      hint: 'use -scheme https, or https:// before the node',
      permanent: true,
    })
  })

  test('bytes that are not UTF-8', async () => {
    const node = await serve((_, response) => response.end(Buffer.from([0x22, 0xff, 0x22])))
    expect((await failing(node)).message).toBe(
      `etcd at http://${node} sends bytes that are not UTF-8`,
    )
  })
})

test('a closed connection is reported as such, even after an idle one was closed', async () => {
  const closed = { sockets: 0 }
  const node = await serve((request, response) => {
    if (request.url === '/second') return void response.destroy()
    request.socket.once('close', () => closed.sockets++)
    // The server announces a timeout of 3 s. The client closes the idle connection one second earlier, after 2 s.
    response.writeHead(200, { 'keep-alive': 'timeout=3' }).end()
  })
  const http = open(node)
  await http.request('/first')
  await until('the idle connection is let go of', () => closed.sockets === 1)
  const fault = await faultOf(() => http.request('/second'))
  expect(fault.message).toBe(
    `cannot reach etcd at http://${node}: the server closed the connection`,
  )
  await http.close()
})

test('an answer that breaks together with its head is not waited for', async () => {
  const node = await listenTcp((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n')
  })
  expect((await failing(node)).message).toBe(
    `cannot reach etcd at http://${node}: its answer is not HTTP`,
  )
  const http = open(node)
  const told = await faultOf(async () => {
    const { lines } = await http.lines('/')
    await lines[Symbol.asyncIterator]().next()
  })
  expect(told.message).toBe(`cannot reach etcd at http://${node}: its answer is not HTTP`)
  await http.close()
})

test('data on an idle connection is no answer to the next request', async () => {
  let idle: Socket | undefined
  const node = await serve((request, response) => {
    idle = request.socket
    response.end(request.url)
  })
  const http = open(node)
  expect((await http.request('/first')).body).toBe('/first')
  const closed = new Promise((end) => idle?.once('close', end))
  idle?.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged')
  await closed
  expect((await http.request('/second')).body).toBe('/second')
  await http.close()
})

test('close() ends a connection that is still being made', async () => {
  const dead = await deadNodes['drops packets']()
  const before = activeHandles()
  const http = open(dead.node)
  const asked = faultOf(() => http.request('/'))
  await until('a socket is opened', () => handlesBeyond(before).length > 0)
  await http.close()
  await asked
  await until('no handle is left', () => handlesBeyond(before).length === 0)
  await dead.close()
})

test('an HTTP status is for the caller to judge', async () => {
  const node = await serve((request, response) => {
    response.writeHead(404, { 'x-method': request.method })
    request.pipe(response)
  })
  const http = open(node)
  const answer = await http.request('/x', { method: 'POST', body: 'wörd' })
  expect(answer).toMatchObject({ status: 404, body: 'wörd', headers: { 'x-method': 'POST' } })
  await http.close()
})

test('lines arrive at once and whole, however they are split', async () => {
  let send: ((bytes: Buffer) => void) | undefined
  let end = (): void => undefined
  const node = await serve((_, response) => {
    response.flushHeaders()
    send = (bytes) => response.write(bytes)
    end = () => response.end('last')
  })
  const http = open(node)
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
  const http = open(node)
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
  // The server's ends of the sockets are in this process as well and may close a little later.
  await until('no handle is left', () => handlesBeyond(before).length === 0)
})

test('basic auth is UTF-8, and nothing without a user', () => {
  expect(basicAuth(connection)).toEqual({})
  const { authorization = '' } = basicAuth({ ...connection, username: 'ü', password: 'p:w' })
  expect(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()).toBe('ü:p:w')
})
