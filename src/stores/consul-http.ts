// Consul over HTTP: one query, blocking or not, and what the answer says beside its body.
// https://developer.hashicorp.com/consul/api-docs/features/blocking
import { setImmediate as turn } from 'node:timers/promises'
import { FaultError, type Fault } from '../core/fault.ts'
import type { HttpClient, HttpResponse } from './http.ts'

/** Seconds. With Consul's jitter of a sixteenth still below the minute that proxies usually allow. */
export const WAIT = 55

export interface Answer<T> {
  readonly value: T
  /** What to block on next; at least 1. */
  readonly index: number
  /** A blocking query was answered before its time was over: something has happened. */
  readonly early: boolean
  /** Milliseconds since the server that answered has last heard of its leader. */
  readonly lastContact: number
  readonly knowsLeader: boolean
}

export interface Query {
  /** Answered once the index is past this one; at once for 0. */
  readonly index: number
  readonly signal: AbortSignal
  /** What is asked for, for messages: `the service web`. */
  readonly about: string
  /** Any server may answer, even one without a leader. */
  readonly stale?: boolean
}

/** Consul has no place for more: fewer requests at a time, and not at once. */
export class Crowded extends FaultError {
  constructor(
    fault: Fault,
    /** Milliseconds to wait, when Consul says. */
    readonly retryAfter: number | undefined,
  ) {
    super(fault)
  }
}

export class ConsulHttp {
  /** Neither does it change while the agent runs, nor is there a reason to ask twice. */
  #tellsRights = true

  constructor(
    private readonly http: HttpClient,
    /** Asked for each request: a token in a file may be rotated. */
    private readonly credentials: () => Record<string, string>,
    /** What a token needs, one sentence. */
    private readonly needs: string,
  ) {}

  /** @param path with its query string, if any */
  async get(path: string, query: Query): Promise<Answer<unknown>> {
    const { index, stale = false } = query
    const asked = performance.now()
    const parameters = [
      ...(index > 0 ? [`index=${index}`, `wait=${WAIT}s`] : []),
      ...(stale ? ['stale'] : []),
    ]
    const glue = parameters.length === 0 ? '' : path.includes('?') ? '&' : '?'
    const response = await this.#request(path + glue + parameters.join('&'), query)
    const { headers } = response
    this.#expectAnswer(response, query)
    if (headers['x-consul-results-filtered-by-acls'] === 'true') throw this.denied(query.about)
    return {
      value: this.#parse(response),
      index: this.#indexOf(response),
      early: index > 0 && performance.now() - asked < WAIT * 1000,
      lastContact: Number(headers['x-consul-lastcontact'] ?? 0),
      knowsLeader: headers['x-consul-knownleader'] !== 'false',
    }
  }

  /**
   * Which of the rights the token has; undefined when ACLs are off, or when this Consul cannot tell.
   * It is what Consul's own web interface asks.
   */
  async rights(
    rights: readonly { readonly Resource: string; readonly Segment: string }[],
    signal: AbortSignal,
  ): Promise<readonly boolean[] | undefined> {
    if (!this.#tellsRights) return undefined
    const response = await this.http.request('/v1/internal/acl/authorize', {
      method: 'POST',
      headers: this.credentials(),
      body: JSON.stringify(rights.map((right) => ({ ...right, Access: 'read' }))),
      signal,
    })
    if (response.status === 403) throw this.denied('anything')
    this.#tellsRights = response.status === 200
    if (!this.#tellsRights) return undefined
    const answers = this.#parse(response) as readonly { readonly Allow?: boolean }[]
    return answers.map(({ Allow }) => Allow === true)
  }

  denied(what: string): FaultError {
    return this.#fault(`denied access to ${what}`, { hint: this.needs, permanent: true })
  }

  /** The old token may be refused while the new one is on its way: once more, if it is another by now. */
  async #request(path: string, { index, signal }: Query): Promise<HttpResponse> {
    for (;;) {
      const headers = this.credentials()
      const response = await this.http
        .request(path, {
          headers,
          signal,
          // Consul adds up to a sixteenth of the wait, so that its clients do not return all at once.
          ...(index > 0 ? { timeout: (WAIT * 17_000) / 16 + 10_000 } : {}),
        })
        .catch(crowdedIfClosed)
      // The pool has the socket back only in a later turn: a request in this one would open another.
      await turn()
      const now = response.status === 403 ? this.credentials() : headers
      if (now['x-consul-token'] === headers['x-consul-token']) return response
    }
  }

  #expectAnswer({ status, headers, body }: HttpResponse, { about, stale }: Query): void {
    if (status === 403) throw this.denied(about)
    if (status === 401) {
      throw this.#fault('or a proxy before it asks for credentials (HTTP 401)', {
        hint: 'check -username and -password',
        permanent: true,
      })
    }
    if (status === 429) {
      const after = Number(headers['retry-after'] ?? NaN)
      const told = Number.isFinite(after) ? `, retry after ${after} s` : ''
      throw new Crowded(
        this.#fault(`answers too many requests (HTTP 429${told})`, {
          hint: "raise the agent's limits.http_max_conns_per_client or its rate limits",
        }).fault,
        Number.isFinite(after) ? after * 1000 : undefined,
      )
    }
    if (status !== 200) {
      // Consul's own errors are one line of plain text, such as "No cluster leader".
      const text = String(headers['content-type'] ?? '').startsWith('text/html') ? '' : body.trim()
      const said = text === '' || text.length > 200 || text.includes('\n') ? '' : `: ${text}`
      throw this.#fault(`failed (HTTP ${status}) when asked for ${about}${said}`, HINTS(text))
    }
    if (headers['x-consul-knownleader'] === 'false' && stale !== true) {
      throw this.#fault('knows no leader of its cluster', { hint: 'check the Consul servers' })
    }
  }

  #indexOf({ headers }: HttpResponse): number {
    const index = Number(headers['x-consul-index'])
    if (Number.isSafeInteger(index)) return Math.max(1, index)
    throw this.#fault('gave an answer without X-Consul-Index', {
      hint: "is this a Consul agent's HTTP port? check -node",
    })
  }

  #parse({ body }: HttpResponse): unknown {
    try {
      return JSON.parse(body)
    } catch {
      // The text is not shown: meta data may hold secrets.
      throw this.#fault('gave an answer that is not JSON')
    }
  }

  #fault(what: string, more: Pick<Fault, 'hint' | 'permanent'> = {}): FaultError {
    const message = `Consul at ${this.http.origin} ${what}`
    return new FaultError({ kind: 'store', message, ...more })
  }
}

/** Before 1.9 Consul closes the connections that are too many for it, without a word. */
function crowdedIfClosed(error: unknown): never {
  const closed =
    error instanceof FaultError && error.fault.message.endsWith('the server closed the connection')
  throw closed ? new Crowded(error.fault, undefined) : error
}

const HINTS = (said: string): Pick<Fault, 'hint'> => {
  if (said.startsWith('No path to datacenter')) return { hint: 'check -consul-datacenter' }
  if (said.includes('Namespaces')) return { hint: 'leave -consul-namespace out' }
  return {}
}
