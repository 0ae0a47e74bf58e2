// Clients with which tests change the keys of stores. Each client uses the HTTP API of its server.
import { encodeText } from '../../src/core/bytes.ts'
import { chunks, forAll, HttpClient } from './http.ts'

export interface StoreClient {
  put(key: string, value: string): Promise<void>
  /** Writes many keys, in the largest batches that the server accepts. */
  putAll(entries: ReadonlyMap<string, string>): Promise<void>
  /** Writes a key that the server deletes after some seconds. */
  putWithTtl(key: string, value: string, seconds: number): Promise<void>
  del(key: string): Promise<void>
  /** Deletes a directory and everything below it. */
  delTree(dir: string): Promise<void>
  /** Closes the connections; the client can be used again. */
  close(): void
}

const base64 = (text: string): string => encodeText(text).toString('base64')
const segments = (key: string): string => key.split('/').map(encodeURIComponent).join('/')

/** Separates large values, which are written one by one, because servers limit the size of a transaction. */
function bySize(
  entries: ReadonlyMap<string, string>,
): Record<'small' | 'large', [string, string][]> {
  const isLarge = ([, value]: [string, string]): boolean => value.length > 5000
  const all = [...entries]
  return { small: all.filter((entry) => !isLarge(entry)), large: all.filter(isLarge) }
}

/** https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/ */
export class EtcdV3Client implements StoreClient {
  readonly http: HttpClient
  #token: string | undefined

  constructor(url: string) {
    this.http = new HttpClient(url)
  }

  async post(path: string, body: unknown): Promise<Record<string, unknown>> {
    const headers: Record<string, string> =
      this.#token === undefined ? {} : { authorization: this.#token }
    return (await this.http.json(`/v3/${path}`, body, headers)) as Record<string, unknown>
  }

  async put(key: string, value: string): Promise<void> {
    await this.post('kv/put', { key: base64(key), value: base64(value) })
  }

  /** Creates one revision for each batch of 1,000 keys (the server is started with --max-txn-ops=10000). */
  async putAll(entries: ReadonlyMap<string, string>): Promise<void> {
    const { small, large } = bySize(entries)
    for (const [key, value] of large) await this.put(key, value)
    for (const piece of chunks(small, 1000)) {
      const success = piece.map(([key, value]) => ({
        request_put: { key: base64(key), value: base64(value) },
      }))
      await this.post('kv/txn', { success })
    }
  }

  /** etcd extends a shorter lease to one and a half election timeouts, about 2 s. */
  async putWithTtl(key: string, value: string, seconds: number): Promise<void> {
    const { ID } = await this.post('lease/grant', { TTL: seconds })
    await this.post('kv/put', { key: base64(key), value: base64(value), lease: ID })
  }

  async del(key: string): Promise<void> {
    await this.post('kv/deleterange', { key: base64(key) })
  }

  async delTree(dir: string): Promise<void> {
    // `0` follows `/` in ASCII, so this is the range of all keys that begin with `dir/`.
    await this.post('kv/deleterange', { key: base64(`${dir}/`), range_end: base64(`${dir}0`) })
    await this.del(dir)
  }

  async revision(): Promise<number> {
    const { header } = (await this.post('kv/range', { key: base64('/') })) as {
      header: { revision: string }
    }
    return Number(header.revision)
  }

  /** Discards the history before the current revision. */
  async compact(): Promise<void> {
    await this.post('kv/compaction', { revision: String(await this.revision()), physical: true })
  }

  /** Enables authentication, with the user `root` and optionally a user that may read and write below `prefix`. */
  async enableAuth(
    rootPassword: string,
    user?: { name: string; password: string; prefix: string },
  ): Promise<void> {
    await this.post('auth/user/add', { name: 'root', password: rootPassword })
    await this.post('auth/role/add', { name: 'root' })
    await this.post('auth/user/grant', { user: 'root', role: 'root' })
    if (user !== undefined) {
      await this.post('auth/user/add', { name: user.name, password: user.password })
      await this.post('auth/role/add', { name: user.name })
      const perm = {
        permType: 'READWRITE',
        key: base64(user.prefix),
        range_end: base64(`${user.prefix}0`),
      }
      await this.post('auth/role/grant', { name: user.name, perm })
      await this.post('auth/user/grant', { user: user.name, role: user.name })
    }
    await this.post('auth/enable', {})
    await this.authenticate('root', rootPassword)
  }

