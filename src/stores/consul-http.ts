// Queries to Consul over HTTP, blocking or not, and the metadata of their answers.
// https://developer.hashicorp.com/consul/api-docs/features/blocking
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { FaultError, type Fault } from '../core/fault.ts'
import { NotJson } from './consul-entries.ts'
import type { Indexes } from './consul-index.ts'
import { ClosedError } from './http-faults.ts'
import type { HttpClient, HttpResponse } from './http.ts'
import { expecting, listOf, optional, record, bool, type Shape } from './shape.ts'

/**
 * Maximum duration of a blocking query, in seconds. Even with the sixteenth that Consul adds as jitter, a query takes
 * less than one minute, the usual timeout of proxies.
 */
const WAIT = 55

export interface Query<T> {
  /**
   * The query is answered as soon as Consul's index exceeds this index. A query with the index 0 is answered
   * immediately.
   */
  readonly index: number
  readonly signal: AbortSignal
  /** The data that the query reads, for messages, such as `the service web`. */
  readonly about: string
  /** The shape of the answer; absent if the answer is streamed. */
  readonly shape?: Shape<T>
  /**
   * Reads an answer as it arrives.
   * @param isReset see ConsulAnswer.isReset
   */
  readonly stream?: (isReset: boolean) => AnswerStream<T>
  /** Whether any server may answer, even if it knows no leader. */
  readonly stale?: boolean
  /** Whether a 404 is accepted, as an answer with the value undefined. */
  readonly mayBeMissing?: boolean
  /** Whether the endpoint supports neither blocking nor indexes. */
  readonly isPolled?: boolean
  /** Timeout of a query that does not block, in milliseconds; default: see RequestOptions.timeout. */
  readonly timeout?: number
}

/** Parses an answer as it arrives. Throws a Mismatch or a NotJson if the answer is invalid. */
export interface AnswerStream<T> {
  write(chunk: Buffer): void
  end(): T
}

export interface ConsulAnswer<T> {
  readonly value: T | undefined
  /** The index for the next blocking query; at least 1. */
  readonly index: number
  /** Whether the blocking query was answered before its timeout, usually because something has changed. */
  readonly early: boolean
  /**
   * Whether the cluster may have been restored or rebuilt since the previous answer, so that equal indexes prove
   * nothing.
   */
  readonly isReset: boolean
  /** Whether the ACL has removed results. Consul before 1.11 never reports this. */
  readonly filtered: boolean
  /** Milliseconds since the answering server last heard from its leader. */
  readonly lastContact: number
}

/**
 * Thrown if Consul receives too many requests or connections. After a pause, the caller must continue with fewer of
 * them.
 */
export class OverloadError extends FaultError {
  constructor(
    fault: Fault,
    /** False if Consul has only closed a connection, which may have other reasons. */
    readonly isExplicit: boolean,
    /** Milliseconds to wait, if Consul has stated a time. */
    readonly retryAfter?: number,
  ) {
    super(fault)
  }
}

/** Thrown if the agent is healthy, but reports that it cannot answer a query. */
export class AnsweredError extends FaultError {
  constructor(
    fault: Fault,
    /** True if the query is invalid; false if its datacenter is unreachable or has no leader. */
    readonly isWrong: boolean,
    readonly status: number,
  ) {
    super(fault)
  }
}

