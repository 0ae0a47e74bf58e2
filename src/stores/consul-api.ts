// Queries to Consul's KV store, blocking or not, and their answers.
// https://developer.hashicorp.com/consul/api-docs/kv
import type { FaultError } from '../core/fault.ts'
import type { CatalogSettings } from '../core/settings.ts'
import { EntriesReader, type Entries, type Knowledge } from './consul-entries.ts'
import { ConsulHttp, withParameters, type ConsulAnswer } from './consul-http.ts'
import type { Indexes } from './consul-index.ts'
import type { HttpClient } from './http.ts'

export interface Page extends Pick<ConsulAnswer<unknown>, 'index' | 'isReset' | 'filtered'> {
  readonly entries: Entries
  /** Builds the fault for an answer whose entries are invalid. */
  readonly wrong: (what: string) => FaultError
}

const NOTHING: Entries = { count: 0, unknown: [] }

/** Where to read the keys, and how old an answer may be. */
export type ReadOptions = Pick<CatalogSettings, 'datacenter' | 'namespace' | 'maxStale'>

export class ConsulApi {
  readonly #http: ConsulHttp
  readonly #reader: (known: Knowledge) => EntriesReader

  /** @param indexes the indexes of earlier answers, shared by all connections */
  constructor(
    http: HttpClient,
    headers: Record<string, string>,
    indexes: Indexes,
    private readonly of: ReadOptions,
  ) {
    const { place, limits } = http
    this.#reader = (known) => new EntriesReader(known, place, limits)
    this.#http = new ConsulHttp(http, headers, indexes, NEEDS)
  }

  /**
   * Returns all entries whose key begins with `start`, as soon as Consul's index exceeds `index`. If `index` is 0,
   * Consul answers immediately. Leaves out the entries that are already known according to `begin`. Asks the leader,
   * unless older answers are allowed.
   */
  async list(
    start: string,
    index: number,
    begin: (isReset: boolean) => Knowledge,
    signal: AbortSignal,
  ): Promise<Page> {
    const about = `/${start} and below`
    const stream = (isReset: boolean): EntriesReader => this.#reader(begin(isReset))
    const query = { index, signal, about, stream, mayBeMissing: true }
    const path = this.#asked(`${pathOf(start)}?recurse`)
    const { maxStale } = this.of
    const { value: entries = NOTHING, ...answer } = await this.#http.getWithin(
      path,
      query,
      maxStale,
    )
    return { ...answer, entries, wrong: (what) => this.#http.notConsul(what) }
  }

  /**
   * Whether the ACL permits reading a key. The key need not exist. A listing silently omits denied keys, but a
   * request for a single key reports the denial, even in old versions of Consul.
   */
  mayRead(key: string, signal: AbortSignal): Promise<boolean> {
    return this.#http.mayRead(this.#asked(pathOf(key)), key, signal)
  }

  #asked(path: string): string {
    const { datacenter, namespace } = this.of
    return withParameters(path, [
      ['dc', datacenter],
      ['ns', namespace],
    ])
  }

  /** Whether another client has the same credentials. */
  isAs(other: ConsulApi): boolean {
    return this.#http.isAs(other.#http)
  }

  denied(what: string): FaultError {
    return this.#http.denied(what)
  }
}

const NEEDS =
  'use -auth-token-file or CONSUL_HTTP_TOKEN to set a token whose policy grants read ' +
  'on a key_prefix that covers the keys'

const pathOf = (key: string): string => `/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}`
