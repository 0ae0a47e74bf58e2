// Consul over HTTP: one query, blocking or not, and what the answer says beside its body.
// https://developer.hashicorp.com/consul/api-docs/features/blocking
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { FaultError, type Fault } from '../core/fault.ts'
import { NotJson } from './consul-entries.ts'
import type { Indexes } from './consul-index.ts'
import { ClosedError } from './http-faults.ts'
import type { HttpClient, HttpResponse } from './http.ts'
import { expecting, listOf, optional, record, flag, type Shape } from './shape.ts'

/** Seconds. With Consul's jitter of a sixteenth still below the minute that proxies usually allow. */
const WAIT = 55

export interface Query<T> {
  /** Answered once the index is past this one; at once for 0. */
  readonly index: number
  readonly signal: AbortSignal
  /** What is asked for, for messages: `the service web`. */
  readonly about: string
  /** What the answer has to be; not of one that is streamed. */
  readonly shape?: Shape<T>
  /**
   * Reads an answer as it comes.
   * @param isReset as Answer.anew
   */
  readonly stream?: (isReset: boolean) => AnswerStream<T>
  /** Any server may answer, even one without a leader. */
  readonly stale?: boolean
  /** That there is nothing (404) is an answer, whose value is undefined. */
  readonly mayBeMissing?: boolean
  /** It cannot block, and tells no index. */
  readonly isPolled?: boolean
  /** Milliseconds for an answer that does not block; default: as any request. */
  readonly timeout?: number
}

/** Throws a Mismatch or a NotJson where the answer is not what it should be. */
export interface AnswerStream<T> {
  write(chunk: Buffer): void
  end(): T
}

export interface ConsulAnswer<T> {
  readonly value: T | undefined
  /** What to block on next; at least 1. */
  readonly index: number
  /** A blocking query was answered before its time was over: something has happened. */
  readonly early: boolean
  /** It may be of another history than the one before, a restored cluster's: equal numbers mean nothing. */
  readonly anew: boolean
  /** The ACL kept something back. Consul before 1.11 never tells. */
  readonly filtered: boolean
  /** Milliseconds since the server that answered has last heard of its leader. */
  readonly lastContact: number
}

/** Consul has no place for more: fewer requests at a time, and not at once. */
export class OverloadError extends FaultError {
  constructor(
    fault: Fault,
    /** Consul has said so; otherwise it has only closed a connection, for which there are other reasons. */
    readonly isExplicit: boolean,
    /** Milliseconds to wait, when Consul says. */
    readonly retryAfter?: number,
  ) {
    super(fault)
  }
}

/** The agent itself is well, and says that a question cannot be answered. */
export class AnsweredError extends FaultError {
  constructor(
    fault: Fault,
    /** The question is wrong; else it is of a datacenter that is away, or has no leader. */
    readonly isWrong: boolean,
  ) {
    super(fault)
  }
}