  async authenticate(name: string, password: string): Promise<void> {
    // etcd refuses even this request if it carries an expired token.
    this.#token = undefined
    const { token } = await this.post('auth/authenticate', { name, password })
    this.#token = token as string
  }

  close(): void {
    this.http.close()
  }
}

/** https://etcd.io/docs/v2.3/api/ */
export class EtcdV2Client implements StoreClient {
  readonly http: HttpClient

  constructor(url: string) {
    this.http = new HttpClient(url)
  }

  async put(key: string, value: string): Promise<void> {
    await this.#form(key, { value })
  }

  async putAll(entries: ReadonlyMap<string, string>): Promise<void> {
    await forAll(entries, ([key, value]) => this.put(key, value))
  }

  async putWithTtl(key: string, value: string, seconds: number): Promise<void> {
    await this.#form(key, { value, ttl: String(seconds) })
  }

  async del(key: string): Promise<void> {
    await this.http.ok('DELETE', `/v2/keys${segments(key)}`)
  }

  async delTree(dir: string): Promise<void> {
    await this.http.ok('DELETE', `/v2/keys${segments(dir)}?recursive=true`)
  }

  /** Makes a directory and everything below it expire after some seconds. etcd sends one event for the directory. */
  async expireDir(dir: string, seconds: number): Promise<void> {
    await this.#form(dir, { dir: 'true', ttl: String(seconds), prevExist: 'true' })
  }

  /** Creates a directory that expires after some seconds. etcd 3.5 cannot set a TTL on an existing directory. */
  async makeExpiringDir(dir: string, seconds: number): Promise<void> {
    await this.#form(dir, { dir: 'true', ttl: String(seconds), prevExist: 'false' })
  }

  async #form(key: string, fields: Record<string, string>): Promise<void> {
    await this.http.ok('PUT', `/v2/keys${segments(key)}`, new URLSearchParams(fields).toString(), {
      'content-type': 'application/x-www-form-urlencoded',
    })
  }

  close(): void {
    this.http.close()
  }
}

/** https://developer.hashicorp.com/consul/api-docs/kv */
export class ConsulClient implements StoreClient {
  readonly http: HttpClient

  constructor(
    url: string,
    readonly token?: string,
  ) {
    this.http = new HttpClient(url)
  }

  async call(method: string, path: string, body?: string): Promise<string> {
    const headers: Record<string, string> =
      this.token === undefined ? {} : { 'x-consul-token': this.token }
    return (await this.http.ok(method, path, body, headers)).text
  }

  async put(key: string, value: string): Promise<void> {
    await this.call('PUT', `/v1/kv${segments(key)}`, value)
  }

  /**
   * Consul accepts at most 64 operations and 512 KB of text in a transaction, so large values are written one by one.
   */
  async putAll(entries: ReadonlyMap<string, string>): Promise<void> {
    const { small, large } = bySize(entries)
    await forAll(large, ([key, value]) => this.put(key, value))
    await forAll(chunks(small, 64), (piece) => {
      const operations = piece.map(([key, value]) => ({
        KV: { Verb: 'set', Key: key.slice(1), Value: base64(value) },
      }))
      return this.call('PUT', '/v1/txn', JSON.stringify(operations))
    })
  }

  /**
   * Writes a key that is tied to a session. Consul deletes the key when the session expires, which takes up to twice
   * the given time.
   */
  async putWithTtl(key: string, value: string, seconds: number): Promise<void> {
    const session = { TTL: `${seconds}s`, Behavior: 'delete', LockDelay: '0s' }
    const answer = await this.call('PUT', '/v1/session/create', JSON.stringify(session))
    const { ID } = JSON.parse(answer) as { ID: string }
    await this.call('PUT', `/v1/kv${segments(key)}?acquire=${ID}`, value)
  }

  async del(key: string): Promise<void> {
    await this.call('DELETE', `/v1/kv${segments(key)}`)
  }

  async delTree(dir: string): Promise<void> {
    await this.call('DELETE', `/v1/kv${segments(dir)}/?recurse=true`)
    await this.del(dir)
  }

  close(): void {
    this.http.close()
  }
}
