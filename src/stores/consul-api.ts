// Consul's KV store over HTTP: one blocking query, and what its answer means.
// https://developer.hashicorp.com/consul/api-docs/kv and /consul/api-docs/features/blocking
import { FaultError, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { HttpClient, HttpResponse } from './http.ts'

/** One entry as Consul gives it; fields that are not used are left out here. */
export interface Entry {
  /** Without a leading slash. */
  readonly Key: string
  /** Base64; null is the empty value. */
  readonly Value: string | null
  readonly ModifyIndex: number
}

export interface Page {
  /** What to block on next; at least 1. */
  readonly index: number
  readonly entries: readonly Entry[]
  /** The ACL kept something back. Consul before 1.11 never tells. */
  readonly filtered: boolean
  /** A blocking query was answered before its time was over: something has happened. */
  readonly early: boolean
}

export class ConsulApi {
  constructor(
    private readonly http: HttpClient,
    private readonly headers: Record<string, string>,
    /** Seconds that a query blocks when nothing changes. */
    private readonly wait: number,
  ) {}

  /**
   * All entries whose key begins with `start`, once the index is past `index`; at once for 0.
   * The default consistency: never `?stale`, whose answers may come without a leader.
   */
  async list(start: string, index: number, signal: AbortSignal): Promise<Page> {
    const asked = performance.now()
    const block = index > 0 ? `&index=${index}&wait=${this.wait}s` : ''
    const response = await this.http.request(`${pathOf(start)}?recurse${block}`, {
      headers: this.headers,
      signal,
      // Consul adds up to a sixteenth of the wait, so that its clients do not return all at once.
      ...(index > 0 ? { timeout: (this.wait * 17_000) / 16 + 10_000 } : {}),
    })
    const { status, headers, body } = response
    this.#expectAnswer(response, `below ${start}`)
    return {
      index: this.#indexOf(response),
      entries: status === 404 ? [] : this.#parse(body),
      filtered: headers['x-consul-results-filtered-by-acls'] === 'true',
      early: index > 0 && performance.now() - asked < this.wait * 1000,
    }
  }

  /**
   * Whether the ACL lets us read a key, there or not. Unlike a listing, which leaves out what is
   * denied, the read of one key says so, in old versions too.
   */
  async mayRead(key: string, signal: AbortSignal): Promise<boolean> {
    const response = await this.http.request(pathOf(key), { headers: this.headers, signal })
    if (response.status === 403) return false
    this.#expectAnswer(response, key)
    return true
  }

  /** Whether another one, made of the settings as they are then, says the same about who is asking. */
  isAs({ headers }: ConsulApi): boolean {
    return JSON.stringify(headers) === JSON.stringify(this.headers)
  }

  denied(what: string): FaultError {
    return this.#fault(`denied access to ${what}`, {
      hint:
        'give a token whose policy has read on a key_prefix that covers the keys, with ' +
        '-auth-token-file or CONSUL_HTTP_TOKEN',
      permanent: true,
    })
  }

  #expectAnswer({ status, headers, body }: HttpResponse, what: string): void {
    if (headers['x-consul-knownleader'] === 'false') {
      throw this.#fault('knows no leader of its cluster', { hint: 'check the Consul servers' })
    }
    if (status === 200 || status === 404) return
    if (status === 403) throw this.denied(what)
    if (status === 401) {
      throw this.#fault('or a proxy before it asks for credentials (HTTP 401)', {
        hint: 'check -username and -password',
        permanent: true,
      })
    }
    if (status === 429) {
      const after = headers['retry-after']
      throw this.#fault(
        `answers too many requests (HTTP 429${after === undefined ? '' : `, retry after ${String(after)} s`})`,
        { hint: "raise the agent's limits.http_max_conns_per_client or its rate limits" },
      )
    }
    // Consul's own errors are one line of plain text, such as "No cluster leader".
    const text = String(headers['content-type'] ?? '').startsWith('text/html') ? '' : body.trim()
    const said = text === '' || text.length > 200 || text.includes('\n') ? '' : `: ${text}`
    throw this.#fault(`failed (HTTP ${status})${said}`)
  }

  #indexOf({ headers }: HttpResponse): number {
    const index = Number(headers['x-consul-index'])
    if (Number.isSafeInteger(index)) return Math.max(1, index)
    throw this.#fault('gave an answer without X-Consul-Index', {
      hint: "is this a Consul agent's HTTP port? check -node",
    })
  }

  #parse(body: string): readonly Entry[] {
    try {
      const entries: unknown = JSON.parse(body)
      if (Array.isArray(entries)) return entries as Entry[]
    } catch {
      // The text may hold values: it is not shown.
    }
    throw this.#fault('gave an answer that is not a JSON list')
  }

  #fault(what: string, more: Pick<Fault, 'hint' | 'permanent'> = {}): FaultError {
    return new FaultError({
      kind: 'store',
      message: `Consul at ${this.http.origin} ${what}`,
      ...more,
    })
  }
}

const pathOf = (key: string): string => `/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}`

/** Consul's `app/x` is `/app/x`. Undefined for folders (`app/`) and keys that are no path (`a//b`). */
export function keyOf(name: string): Key | undefined {
  const odd = name === '' || name.startsWith('/') || name.endsWith('/') || name.includes('//')
  return odd ? undefined : `/${name}`
}
