// A lying server for etcd's v2 API.
import type { ServerResponse } from 'node:http'
import type { Key } from '../../../src/core/key.ts'
import { settingsFor } from '../settings.ts'
import { changed, endless, httpLies, LyingHttp, send, status, type HttpLie } from './http.ts'
import { LIMITS, SECRET, type Lies, type Place, type Protocol } from './protocol.ts'

class EtcdV2 extends LyingHttp {
  #index = 5
  readonly #waiting = new Set<ServerResponse>()

  change() {
    this.#index++
    for (const response of this.#waiting) this.#tell(response)
    return { key: '/v/a' as Key, holds: this.#value }
  }

  protected handle(url: URL, response: ServerResponse): void {
    const from = url.searchParams.get('waitIndex')
    if (from !== null) {
      response.on('close', () => this.#waiting.delete(response))
      this.#waiting.add(response)
      if (this.lying?.place === 'messages' || Number(from) <= this.#index) this.#tell(response)
    } else if (url.pathname.endsWith('_reconfd')) {
      send(response, { status: 404, headers: this.#headers, body: { errorCode: 100, index: 5 } })
    } else {
      const nodes = [
        { key: '/v/a', value: this.#value, modifiedIndex: this.#index, createdIndex: 2 },
        { key: '/v/b', value: `${SECRET} b`, modifiedIndex: 3, createdIndex: 3 },
        {
          key: '/v/c',
          dir: true,
          nodes: [{ key: '/v/c/d', value: `${SECRET} d`, modifiedIndex: 4 }],
        },
      ]
      const node = { key: '/v', dir: true, nodes, modifiedIndex: 2, createdIndex: 2 }
      this.answer(response, { status: 200, headers: this.#headers, body: { action: 'get', node } })
    }
  }

  protected override disturb(place: Place): void {
    if (place === 'answers') this.cut()
    else for (const response of this.#waiting) this.#tell(response)
  }

  get #value(): string {
    return `${SECRET} ${this.#index}`
  }

  get #headers() {
    return { 'x-etcd-index': String(this.#index) }
  }

  #tell(response: ServerResponse): void {
    this.#waiting.delete(response)
    const node = { key: '/v/a', value: this.#value, modifiedIndex: this.#index, createdIndex: 2 }
    const body = { action: 'set', node, prevNode: { ...node, value: SECRET, modifiedIndex: 3 } }
    this.answer(response, { status: 200, headers: this.#headers, body }, 'messages')
  }
}

interface Node {
  key?: unknown
  value?: unknown
  dir?: unknown
  nodes?: unknown
  modifiedIndex?: unknown
}
interface Body {
  action: unknown
  node: Node & { nodes: Node[] }
}

const top = (more: object): HttpLie =>
  changed<Body>(({ node, ...body }) => ({ ...body, node: { ...node, ...more } }))
/** Returns a lie that changes the second key. */
const child = (more: object): HttpLie =>
  changed<Body>((body) => {
    Object.assign(body.node.nodes[1] as Node, more)
    return body
  })
const node = (value: unknown): HttpLie => changed<Body>((body) => ({ ...body, node: value }))
const headers =
  (headers: Readonly<Record<string, string>>): HttpLie =>
  (response, truth) =>
    send(response, { ...truth, headers })

const common: Lies<HttpLie> = {
  'no index': headers({}),
  'an index that is a word': headers({ 'x-etcd-index': 'many' }),
  'an index below zero': headers({ 'x-etcd-index': '-5' }),
  'an index of 40 digits': headers({ 'x-etcd-index': '9'.repeat(40) }),
  'a node that is a number': node(5),
  'a node that is null': node(null),
  'a node that is a list': node([]),
  'no node': node(undefined),
  'an action that is a number': changed<Body>((body) => ({ ...body, action: 5 })),
  'an unknown action': changed<Body>((body) => ({ ...body, action: 'rename' })),
  'an error with status 200': changed(() => ({ errorCode: 300, message: 'Raft Internal Error' })),
  'not found, with status 200': changed(() => ({ errorCode: 100, message: 'Key not found' })),
  'a key that is a number': top({ key: 5 }),
  'a key out of the range': top({ key: '/w' }),
  'a key that is not a path': top({ key: 'v' }),
}

const answers: Lies<HttpLie> = {
  'the nodes are a text': top({ nodes: 'abc' }),
  'the nodes are an object': top({ nodes: {} }),
  'a file in place of the directory': top({ dir: undefined, nodes: undefined }),
  'dir that is a text': top({ dir: 'true' }),
  'a child that is null': top({ nodes: [null] }),
  'a child without a key': child({ key: undefined }),
  'a child of another directory': child({ key: '/w/b' }),
  'a child of a child': child({ key: '/v/c/d' }),
  'a child that is its parent': child({ key: '/v' }),
  'a child twice': child({ key: '/v/a' }),
  'a child with an empty name': child({ key: '/v/' }),
  'no value': child({ value: undefined }),
  'a value that is a number': child({ value: 5 }),
  'a value that is null': child({ value: null }),
  'an index that is a text': child({ modifiedIndex: '5' }),
  'children of a child that are a text': child({ dir: true, value: undefined, nodes: 'x' }),
  'a nest of 20,000 directories': (response, truth) => {
    const open = '{"dir":true,"key":"/v","nodes":['
    response.writeHead(200, truth.headers)
    response.end(`{"action":"get","node":${open.repeat(20_000)}${']}'.repeat(20_000)}}`)
  },
  'not found, by another service': status(404, '{"errorCode":404}'),
}

const messages: Lies<HttpLie> = {
  ...common,
  'another service': httpLies['another service'] as HttpLie,
  'a page of a captive portal': httpLies['a page of a captive portal'] as HttpLie,
  'half of the JSON': httpLies['half of the JSON'] as HttpLie,
  'a nest of 100,000 lists': httpLies['a nest of 100,000 lists'] as HttpLie,
  'no key': top({ key: undefined }),
  'a value that is a number': top({ value: 5 }),
  'no index of the change': top({ modifiedIndex: undefined }),
  'an index that is a text': top({ modifiedIndex: '9' }),
  'a change of the past': top({ modifiedIndex: 1 }),
  'a change below zero': top({ modifiedIndex: -1 }),
  'a previous node that is a number': changed<Body>((body) => ({ ...body, prevNode: 5 })),
  'forgotten, time after time': status(400, '{"errorCode":401,"message":"The event is outdated"}'),
  'an index that goes back': headers({ 'x-etcd-index': '2' }),
  'a message without end': endless(200, '{"action":"', 'A'),
  'lines without end': endless(200, '{"action":"set"', ' \n'),
}

export const etcdv2: Protocol<HttpLie> = {
  name: 'etcdv2',
  prefix: '/v',
  start: () => new EtcdV2().listen(),
  settings: (node) =>
    settingsFor({
      backend: 'etcdv2',
      connection: { nodes: [node], scheme: 'http' },
      limits: LIMITS,
    }),
  answers: { ...httpLies, ...common, ...answers },
  messages,
}