/** Appends query parameters to a path, which may already have some. */
export function withParameters(
  path: string,
  parameters: readonly (readonly [name: string, value: string | undefined])[],
): string {
  const more = parameters.flatMap(([name, value]) =>
    value ? [`${name}=${encodeURIComponent(value)}`] : [],
  )
  return more.length === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${more.join('&')}`
}

/** Sends queries to one agent with fixed credentials. */
export class ConsulHttp {
  constructor(
    private readonly http: HttpClient,
    private readonly headers: Record<string, string>,
    private readonly indexes: Indexes,
    /** The hint if access is denied: the permissions that a token needs. */
    private readonly needs: string,
  ) {}

  /** Whether another client has the same credentials. */
  isAs({ headers }: ConsulHttp): boolean {
    return JSON.stringify(headers) === JSON.stringify(this.headers)
  }

  /**
   * Runs a query. An answer is not trusted if its index is lower than a previous one, or if a blocking query ends
   * before its timeout although nothing has changed: the server may be behind, or may have lost leadership without
   * knowing it. The query is then repeated in consistent mode, and the second answer is always accepted, because a
   * restored cluster really has lower indexes, and a restarting cluster ends blocking queries early.
   * @param path includes the query string if there is one
   */
  async get<T>(path: string, query: Query<T>): Promise<ConsulAnswer<T>> {
    const { indexes } = this
    const answer = await this.#ask(path, query)
    if (query.isPolled === true) return answer
    const isSpurious = answer.early && answer.index === query.index
    if (!isSpurious && !indexes.isBehind(path, answer.index)) {
      indexes.note(path, answer.index, false)
      return answer
    }
    const pause = indexes.pause(path)
    if (pause > 0) await delay(pause, undefined, { signal: query.signal })
    const confirmed = await this.#ask(path, { ...query, index: 0, stale: false, consistent: true })
    indexes.note(path, confirmed.index, confirmed.index <= answer.index)
    return { ...confirmed, early: true, isReset: true }
  }

  /**
   * Like get(), but accepts an answer from any server that is not further behind the leader than allowed.
   * @param maxStale milliseconds; 0 asks only the leader
   * @param atLeast minimum index of the answer; Infinity asks only the leader
   */
  async getWithin<T>(
    path: string,
    query: Query<T>,
    maxStale: number,
    atLeast = 0,
  ): Promise<ConsulAnswer<T>> {
    if (maxStale === 0 || atLeast === Infinity) return this.get(path, query)
    const answer = await this.get(path, { ...query, stale: true })
    if (answer.lastContact <= maxStale && answer.index >= atLeast) return answer
    return this.get(path, { ...query, index: 0 })
  }

  async #ask<T>(
    path: string,
    query: Query<T> & { readonly consistent?: true },
  ): Promise<ConsulAnswer<T>> {
    const { index, signal, stale = false, consistent = false, timeout } = query
    const asked = performance.now()
    const parameters = [
      ...(index > 0 && query.isPolled !== true ? [`index=${index}`, `wait=${WAIT}s`] : []),
      ...(stale ? ['stale'] : []),
      ...(consistent ? ['consistent'] : []),
    ]
    const glue = parameters.length === 0 ? '' : path.includes('?') ? '&' : '?'
    const stream = query.stream?.(consistent)
    const response = await this.http
      .request(path + glue + parameters.join('&'), {
        headers: this.headers,
        signal,
        ...(stream === undefined
          ? {}
          : { into: (chunk: Buffer) => this.#reading(() => stream.write(chunk)) }),
        // Consul adds up to a sixteenth of the wait as jitter.
        ...(index > 0
          ? { timeout: (WAIT * 17_000) / 16 + 10_000 }
          : timeout === undefined
            ? {}
            : { timeout }),
      })
      .catch(overloadIfClosed)
    // The pool gets the socket back only in a later turn of the event loop. An immediate request would open another
    // socket.
    await turn()
    const { status, headers, body } = response
    this.#expectAnswer(response, query)
    return {
      index: query.isPolled === true ? 1 : this.#indexOf(response),
      value:
        status === 404
          ? undefined
          : stream === undefined
            ? this.#parse(body, query.shape as Shape<T>)
            : this.#reading(() => stream.end()),
      early: index > 0 && performance.now() - asked < WAIT * 1000,
      isReset: false,
      filtered: headers['x-consul-results-filtered-by-acls'] === 'true',
      lastContact: Number(headers['x-consul-lastcontact'] ?? 0),
    }
  }

  /** Whether the token may read a path, which need not exist. */
  async mayRead(path: string, about: string, signal: AbortSignal): Promise<boolean> {
    const response = await this.http.request(path, { headers: this.headers, signal })
    if (response.status === 403) return false
    this.#expectAnswer(response, { about, mayBeMissing: true })
    return true
  }

  /**
   * Returns which of these permissions the token has; undefined if ACLs are disabled, or Consul cannot report
   * permissions. Uses an endpoint of Consul's own web interface.
   */
  async rights(
    rights: readonly { readonly Resource: string; readonly Segment: string }[],
    dc: string | undefined,
    signal: AbortSignal,
  ): Promise<readonly boolean[] | undefined> {
    const where = dc === undefined ? '' : `?dc=${encodeURIComponent(dc)}`
    const { status, body } = await this.http.request(`/v1/internal/acl/authorize${where}`, {
      method: 'POST',
      headers: this.headers,
      body: JSON.stringify(rights.map((right) => ({ ...right, Access: 'read' }))),
      signal,
    })
    if (status === 403) return rights.map(() => false)
    if (status !== 200) return undefined
    const answers = this.#parse(body, authorization)
    if (answers.length !== rights.length)
      throw this.notConsul('its length differs from that of the request')
    return answers.map(({ Allow }) => Allow === true)
  }

  /** @param what describes the error in the answer, without quoting the answer */
  notConsul(what: string): FaultError {
    return this.#fault(`sent an invalid response: ${what}`, {
      hint: NOT_CONSUL,
    })
  }

  denied(what: string): FaultError {
    return this.#fault(`denied access to ${what}`, { hint: this.needs, permanent: true })
  }

  /** Builds the fault for a look-up of a name that no request can contain. */
  unserved(what: string): FaultError {
    return this.#fault(
      `cannot serve ${what}: its name contains an unprintable character, or is not a plain path`,
      {
        hint: 'correct the name; if it comes from a key that ends with a line break, use trim',
        permanent: true,
      },
    )
  }

  #expectAnswer(
    { status, headers, body }: HttpResponse,
    { about, stale, mayBeMissing }: Pick<Query<unknown>, 'about' | 'stale' | 'mayBeMissing'>,
  ): void {
    if (status === 403) throw this.denied(about)
    if (status === 200 || (status === 404 && mayBeMissing === true)) {
      if (headers['x-consul-knownleader'] !== 'false' || stale === true) return
      const hint = 'check the Consul servers'
      throw new AnsweredError(this.#fault('has no cluster leader', { hint }).fault, false, status)
    }
    if (status === 401) {
      throw this.#fault('or a proxy in front of it asks for credentials (HTTP 401)', {
        hint: 'check -username and -password',
        permanent: true,
      })
    }
    if (status === 429) {
      const after = Number(headers['retry-after'] ?? NaN)
      const told = Number.isFinite(after) ? `, retry after ${after} s` : ''
      const { fault } = this.#fault(`reports too many requests (HTTP 429${told})`, {
        hint: "raise the agent's limits.http_max_conns_per_client or its rate limits",
      })
      throw new OverloadError(
        fault,
        true,
        Number.isFinite(after) ? Math.max(0, after * 1000) : undefined,
      )
    }
    // Consul's errors are one line of plain text, such as "No cluster leader". Errors from proxies are HTML pages.
    const text = body.trim()
    const isWords = text !== '' && text.length <= 200 && !/^<|\n/.test(text)
    const isWrong = status < 500 || /boolean expression|Invalid|selector/i.test(text)
    const what = isWrong ? `rejected the request for ${about}` : 'failed'
    const message = `${what} (HTTP ${status})${isWords ? `: ${text}` : ''}`
    const isForeign = status === 404 && !text.includes('Query not found')
    const hint = isForeign ? { hint: NOT_CONSUL } : hintFor(text)
    throw new AnsweredError(this.#fault(message, hint).fault, isWrong, status)
  }

  #indexOf({ headers }: HttpResponse): number {
    const index = headers['x-consul-index']
    if (typeof index === 'string' && /^\d{1,15}$/.test(index)) return Math.max(1, Number(index))
    throw this.notConsul(
      `its header X-Consul-Index is ${index === undefined ? 'missing' : 'not a number'}`,
    )
  }

  /** Converts a Mismatch or a NotJson to a fault. */
  #reading<T>(read: () => T): T {
    try {
      return expecting((what) => this.notConsul(what), read)
    } catch (error) {
      throw error instanceof NotJson ? this.notConsul('it is not JSON') : error
    }
  }

  #parse<T>(body: string, shape: Shape<T>): T {
    let value: unknown
    try {
      value = JSON.parse(body)
    } catch {
      // The message must not quote the text, which contains values.
      throw this.notConsul('it is not JSON')
    }
    return expecting(
      (what) => this.notConsul(what),
      () => shape(value),
    )
  }

  #fault(what: string, more: Pick<Fault, 'hint' | 'permanent'> = {}): FaultError {
    const message = `${this.http.place} ${what}`
    return new FaultError({ kind: 'store', message, ...more })
  }
}

const NOT_CONSUL = 'check -node and -scheme: this may not be the HTTP port of a Consul agent'

const authorization = listOf(record({ Allow: optional(bool) }))

/** Consul before 1.9 closes excess connections without an error. */
function overloadIfClosed(error: unknown): never {
  throw error instanceof ClosedError ? new OverloadError(error.fault, false) : error
}

function hintFor(said: string): Pick<Fault, 'hint'> {
  if (said.startsWith('No path to datacenter')) {
    return {
      hint: 'check the datacenter in -consul-datacenter or in the template, and its servers: consul members -wan',
    }
  }
  if (said.includes('Namespaces'))
    return { hint: 'remove -consul-namespace and the option namespace' }
  return {}
}
