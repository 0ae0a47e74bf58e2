// Runs one check of each kind against real servers.
import { createServer, type Server } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import type { CheckKind } from '../../src/core/register.ts'
import { probe } from '../../src/register/checks/probe.ts'
import type { Service } from '../../src/register/service.ts'
import { freePorts } from '../support/servers.ts'

const servers: { close(): unknown }[] = []
afterAll(() => {
  for (const server of servers) server.close()
})

async function portOf(server: Server | ReturnType<typeof createHttp2>): Promise<number> {
  servers.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return (server.address() as AddressInfo).port
}

function check(what: CheckKind, port = 1, timeout = 2_000): Promise<string | undefined> {
  const place = { name: 'a', id: 'a', address: '127.0.0.1', port, tags: [], meta: {} }
  const settings = { interval: 1, timeout, rise: 1, fall: 1, what }
  return probe(settings, place satisfies Service, new AbortController().signal)
}

test('http', async () => {
  const port = await portOf(
    createServer(({ url, method }, response) => {
      if (url === '/hangs') return
      response.writeHead(url === '/moved' ? 302 : method === 'HEAD' ? 200 : 503).end()
    }),
  )
  const url = (path: string): CheckKind => ({
    kind: 'http',
    url: `http://127.0.0.1:${port}${path}`,
  })
  expect(await check(url('/'))).toBe('HTTP 503')
  expect(await check(url('/moved'))).toBeUndefined()
  expect(await check({ ...url('/'), method: 'HEAD' } as CheckKind)).toBeUndefined()
  expect(await check(url('/hangs'), 1, 100)).toBe('no answer within 100 ms')
})

test('tcp, at the service and elsewhere', async () => {
  const port = await portOf(createServer())
  const [closed] = (await freePorts(1)) as [number]
  expect(await check({ kind: 'tcp' }, port)).toBeUndefined()
  expect(await check({ kind: 'tcp' }, closed)).toBe('ECONNREFUSED')
  expect(await check({ kind: 'tcp', host: '127.0.0.1', port }, closed)).toBeUndefined()
  expect(await check({ kind: 'tcp', local: true }, closed)).toBe('ECONNREFUSED')
})

test('a command', async () => {
  expect(await check({ kind: 'command', command: 'true' })).toBeUndefined()
  expect(await check({ kind: 'command', command: 'exit 3' })).toBe(
    'the command ended with exit code 3',
  )
  expect(await check({ kind: 'command', command: 'sleep 60' }, 1, 100)).toBe(
    'the command timed out after 100 ms',
  )
})

test('gRPC', async () => {
  let status = 1
  const server = createHttp2()
  server.on('stream', (stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, status]))
  })
  const port = await portOf(server)
  const grpc: CheckKind = { kind: 'grpc', tls: false, insecure: false }
  expect(await check(grpc, port)).toBeUndefined()
  status = 2
  expect(await check(grpc, port)).toBe('the status is not SERVING')
})
