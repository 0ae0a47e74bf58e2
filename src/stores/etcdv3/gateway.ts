// A client of etcd's JSON gateway on one node: finds the path of the API, manages the token and converts errors to
// faults.
import { FaultError, type Fault } from '../../core/fault.ts'
import type { ConnectionSettings } from '../../core/settings.ts'
import type { HttpClient } from '../http.ts'
import { keepSecret } from '../../system/secrets.ts'
import type { Meter } from '../limits.ts'
import {
  anything,
  count,
  expecting,
  optional,
  record,
  text as words,
  type Shape,
} from '../shape.ts'
import { serverText } from '../server-text.ts'
import { passwordOf } from '../secrets.ts'
import { authResponse, watchResponse, type Denied, type WatchResponse } from './wire.ts'

/** Paths of the gateway in etcd 3.4 and later, in etcd 3.3, and in etcd 3.2. */
const BASES = ['/v3', '/v3beta', '/v3alpha'] as const

/** gRPC status codes, https://grpc.io/docs/guides/status-codes/ */
export const grpcCode = {
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unauthenticated: 16,
} as const

/** An error that etcd itself reported, in a response or inside a stream. */
export class EtcdError extends FaultError {
  constructor(
    fault: Fault,
    readonly code: number,
    /** etcd's own words, such as `etcdserver: permission denied`. */
    readonly reason: string,
  ) {
    super(fault)
  }
}

export const isDenied = (error: unknown): error is EtcdError =>
  error instanceof EtcdError &&
  (error.code === grpcCode.permissionDenied || /permission denied/.test(error.reason))

/** Whether an expired token can cause the error, so that a new token may help. */
const wantsToken = (error: unknown): boolean =>
  error instanceof EtcdError &&
  (error.code === grpcCode.unauthenticated ||
    /permission denied|invalid auth token|auth store is old|user name is empty/.test(error.reason))

/**
 * The body of an error is `{error, code}` or `{message, code}` in a response, and `{error: {grpc_code, message}}` in a
 * stream.
 */
const errorDetail = record({
  message: optional(words),
  error: optional(anything),
  code: optional(count),
  grpc_code: optional(count),
})

/** Options of one call. */
export interface Terms {
  /** Counts the bytes of the answer. */
  readonly meter?: Meter
  /** Timeout of the answer, in milliseconds. */
  readonly timeout?: number
  /** Whether to omit the token. */
  readonly isAnonymous?: boolean
}

export class Gateway {
  #base: string | undefined
  #token: string | undefined
  #renewal: Promise<string> | undefined

  constructor(
    readonly http: HttpClient,
    private readonly connection: ConnectionSettings,
    private readonly signal: AbortSignal,
  ) {}

