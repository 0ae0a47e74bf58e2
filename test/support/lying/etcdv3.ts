// A lying server for etcd's v3 JSON gateway.
import type { ServerResponse } from 'node:http'
import type { Key } from '../../../src/core/key.ts'
import { settingsFor } from '../settings.ts'
import { changed, endless, httpLies, LyingHttp, type HttpLie } from './http.ts'
import { LIMITS, SECRET, type Lies, type Place, type Protocol } from './protocol.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const textOf = (text: string): string => Buffer.from(text, 'base64').toString()

interface Request {
  readonly success: readonly {
    readonly request_range: { readonly key: string; readonly range_end?: string }
  }[]
}

interface WatchRequest {
  readonly create_request: { readonly start_revision: string }
}

class EtcdV3 extends LyingHttp {
  #revision = 5
  readonly #keys = new Map([
    ['/v/a', `${SECRET} a`],
    ['/v/b', `${SECRET} b`],
    ['/v/c/d', `${SECRET} d`],
  ])
  readonly #streams = new Set<ServerResponse>()

  change() {
    const value = `${SECRET} ${++this.#revision}`
    this.#keys.set('/v/a', value)
    for (const stream of this.#streams) stream.write(this.#line({ events: [this.#event('/v/a')] }))
    return { key: '/v/a' as Key, holds: value }
  }

  protected handle(url: URL, response: ServerResponse, body: string): void {
    if (url.pathname === '/v3/watch') this.#watch(response, JSON.parse(body) as WatchRequest)
    else if (url.pathname !== '/v3/kv/txn') response.writeHead(404).end()
    else {
      const { success } = JSON.parse(body) as Request
      const responses = success.map(({ request_range: { key, range_end } }) => {
        const [from, to] = [textOf(key), textOf(range_end ?? '')]
        const names = [...this.#keys.keys()].filter((name) =>
          range_end === undefined ? name === from : name >= from && name < to,
        )
        const kvs = names.map((name) => this.#event(name).kv)
        const some = kvs.length === 0 ? {} : { kvs, count: String(kvs.length) }
        return { response_range: { header: this.#header, ...some } }
      })
      const truth = { header: this.#header, succeeded: true, responses }
      this.answer(response, { status: 200, headers: {}, body: truth })
    }
  }

  protected override disturb(place: Place): void {
    if (place === 'answers') this.cut()
    else for (const stream of this.#streams) this.#tellStream(stream)
  }

  get #header() {
    return { cluster_id: '7', member_id: '8', revision: String(this.#revision), raft_term: '2' }
  }

  #event(name: string) {
    const value = base64(this.#keys.get(name) ?? '')
    const revision = String(this.#revision)
    const kv = {
      key: base64(name),
      value,
      create_revision: '2',
      mod_revision: revision,
      version: '1',
    }
    return { kv }
  }

  #line(message: object): string {
    return `${JSON.stringify({ result: { header: this.#header, ...message } })}\n`
  }

  #watch(response: ServerResponse, { create_request }: WatchRequest): void {
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
    if (this.lying?.place === 'messages') this.#tellStream(response)
    else response.write(this.#line({ created: true }))
    // Sends the changes that were made between the listing and the watch.
    if (Number(create_request.start_revision) > this.#revision) return
    response.write(this.#line({ events: [this.#event('/v/a')] }))
  }

  #tellStream(response: ServerResponse): void {
    const result = { header: this.#header, events: [this.#event('/v/a')] }
    // The headers of an open stream have been sent already, so only the body can be a lie.
    const stream = Object.create(response) as ServerResponse
    stream.writeHead = () => stream
    this.lying?.lie(stream, { status: 200, headers: {}, body: { result } })
    if (!response.writableEnded) response.write('\n')
  }
}

interface Kv {
  key: unknown
  value: unknown
  mod_revision: unknown
}
interface Txn {
  header: Record<string, unknown>
  responses: { response_range: { kvs: Kv[]; count: unknown; more?: unknown } }[]
}

/** Returns a lie that changes the last range of an answer, which contains the keys. */
const range = (change: (range: Txn['responses'][number]['response_range']) => void): HttpLie =>
  changed<Txn>((txn) => {
    // The first page has two ranges, and the second one contains the keys. Further pages have one range.
    change((txn.responses.at(-1) as Txn['responses'][number]).response_range)
    return txn
  })
const header = (header: unknown): HttpLie => changed<Txn>((txn) => ({ ...txn, header }))
const responses = (responses: unknown): HttpLie => changed<Txn>((txn) => ({ ...txn, responses }))
const kv = (field: keyof Kv, value: unknown): HttpLie =>
  range(({ kvs }) => {
    ;(kvs[1] as Kv)[field] = value
  })

const answers: Lies<HttpLie> = {
  'no header': header(undefined),
  'a header that is a list': header([]),
  'a header without a revision': header({ cluster_id: '7' }),
  'a revision that is a word': header({ revision: 'abc' }),
  'a revision that is a number': header({ revision: 5 }),
  'a revision below zero': header({ revision: '-5' }),
  'a revision of zero': header({ revision: '0' }),
  'a revision of 40 digits': header({ revision: '9'.repeat(40) }),
  'a cluster that is a list': header({ revision: '5', cluster_id: [] }),
  'no responses': responses(undefined),
  'responses that are null': responses(null),
  'responses that are a number': responses(3),
  'an empty list of responses': responses([]),
  'fewer responses than ranges': changed<Txn>(({ responses, ...txn }) => ({
    ...txn,
    responses: responses.slice(1),
  })),
  'more responses than ranges': changed<Txn>(({ responses, ...txn }) => ({
    ...txn,
    responses: [...responses, ...responses],
  })),
  'a response that is null': responses([null, null]),
  'a response to something else': responses([{ response_put: {} }, { response_put: {} }]),
  'a range that is a text': responses([{ response_range: 'x' }, { response_range: 'x' }]),
  'keys that are an object': range((answer) => Object.assign(answer, { kvs: {} })),
  'a key-value that is null': range(({ kvs }) => kvs.push(null as unknown as Kv)),
  'a key that is missing': kv('key', undefined),
  'a key that is a number': kv('key', 5),
  'a key that is not base64': kv('key', '/v/b'),
  'a key out of the range': kv('key', base64('/w/b')),
  'a key without a slash': kv('key', base64('other')),
  'a key of bytes out of the range': kv('key', Buffer.from([0xff, 0xfe]).toString('base64')),
  'a key twice': range(({ kvs, ...answer }) => Object.assign(answer, kvs.push(kvs[0] as Kv))),
  'a value that is a number': kv('value', 5),
  'a value that is null': kv('value', null),
  'a value that is an object': kv('value', { [SECRET]: SECRET }),
  'a value that is not base64': kv('value', `${SECRET}!`),
  'a value that is half of base64': kv('value', 'c2Vz*2Ft'),
  'a revision of a key that is a word': kv('mod_revision', 'last'),
  'a count that is too high': range((answer) => Object.assign(answer, { count: '4000' })),
  'a count that is too low': range((answer) => Object.assign(answer, { count: '1' })),
  'a count that is below zero': range((answer) => Object.assign(answer, { count: '-3' })),
  'a count without the keys': range((answer) => Object.assign(answer, { kvs: [] })),
  'more, and nothing to go on from': range((answer) =>
    Object.assign(answer, { kvs: [], more: true, count: '9' }),
  ),
  'more, and ever the same': range((answer) => Object.assign(answer, { more: true, count: '9' })),
  'more that is a text': range((answer) => Object.assign(answer, { more: 'yes' })),
  'an error with status 200': changed(() => ({
    error: 'etcdserver: no leader',
    code: 14,
    message: 'etcdserver: no leader',
  })),
  'members twice, the last null': (response) =>
    response.end('{"header":{"revision":"5"},"responses":[],"responses":null}'),
}

interface Message {
  result: Record<string, unknown> & { events: { type?: unknown; kv: Kv }[] }
}
const result = (result: unknown): HttpLie => changed<Message>(() => ({ result }))
const message = (more: object): HttpLie =>
  changed<Message>(({ result }) => ({ result: { ...result, ...more } }))
const event = (change: (event: Message['result']['events'][number]) => unknown): HttpLie =>
  changed<Message>(({ result }) => ({ result: { ...result, events: result.events.map(change) } }))
const line =
  (text: string): HttpLie =>
  (response) =>
    void response.write(`${text}\n`)

const messages: Lies<HttpLie> = {
  'no JSON': line('<html>'),
  'an empty line': line(''),
  'half of the JSON': line('{"result":{"header"'),
  null: line('null'),
  'another service': line('{"status":"ok"}'),
  'a result that is null': result(null),
  'a result that is a list': result([]),
  'a result without a header': result({ created: true }),
  'a header without a revision': result({ header: { cluster_id: '7' }, created: true }),
  'a revision below zero': message({ header: { revision: '-1' } }),
  'created that is a text': message({ created: 'yes' }),
  'events that are an object': message({ events: {} }),
  'an event that is null': message({ events: [null] }),
  'an event of another type': event((one) => ({ ...one, type: 'RENAME' })),
  'an event without a key-value': event(() => ({ type: 'PUT' })),
  'an event without a key': event(({ kv }) => ({ kv: { ...kv, key: undefined } })),
  'a key out of the range': event(({ kv }) => ({ kv: { ...kv, key: base64('/w') } })),
  'a key that is not base64': event(({ kv }) => ({ kv: { ...kv, key: '/v/a' } })),
  'a value that is a number': event(({ kv }) => ({ kv: { ...kv, value: 7 } })),
  'a value that is not base64': event(({ kv }) => ({ kv: { ...kv, value: '****' } })),
  'a revision that is a word': event(({ kv }) => ({ kv: { ...kv, mod_revision: 'x' } })),
  'an event of the past': event(({ kv }) => ({ kv: { ...kv, mod_revision: '1' } })),
  'another cluster': message({ header: { revision: '9', cluster_id: '12' } }),
  'canceled for no reason': message({ canceled: true, events: undefined }),
  'canceled, with an object for a reason': message({ canceled: true, cancel_reason: {} }),
  'compacted, time after time': message({
    canceled: true,
    compact_revision: '3',
    events: undefined,
  }),
  'compacted at a word': message({ compact_revision: 'all' }),
  'an error': line('{"error":{"grpc_code":14,"message":"etcdserver: no leader"}}'),
  'an error of null': line('{"error":null}'),
  'an error of errors': line('{"error":{"message":{"message":5}}}'),
  'a line without end': endless(200, '{"result":{"x":"', 'A'),
  'fragments without end': (response, truth) => {
    const { result } = truth.body as Message
    const text = `${JSON.stringify({ result: { ...result, fragment: true } })}\n`
    endless(200, '', text)(response, truth)
  },
  'a nest of 100,000 lists': line(`{"result":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  'the end': (response) => void response.end(),
}

export const etcdv3: Protocol<HttpLie> = {
  name: 'etcdv3',
  prefix: '/v',
  start: () => new EtcdV3().listen(),
  settings: (node) =>
    settingsFor({
      backend: 'etcdv3',
      connection: { nodes: [node], scheme: 'http' },
      limits: LIMITS,
    }),
  answers: { ...httpLies, ...answers },
  messages,
}
