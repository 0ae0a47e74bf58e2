// Uses a small server for cases that Debian's etcd cannot show: older API paths, errors inside a stream, another
// cluster at the same address, fragments, and answers that do not come from etcd.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { FaultError, type Fault } from '../../src/core/fault.ts'
import type { StoreEvent } from '../../src/core/store.ts'
import { open } from '../../src/stores/etcdv3.ts'
import { settingsFor } from '../support/settings.ts'
import { within } from '../support/until.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const header = { cluster_id: '7', revision: '5' }
const listing = {
  header,
  responses: [
    { response_range: { header } },
    { response_range: { kvs: [{ key: base64('/a/b'), value: base64('1') }], count: '1' } },
  ],
}
const put = (key: string, value: string, revision: number) => ({
  kv: { key: base64(key), value: base64(value), mod_revision: String(revision) },
})

const servers: Server[] = []
const aborts: AbortController[] = []
afterEach(() => {
  for (const abort of aborts.splice(0)) abort.abort()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** Watches `/a` on a server that answers with this function. */
async function watch(
  answer: (path: string, response: ServerResponse, request: IncomingMessage) => void,
) {
  const server = createServer((request, response) => answer(request.url ?? '', response, request))
  servers.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const node = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const opened = open(
    settingsFor({ backend: 'etcdv3', connection: { nodes: [node], scheme: 'http' } }),
  )
  if (!opened.ok) throw new FaultError(opened.error)
  const abort = new AbortController()
  aborts.push(abort)
  const events = opened.value.watch(node, ['/a'], abort.signal)[Symbol.asyncIterator]()
  const next = async (): Promise<StoreEvent> =>
    (await within('an event', events.next())).value as StoreEvent
  const fault = async (): Promise<Fault> => {
    try {
      await next()
    } catch (error) {
      if (error instanceof FaultError) return error.fault
      throw error
    }
    throw new Error('it did not fail')
  }
  return { node, next, fault }
}

/** Answers a listing with one key, and each watch with the messages of the next script; the stream stays open. */
const scripted = (...streams: object[][]) => {
  let turn = 0
  return (path: string, response: ServerResponse): void => {
    if (path === '/v3/kv/txn') {
      response.end(JSON.stringify(listing))
    } else if (path === '/v3/watch') {
      for (const message of streams[turn++] ?? []) response.write(`${JSON.stringify(message)}\n`)
    } else {
      response.writeHead(404).end()
    }
  }
}
const created = { result: { header, created: true } }

test.each(['/v3beta', '/v3alpha'])('an older etcd is found at %s', async (base) => {
  const served = scripted([created, { result: { header, events: [put('/a/c', '2', 6)] } }])
  const watched = await watch((path, response) => {
    served(path.startsWith(`${base}/`) ? path.replace(base, '/v3') : '/none', response)
  })
  expect(await watched.next()).toEqual({ kind: 'snapshot', entries: new Map([['/a/b', '1']]) })
  expect(await watched.next()).toMatchObject({ put: new Map([['/a/c', '2']]) })
})

test('no gateway there is a lasting fault', async () => {
  const watched = await watch((_, response) => response.writeHead(404).end('404 page not found'))
  expect(await watched.fault()).toMatchObject({
    message: `no JSON gateway of etcd v3 at http://${watched.node}: /v3, /v3beta, /v3alpha were not found`,
    permanent: true,
  })
})

test.each([
  [200, '<html>welcome</html>'],
  [502, 'bad gateway'],
  [400, '[]'],
])(
  'an answer that is not from etcd (%i %s) never counts as an empty store',
  async (status, body) => {
    const watched = await watch((_, response) => response.writeHead(status).end(body))
    expect((await watched.fault()).message).toContain(
      `etcd at http://${watched.node} sent an invalid response (HTTP ${status})`,
    )
  },
)

test('an error body is reported in etcd’s words', async () => {
  const watched = await watch((_, response) =>
    response.writeHead(503).end('{"error":"etcdserver: no leader","code":14}'),
  )
  expect((await watched.fault()).message).toBe(
    `etcd at http://${watched.node} reports: etcdserver: no leader`,
  )
})

test('fragments are put together, and all events of a revision are one delta', async () => {
  const watched = await watch(
    scripted([
      created,
      { result: { header, fragment: true, events: [put('/a/x', '1', 6), put('/a/y', '1', 6)] } },
      { result: { header, fragment: true, events: [put('/a/z', '1', 7)] } },
      {
        result: {
          header,
          events: [{ type: 'DELETE', kv: { key: base64('/a/x'), mod_revision: '8' } }],
        },
      },
    ]),
  )
  await watched.next()
  expect(await watched.next()).toEqual({
    kind: 'delta',
    put: new Map([
      ['/a/y', '1'],
      ['/a/z', '1'],
    ]),
    del: new Set(['/a/x']),
  })
})

test('changes that came before an error in the stream are not lost', async () => {
  const watched = await watch(
    scripted([
      created,
      { result: { header, events: [put('/a/x', '1', 6)] } },
      { error: { grpc_code: 14, http_code: 503, message: 'etcdserver: no leader' } },
    ]),
  )
  await watched.next()
  expect(await watched.next()).toMatchObject({ put: new Map([['/a/x', '1']]) })
  expect((await watched.fault()).message).toContain('reports: etcdserver: no leader')
})

test.each([
  ['a different cluster', { cluster_id: '8', revision: '5' }],
  ['at an older revision', { cluster_id: '7', revision: '4' }],
])('%s behind the address means a new start', async (what, other) => {
  const watched = await watch(scripted([{ result: { header: other, created: true } }]))
  await watched.next()
  expect((await watched.fault()).message).toBe(
    `etcd at http://${watched.node} is ${what} than before`,
  )
})

test.each([
  ['just ends', (response: ServerResponse) => void response.end()],
  ['is cut off by a proxy', (response: ServerResponse) => void response.destroy()],
])('an open stream that %s is a fault', async (_, end) => {
  const served = scripted()
  const watched = await watch((path, response) => {
    if (path === '/v3/watch') response.write(`${JSON.stringify(created)}\n`, () => end(response))
    else served(path, response)
  })
  await watched.next()
  expect((await watched.fault()).message).toBe(`etcd at http://${watched.node} closed the watch`)
})

test('the watch requests a leader and fragments, from the next revision on', async () => {
  let asked = ''
  let leader: unknown
  const served = scripted([], [])
  const watched = await watch((path, response, request) => {
    if (path !== '/v3/watch') return served(path, response)
    leader = request.headers['grpc-metadata-hasleader']
    request.on('data', (chunk: Buffer) => (asked += chunk.toString()))
    request.on('end', () => response.end())
  })
  await watched.next()
  await watched.fault()
  expect(leader).toBe('true')
  expect(JSON.parse(asked)).toEqual({
    create_request: {
      key: base64('/a'),
      range_end: base64('/a0'),
      start_revision: '6',
      fragment: true,
    },
  })
})