  /** Makes one call, such as `/kv/txn`; authenticates if needed. Throws a FaultError. */
  async call<T>(path: string, body: object, shape: Shape<T>, terms: Terms = {}): Promise<T> {
    return this.withToken(() => this.#post(path, body, shape, terms))
  }

  /**
   * Returns the lines of an endless response, for parse().
   * @param body one message, or several
   * @param signal aborting this signal ends only this stream
   */
  async stream(
    path: string,
    body: object | readonly object[],
    signal: AbortSignal,
    onBytes?: () => void,
  ) {
    const response = await this.http.lines((this.#base ?? BASES[0]) + path, {
      method: 'POST',
      headers: this.#headers(this.#token),
      body: [body]
        .flat()
        .map((message) => JSON.stringify(message))
        .join('\n'),
      signal,
      timeout: 0,
      ...(onBytes === undefined ? {} : { onBytes }),
    })
    if (response.status === 200) return response.lines
    throw this.#errorOf(response.status, await response.text())
  }

  /**
   * Runs an attempt with a token, if a user is configured. Repeats the attempt once with a new token if etcd rejects
   * the old one.
   */
  async withToken<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.connection.username === undefined) return attempt()
    const used = this.#token ?? (await this.#tokenAfter(undefined))
    try {
      return await attempt()
    } catch (error) {
      if (!wantsToken(error)) throw error
      await this.#tokenAfter(used)
      return attempt()
    }
  }

  /** Parses one line of a watch. If the line contains an error, throws that error. */
  parse(line: string): WatchResponse {
    const message = this.#json(line) as { readonly result?: unknown; readonly error?: unknown }
    if (message.error !== undefined) throw this.#errorOf(200, line)
    return this.expecting(() => inResult(message).result)
  }

  /** Runs `check` and converts a Mismatch to a fault of this node. */
  expecting<T>(check: () => T): T {
    return expecting((what) => this.#notEtcd(200, what), check)
  }

  /**
   * Converts an error from etcd to a fault of this node.
   * @param denied the denied keys, if known
   */
  error(reason: string, grpc: number, denied?: Denied): EtcdError {
    const at = `etcd at ${this.http.origin}`
    const user = this.connection.username
    const fault = (message: string, more: Partial<Fault> = {}): EtcdError =>
      new EtcdError({ kind: 'store', message, ...more }, grpc, reason)
    if (/authentication failed/.test(reason)) {
      return fault(`${at} refuses the user ${JSON.stringify(user)}: wrong name or password`, {
        hint: 'check -username and -password',
        permanent: true,
      })
    }
    if (/user name is empty/.test(reason) && user === undefined) {
      return fault(`${at} requires a user and a password`, {
        hint: 'set -username and -password',
        permanent: true,
      })
    }
    if (grpc === grpcCode.permissionDenied || /permission denied/.test(reason)) {
      const who = user === undefined ? 'anonymous clients' : `the user ${JSON.stringify(user)}`
      return fault(`${at} does not let ${who} read ${denied?.what ?? 'the keys'}`, {
        hint: `grant access: etcdctl role grant-permission ROLE ${denied?.grant ?? '--prefix=true read PREFIX'}`,
        permanent: true,
      })
    }
    return fault(`${at} reports: ${serverText(reason)}`)
  }

  #headers(token = ''): Record<string, string> {
    return {
      'content-type': 'application/json',
      // Makes a member without a leader report an error instead of being silent.
      'grpc-metadata-hasleader': 'true',
      // etcd expects the plain token, without "Bearer".
      ...(token === '' ? {} : { authorization: token }),
    }
  }

  async #post<T>(
    path: string,
    body: object,
    shape: Shape<T>,
    { meter, timeout, isAnonymous = false }: Terms = {},
  ): Promise<T> {
    const text = JSON.stringify(body)
    for (const base of this.#base === undefined ? BASES : [this.#base]) {
      const response = await this.http.request(base + path, {
        method: 'POST',
        headers: this.#headers(isAnonymous ? '' : this.#token),
        body: text,
        signal: this.signal,
        ...(timeout === undefined ? {} : { timeout }),
      })
      if (response.status === 404) continue
      if (response.status !== 200) throw this.#errorOf(response.status, response.body)
      meter?.take(response.body.length)
      const answer = this.#json(response.body)
      if ('error' in answer) throw this.#errorOf(200, response.body)
      const checked = this.expecting(() => shape(answer))
      this.#base = base
      return checked
    }
    throw new FaultError({
      kind: 'store',
      message: `no JSON gateway of etcd v3 at ${this.http.origin}: ${BASES.join(', ')} were not found`,
      hint: 'check -node; etcd 2 requires -backend etcdv2, and etcd must not run with --enable-grpc-gateway=false',
      permanent: true,
    })
  }

  /**
   * Returns a token other than the rejected one. Concurrent calls share one renewal. The old token stays in use until
   * the renewal is complete, so that no call is sent without a token.
   */
  async #tokenAfter(spent: string | undefined): Promise<string> {
    if (this.#token !== undefined && this.#token !== spent) return this.#token
    this.#renewal ??= this.#authenticate().finally(() => (this.#renewal = undefined))
    return (this.#token = await this.#renewal)
  }

  /** Returns a token, or '' if authentication is disabled. In that case the configured user is ignored. */
  async #authenticate(): Promise<string> {
    const name = this.connection.username
    const password = passwordOf(this.connection) ?? ''
    try {
      const { token = '' } = await this.#post(
        '/auth/authenticate',
        { name, password },
        authResponse,
        { isAnonymous: true },
      )
      keepSecret(token)
      return token
    } catch (error) {
      if (error instanceof EtcdError && /authentication is not enabled/.test(error.reason))
        return ''
      throw error
    }
  }

  #json(text: string): object {
    try {
      const value: unknown = JSON.parse(text)
      if (typeof value === 'object' && value !== null) return value
    } catch {
      // The message must not quote the text, which could contain values.
    }
    throw this.#notEtcd(200, 'it is not a JSON object')
  }

  #errorOf(status: number, body: string): FaultError {
    try {
      const outer = errorDetail(JSON.parse(body))
      const isNested = typeof outer.error === 'object' && outer.error !== null
      const detail = isNested ? errorDetail(outer.error) : outer
      const reason = words(detail.message ?? detail.error)
      return this.error(reason, detail.grpc_code ?? detail.code ?? 0)
    } catch {
      return this.#notEtcd(status)
    }
  }

  /** @param what describes the error in the answer, without quoting the answer */
  #notEtcd(status: number, what?: string): FaultError {
    const why = what === undefined ? '' : `: ${what}`
    return new FaultError({
      kind: 'store',
      message: `${this.http.place} sent an invalid response (HTTP ${status})${why}`,
      hint: 'check -node and -scheme, and whether there is a proxy in between',
    })
  }
}

const inResult = record({ result: watchResponse })
