// Lying servers for Consul's KV store and for its catalog.
import type { ServerResponse } from 'node:http'
import type { Key } from '../../../src/core/key.ts'
import { settingsFor } from '../settings.ts'
import {
  changed,
  httpLies,
  LyingHttp,
  send,
  status,
  type HttpAnswer,
  type HttpLie,
} from './http.ts'
import { LIMITS, SECRET, type Lies, type Place, type Protocol } from './protocol.ts'

type Changed = ReturnType<LyingHttp['change']>

/** The common part of both servers: a blocking query waits until the index has changed. */
abstract class Consul extends LyingHttp {
  protected index = 5
  readonly #waiting = new Map<ServerResponse, URL>()

  protected handle(url: URL, response: ServerResponse): void {
    response.on('close', () => this.#waiting.delete(response))
    const index = Number(url.searchParams.get('index') ?? 0)
    if (index >= this.index && this.lying === undefined) this.#waiting.set(response, url)
    else this.#give(response, url)
  }

  change(): Changed {
    this.index++
    this.wake()
    return this.changed
  }

  protected abstract get changed(): Changed
  /** Returns undefined if the path is not found. */
  protected abstract read(path: string): unknown

  protected override disturb(_place: Place): void {
    this.wake()
  }

  protected wake(): void {
    for (const [response, url] of this.#waiting) this.#give(response, url)
    this.#waiting.clear()
  }

  #give(response: ServerResponse, { pathname }: URL): void {
    const body = this.read(pathname)
    const headers = { 'x-consul-index': String(this.index), 'x-consul-knownleader': 'true' }
    this.answer(response, { status: body === undefined ? 404 : 200, headers, body })
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

class Kv extends Consul {
  protected get changed() {
    return { key: '/v/a' as Key, holds: this.#value }
  }

  protected read(): unknown {
    return [
      { Key: 'v/a', Value: base64(this.#value), ModifyIndex: this.index, CreateIndex: 2, Flags: 0 },
      { Key: 'v/b', Value: base64(`${SECRET} b`), ModifyIndex: 3, CreateIndex: 3, Flags: 0 },
      { Key: 'v/c/d', Value: base64(`${SECRET} d`), ModifyIndex: 4, CreateIndex: 4, Flags: 0 },
    ]
  }

  get #value(): string {
    return `${SECRET} ${this.index}`
  }
}

const withHeaders =
  (headers: Readonly<Record<string, string>>): HttpLie =>
  (response, truth) =>
    send(response, { ...truth, headers })

const common: Lies<HttpLie> = {
  'no index': withHeaders({}),
  'an index that is a word': withHeaders({ 'x-consul-index': 'many' }),
  'an index below zero': withHeaders({ 'x-consul-index': '-5' }),
  'an index with a fraction': withHeaders({ 'x-consul-index': '5.5' }),
  'an index of 40 digits': withHeaders({ 'x-consul-index': '9'.repeat(40) }),
  'a missing leader, in a header': withHeaders({
    'x-consul-index': '5',
    'x-consul-knownleader': 'false',
  }),
  'a missing leader, as an error': status(500, 'No cluster leader\n'),
  'an error with status 200': changed(() => ({ error: 'No cluster leader' })),
  'an empty object': changed(() => ({ KV: [] })),
}

/** Returns a lie that changes the second entry. */
const entry = (more: object): HttpLie =>
  changed<object[]>((entries) => entries.map((one, n) => (n === 1 ? { ...one, ...more } : one)))

const answers: Lies<HttpLie> = {
  'entries that are numbers': changed(() => [5]),
  'entries that are texts': changed(() => ['abc']),
  'entries in an object': changed<object[]>((entries) => ({ ...entries })),
  'entries in a list of their own': changed<object[]>((entries) => [entries]),
  'an entry that is null': changed<object[]>((entries) => [...entries, null]),
  'an entry without a key': entry({ Key: undefined }),
  'a key that is a number': entry({ Key: 5 }),
  'a key that is null': entry({ Key: null }),
  'a key that was not asked for': entry({ Key: 'w/b' }),
  'a key with a slash before it': entry({ Key: '/v/b' }),
  'a key twice': entry({ Key: 'v/a' }),
  'an entry without a value': entry({ Value: undefined }),
  'a value that is a number': entry({ Value: 5 }),
  'a value that is an object': entry({ Value: { [SECRET]: SECRET } }),
  'a value that is not base64': entry({ Value: `${SECRET}!` }),
  'a value that is half of base64': entry({ Value: 'c2Vz*2Ft' }),
  'an entry without an index': entry({ ModifyIndex: undefined }),
  'an index that is a text': entry({ ModifyIndex: '3' }),
  'an index below zero, of an entry': entry({ ModifyIndex: -3 }),
  'an index that is a huge number': (response, truth) =>
    response.writeHead(200, truth.headers).end('[{"Key":"v/b","Value":null,"ModifyIndex":1e400}]'),
}

const settings =
  (backend: 'consul' | 'consul-catalog') =>
  (node: string): ReturnType<typeof settingsFor> =>
    settingsFor({ backend, connection: { nodes: [node], scheme: 'http' }, limits: LIMITS })

export const consul: Protocol<HttpLie> = {
  name: 'consul',
  prefix: '/v',
  start: () => new Kv().listen(),
  settings: settings('consul'),
  answers: { ...httpLies, ...common, ...answers },
}

class Catalog extends Consul {
  protected get changed() {
    return { key: '/services/web/n1:web-1' as Key, holds: `"port":${this.index}` }
  }

  protected read(path: string): unknown {
    if (path === '/v1/catalog/services') return { consul: [], web: ['a', 'b'] }
    if (path === '/v1/health/service/consul') return []
    if (path !== '/v1/health/service/web') return undefined
    return ['1', '2'].map((n) => ({
      Node: { ID: `id-${n}`, Node: `n${n}`, Address: `10.0.0.${n}`, Datacenter: 'dc1', Meta: null },
      Service: {
        ID: `web-${n}`,
        Service: 'web',
        Address: '',
        Port: this.index,
        Tags: ['a', 'b'],
        Meta: { of: SECRET },
        Weights: { Passing: 1, Warning: 1 },
      },
      Checks: [{ CheckID: 'serfHealth', Name: 'Serf', Status: 'passing', Output: SECRET }],
    }))
  }
}

/** Restricts a lie to queries whose path begins with `path`. */
const asked =
  (path: string, lie: HttpLie): HttpLie =>
  (response: ServerResponse, truth: HttpAnswer) => {
    if (response.req.url?.startsWith(path) === true) lie(response, truth)
    else send(response, truth)
  }
const names = (change: (names: Record<string, unknown>) => unknown): HttpLie =>
  asked('/v1/catalog/services', changed(change))

interface Instance {
  Node: Record<string, unknown>
  Service: Record<string, unknown>
  Checks: unknown
}
const web = '/v1/health/service/web'
/** Returns a lie that changes the second instance. */
const instance = (change: (one: Instance) => unknown): HttpLie =>
  asked(
    web,
    changed<Instance[]>((all) => all.map((one, n) => (n === 1 ? change(one) : one))),
  )
const service = (more: object): HttpLie =>
  instance((one) => ({ ...one, Service: { ...one.Service, ...more } }))
const onNode = (more: object): HttpLie =>
  instance((one) => ({ ...one, Node: { ...one.Node, ...more } }))
const checks = (Checks: unknown): HttpLie => instance((one) => ({ ...one, Checks }))

const catalogAnswers: Lies<HttpLie> = {
  'names in a list': names(() => ['consul', 'web']),
  'tags that are a number': names((all) => ({ ...all, web: 5 })),
  'tags that are a text': names((all) => ({ ...all, web: 'a,b' })),
  'a tag that is null': names((all) => ({ ...all, web: [null] })),
  'instances in an object': asked(
    web,
    changed(() => ({})),
  ),
  'an instance that is null': instance(() => null),
  'an instance that is a text': instance(() => 'web-2'),
  'an instance without a node': instance(({ Node: _, ...one }) => one),
  'an instance without a service': instance(({ Service: _, ...one }) => one),
  'a node without a name': onNode({ Node: undefined }),
  'a node with an empty name': onNode({ Node: '' }),
  'an instance with an empty id': instance((one) => ({
    ...one,
    Service: { ...one.Service, ID: '' },
  })),
  'a node whose name is a list': onNode({ Node: ['n2'] }),
  'a node whose address is a number': onNode({ Address: 10 }),
  'metadata that are a text': onNode({ Meta: 'a=b' }),
  'a service without an id': service({ ID: undefined }),
  'a service of another name': service({ Service: 'api' }),
  'a service without a name': service({ Service: null }),
  'a port that is a text': service({ Port: '80' }),
  'a port with a fraction': service({ Port: 80.5 }),
  'tags that are an object': service({ Tags: {} }),
  'metadata of a service that are a list': service({ Meta: [SECRET] }),
  'metadata of a service that are numbers': service({ Meta: { a: 1 } }),
  'weights that are a number': service({ Weights: 1 }),
  'weights without one of the two': service({ Weights: { Passing: 1 } }),
  'an instance twice': instance((one) => ({
    ...one,
    Node: { ...one.Node, Node: 'n1' },
    Service: { ...one.Service, ID: 'web-1' },
  })),
  'checks that are an object': checks({}),
  'a check that is null': checks([null]),
  'a check without a status': checks([{ CheckID: 'a' }]),
  'a check whose status is a number': checks([{ CheckID: 'a', Name: 'a', Status: 0 }]),
}

export const consulCatalog: Protocol<HttpLie> = {
  name: 'consul-catalog',
  prefix: '/services',
  start: () => new Catalog().listen(),
  settings: settings('consul-catalog'),
  answers: { ...httpLies, ...common, ...catalogAnswers },
}
