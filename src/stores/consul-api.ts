// Consul's KV store: one blocking query, and what its answer means.
// https://developer.hashicorp.com/consul/api-docs/kv
import type { FaultError } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { ConsulHttp, type Answer } from './consul-http.ts'
import type { HttpClient } from './http.ts'

/** One entry as Consul gives it; fields that are not used are left out here. */
export interface Entry {
  /** Without a leading slash. */
  readonly Key: string
  /** Base64; null is the empty value. */
  readonly Value: string | null
  readonly ModifyIndex: number
}

export interface Page extends Pick<Answer, 'index' | 'early' | 'filtered'> {
  readonly entries: readonly Entry[]
}

export class ConsulApi {
  readonly #http: ConsulHttp

  constructor(http: HttpClient, headers: Record<string, string>) {
    this.#http = new ConsulHttp(http, headers, NEEDS)
  }

  /**
   * All entries whose key begins with `start`, once the index is past `index`; at once for 0.
   * The default consistency: never `?stale`, whose answers may come without a leader.
   */
  async list(start: string, index: number, signal: AbortSignal): Promise<Page> {
    const about = `/${start} and below`
    const query = { index, signal, about, form: 'list', mayBeMissing: true } as const
    const answer = await this.#http.get(`${pathOf(start)}?recurse`, query)
    return { ...answer, entries: (answer.value ?? []) as readonly Entry[] }
  }

  /**
   * Whether the ACL lets us read a key, there or not. Unlike a listing, which leaves out what is
   * denied, the read of one key says so, in old versions too.
   */
  mayRead(key: string, signal: AbortSignal): Promise<boolean> {
    return this.#http.mayRead(pathOf(key), key, signal)
  }

  /** Whether another one, made of the settings as they are then, says the same about who is asking. */
  isAs(other: ConsulApi): boolean {
    return this.#http.isAs(other.#http)
  }

  denied(what: string): FaultError {
    return this.#http.denied(what)
  }
}

const NEEDS =
  'give a token whose policy has read on a key_prefix that covers the keys, with ' +
  '-auth-token-file or CONSUL_HTTP_TOKEN'

const pathOf = (key: string): string => `/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}`

/** Consul's `app/x` is `/app/x`. Undefined for folders (`app/`) and keys that are no path (`a//b`). */
export function keyOf(name: string): Key | undefined {
  const odd = name === '' || name.startsWith('/') || name.endsWith('/') || name.includes('//')
  return odd ? undefined : `/${name}`
}