/** Further parameters of a question, behind its path, which has none or some already. */
export function withParameters(
  path: string,
  parameters: readonly (readonly [name: string, value: string | undefined])[],
): string {
  const more = parameters.flatMap(([name, value]) =>
    value ? [`${name}=${encodeURIComponent(value)}`] : [],
  )
  return more.length === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${more.join('&')}`
}

/** One agent, and who is asking it. */
export class ConsulHttp {
  constructor(
    private readonly http: HttpClient,
    private readonly headers: Record<string, string>,
    private readonly indexes: Indexes,
    /** What a token needs, one sentence: the hint where something is denied. */
    private readonly needs: string,
  ) {}

  /** Whether another one, made of the settings as they are then, says the same about who is asking. */
  isAs({ headers }: ConsulHttp): boolean {
    return JSON.stringify(headers) === JSON.stringify(this.headers)
  }

  /**
   * An answer that is older than one that was given before is not believed, and neither is one that came
   * early and brings nothing: the server may be behind, or may have lost the lead without knowing it yet. A
   * leader that makes sure of being one is asked then, and its answer counts: a restored cluster is behind
   * as well, and a restarted one lets go of the queries that wait.
   * @param path with its query string, if any
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
    return { ...confirmed, early: true, anew: true }
  }

  /**
   * As get(), of any server that is no further behind the leader than allowed; else of the leader.
   * @param maxStale milliseconds; 0: only the leader is asked
   * @param atLeast an index that the answer has to have
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
        // Consul adds up to a sixteenth of the wait, so that its clients do not return all at once.
        ...(index > 0
          ? { timeout: (WAIT * 17_000) / 16 + 10_000 }
          : timeout === undefined
            ? {}
            : { timeout }),
      })
      .catch(overloadIfClosed)
    // The pool has the socket back only in a later turn: a request in this one would open another.
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
      anew: false,
      filtered: headers['x-consul-results-filtered-by-acls'] === 'true',
      lastContact: Number(headers['x-consul-lastcontact'] ?? 0),
    }
  }

  /** Whether the token may read what is at a path, there or not. */
  async mayRead(path: string, about: string, signal: AbortSignal): Promise<boolean> {
    const response = await this.http.request(path, { headers: this.headers, signal })
    if (response.status === 403) return false
    this.#expectAnswer(response, { about, mayBeMissing: true })
    return true
  }

  /**
   * Which of the rights the token has; undefined when ACLs are off, or when this Consul cannot tell.
   * It is what Consul's own web interface asks.
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
      throw this.notConsul('it has another length than was asked for')
    return answers.map(({ Allow }) => Allow === true)
  }

  /** @param what is wrong with an answer, without any of it */
  notConsul(what: string): FaultError {
    return this.#fault(`gave an answer that is not Consul's: ${what}`, {
      hint: "is this a Consul agent's HTTP port? check -node and -scheme",
    })
  }

  denied(what: string): FaultError {
    return this.#fault(`denied access to ${what}`, { hint: this.needs, permanent: true })
  }

  #expectAnswer(
    { status, headers, body }: HttpResponse,
    { about, stale, mayBeMissing }: Pick<Query<unknown>, 'about' | 'stale' | 'mayBeMissing'>,
  ): void {
    if (status === 403) throw this.denied(about)
    if (status === 200 || (status === 404 && mayBeMissing === true)) {
      if (headers['x-consul-knownleader'] !== 'false' || stale === true) return
      const hint = 'check the Consul servers'
      throw new AnsweredError(this.#fault('knows no leader of its cluster', { hint }).fault, false)
    }
    if (status === 401) {
      throw this.#fault('or a proxy before it asks for credentials (HTTP 401)', {
        hint: 'check -username and -password',
        permanent: true,
      })
    }
    if (status === 429) {
      const after = Number(headers['retry-after'] ?? NaN)
      const told = Number.isFinite(after) ? `, retry after ${after} s` : ''
      const { fault } = this.#fault(`answers too many requests (HTTP 429${told})`, {
        hint: "raise the agent's limits.http_max_conns_per_client or its rate limits",
      })
      throw new OverloadError(
        fault,
        true,
        Number.isFinite(after) ? Math.max(0, after * 1000) : undefined,
      )
    }
    // Consul's own errors are one line of plain text, such as "No cluster leader"; a proxy's are pages.
    const text = body.trim()
    const isWords = text !== '' && text.length <= 200 && !/^<|\n/.test(text)
    const what = `failed (HTTP ${status})${isWords ? `: ${text}` : ''}`
    const isWrong = status < 500 || /boolean expression|Invalid|selector/i.test(text)
    throw new AnsweredError(this.#fault(what, hintFor(text)).fault, isWrong)
  }

  #indexOf({ headers }: HttpResponse): number {
    const index = headers['x-consul-index']
    if (typeof index === 'string' && /^\d{1,15}$/.test(index)) return Math.max(1, Number(index))
    throw this.notConsul(
      `its header X-Consul-Index is ${index === undefined ? 'missing' : 'no number'}`,
    )
  }

  /** Throws the fault of an answer that is not what it should be. */
  #reading<T>(read: () => T): T {
    try {
      return expecting((what) => this.notConsul(what), read)
    } catch (error) {
      throw error instanceof NotJson ? this.notConsul('it is no JSON') : error
    }
  }

  #parse<T>(body: string, shape: Shape<T>): T {
    let value: unknown
    try {
      value = JSON.parse(body)
    } catch {
      // The text may hold values: it is not shown.
      throw this.notConsul('it is no JSON')
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

const authorization = listOf(record({ Allow: optional(flag) }))

/** Before 1.9 Consul closes the connections that are too many for it, without a word. */
function overloadIfClosed(error: unknown): never {
  throw error instanceof ClosedError ? new OverloadError(error.fault, false) : error
}

function hintFor(said: string): Pick<Fault, 'hint'> {
  if (said.startsWith('No path to datacenter')) {
    return {
      hint: 'check -consul-datacenter, or the name in the template, and its servers: consul members -wan',
    }
  }
  if (said.includes('Namespaces')) return { hint: 'leave -consul-namespace out' }
  return {}
}
