// Requests to the status page that no browser sends: too slow, too large, or for paths outside it. reconfd must
// refuse the request or close the connection, and neither the engine nor other visitors may be affected.
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addressOf, ask } from '../e2e/page.ts'
import { Site, type Running } from '../e2e/support.ts'
import { until } from '../support/until.ts'

const site = new Site([])
let run: Running
let address = ''
let last = 0

beforeAll(async () => {
  site.config('')
  setKeys(0)
  site.template('app', '{{ getv("/v") }}')
  site.resource('app')
  run = site.start('-watch', '-file', join(site.root, 'keys.json'), '-http', ':0')
  address = await addressOf(run)
})
afterAll(() => site.close())

const setKeys = (v: number): void =>
  writeFileSync(join(site.root, 'keys.json'), JSON.stringify({ v: String(v) }))

/** Expects that the daemon still applies changes and answers requests. */
async function expectGoesOn(): Promise<void> {
  setKeys(++last)
  await run.until('the next change', () => site.read('app') === String(last))
  expect((await ask(`${address}/healthz`)).status).toBe(200)
}

interface Visitor {
  readonly socket: Socket
  seen: string
  isClosed: boolean
}

function visit(): Visitor {
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  const visitor: Visitor = { socket, seen: '', isClosed: false }
  socket.on('data', (data) => (visitor.seen += data.toString('latin1')))
  socket.on('error', () => undefined)
  socket.on('close', () => (visitor.isClosed = true))
  return visitor
}

test('slow clients, which send a request byte by byte, are closed', async () => {
  const starts = [
    '',
    'G',
    'GET / HTTP/1.1\r\n',
    'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ',
    'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n',
  ]
  const visitors = starts.flatMap((start) => {
    return Array.from({ length: 10 }, () => {
      const visitor = visit()
      visitor.socket.write(start)
      return visitor
    })
  })
  // Every visitor keeps sending, so that no connection is silent for long.
  const drip = setInterval(() => {
    for (const { socket } of visitors) if (socket.writable) socket.write('a')
  }, 200)
  try {
    await expectGoesOn()
    await until('all are closed', () => visitors.every(({ isClosed }) => isClosed), {
      timeout: 40_000,
    })
  } finally {
    clearInterval(drip)
    for (const { socket } of visitors) socket.destroy()
  }
  await expectGoesOn()
})

test.each([
  ['one of 10 MB', () => `X: ${'a'.repeat(10_000_000)}\r\n`],
  ['100,000 of them', () => Array.from({ length: 100_000 }, (_, n) => `X${n}: a\r\n`).join('')],
  ['a host of 1 MB', () => `Host: ${'a'.repeat(1_000_000)}\r\n`],
  ['a token of 1 MB', () => `Authorization: Bearer ${'a'.repeat(1_000_000)}\r\n`],
])('oversized headers are refused: %s', async (_, headers) => {
  const visitor = visit()
  visitor.socket.write(`GET / HTTP/1.1\r\n${headers()}\r\n`)
  await until('it is closed', () => visitor.isClosed)
  // The refusal is lost if the connection is reset before the client has read it.
  expect(visitor.seen).toMatch(/^($|HTTP\/1\.1 431 )/)
  await expectGoesOn()
})

test.each([
  '/../../../../etc/passwd',
  '/..%2f..%2f..%2fetc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '//etc/passwd',
  '/./state/http-token',
  '/..\\..\\etc\\passwd',
  '/etc/passwd%00.html',
  'file:///etc/passwd',
  'http://127.0.0.1:1/',
  '/healthz/../etc/passwd',
  '/constructor',
  '/__proto__',
  '*',
])('traversal: %s leads to no file', async (path) => {
  const visitor = visit()
  visitor.socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
  await until('the answer', () => visitor.isClosed)
  expect(visitor.seen).toMatch(/^HTTP\/1\.1 4\d\d /)
  expect(visitor.seen).not.toMatch(/root:/)
})

test.each([
  '/?resource=../../../../etc/passwd',
  '/?resource=__proto__',
  '/?resource=%00%0d%0aX:%201',
])('traversal: %s is the name of no resource', async (path) => {
  const { status, text, headers } = await ask(`${address}${path}`)
  expect([status, headers['x']]).toEqual([200, undefined])
  expect(text).not.toMatch(/root:|native code/)
  await expectGoesOn()
})

test('no request smuggles a second one into the answer of another', async () => {
  for (const both of [
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef',
    'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
  ]) {
    const visitor = visit()
    visitor.socket.write(
      `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n${both}GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    )
    await until('it is closed', () => visitor.isClosed)
    expect(visitor.seen).not.toContain('reconfd_')
  }
  await expectGoesOn()
})
