// Sends requests to Consul over HTTP and classifies the responses.
import { isPrintable } from '../../core/catalog.ts'
import { FaultError, type Fault } from '../../core/fault.ts'
import { err } from '../../core/result.ts'
import type { ConnectionSettings } from '../../core/settings.ts'
import type { HttpClient, HttpResponse } from '../../stores/http.ts'
import { consulCredentials } from '../../stores/secrets.ts'
import type { Registry } from './registry.ts'

/** Why Consul refuses a request. */
export interface Refusal {
  readonly reason: string
  /** Whether the token lacks a permission. */
  readonly isDenied: boolean
}

export class ConsulWriter {
  constructor(
    private readonly http: HttpClient,
    private readonly connection: ConnectionSettings,
    private readonly signal: AbortSignal,
    /** The hint for denied access: one sentence on the permissions that the token needs. */
    private readonly needs: string,
  ) {}

  /** Returns the JSON response. @throws FaultError for any other response */
  async get<T>(path: string): Promise<T> {
    const response = await this.#read(path)
    if (response.status !== 200) throw this.#fault(failureOf(response))
    return this.#parse<T>(response)
  }

  /** Returns the JSON response, or undefined for 404. @throws FaultError for any other response */
  async find<T>(path: string): Promise<T | undefined> {
    const response = await this.#read(path)
    if (response.status === 404) return undefined
    if (response.status !== 200) throw this.#fault(failureOf(response))
    return this.#parse<T>(response)
  }

  /** @param what the denied service; absent if the token may access nothing */
  denied(what?: string): FaultError {
    const more = { hint: this.needs, permanent: true } as const
    return this.#fault(`denied access${what === undefined ? '' : ` to ${what}`}`, more)
  }

  /** Builds the fault for a request that this agent refuses. */
  refusal(what: string): FaultError {
    return this.#fault(what)
  }

  /** Runs a blocking query and returns its status and index. @throws FaultError without a response */
  async poll(
    path: string,
    timeout: number,
  ): Promise<{ readonly status: number; readonly index: number; readonly body: string }> {
    const { status, headers, body } = await this.#request('GET', path, undefined, timeout)
    return { status, index: Math.max(1, Number(headers['x-consul-index'] ?? 1) || 1), body }
  }

  /** Returns undefined on success. @throws FaultError for failures that do not concern this request */
  async put(path: string, body?: object): Promise<Refusal | undefined> {
    const { response, refused } = await this.#put(path, body)
    const { status } = response
    if (!refused) return undefined
    return { reason: errorText(response) || `HTTP ${status}`, isDenied: status === 403 }
  }

  /** Like put(), but returns the JSON response too. */
  async exchange<T>(
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly value: T | undefined; readonly said: string }> {
    const { response, refused } = await this.#put(path, body)
    if (response.status === 403) throw this.denied()
    const value = refused && response.status !== 409 ? undefined : this.#parse<T>(response)
    return { status: response.status, value, said: errorText(response) }
  }

  close(): Promise<void> {
    return this.http.close()
  }

  async #put(path: string, body: object | undefined) {
    const response = await this.#request('PUT', path, body)
    const { status } = response
    // Other errors, such as a missing leader or a starting agent, do not concern this request.
    const isOurs =
      [400, 403, 404, 409].includes(status) || (status === 500 && ABOUT_CHECK.test(response.body))
    if (status !== 200 && !isOurs) throw this.#fault(failureOf(response))
    return { response, refused: status !== 200 }
  }

  async #read(path: string): Promise<HttpResponse> {
    const response = await this.#request('GET', path)
    if (response.status === 403) throw this.denied()
    return response
  }

  #request(
    method: 'GET' | 'PUT',
    path: string,
    body?: object,
    timeout?: number,
  ): Promise<HttpResponse> {
    // Re-read for every request, because the token file may be rotated.
    const headers = consulCredentials(this.connection, process.env)
    return this.http.request(path, {
      method,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(timeout === undefined ? {} : { timeout }),
      signal: this.signal,
    })
  }

  #parse<T>({ body }: HttpResponse): T {
    try {
      const value: unknown = JSON.parse(body)
      if (typeof value === 'object' && value !== null) return value as T
      if (typeof value === 'boolean') return value as T
    } catch {
      // Reported below.
    }
    throw this.#fault('sent a response that is not JSON', {
      hint: 'check -to: it must contain the HTTP port of a Consul agent',
    })
  }

  #fault(what: string, more: Pick<Fault, 'hint' | 'permanent'> = {}): FaultError {
    return new FaultError({
      kind: 'store',
      message: `Consul at ${this.http.origin} ${what}`,
      ...more,
    })
  }
}

/** Consul's message for an unknown check. New versions send it with status 404, old versions with status 500. */
const ABOUT_CHECK = /does not have associated TTL|Unknown check/i

const failureOf = (response: HttpResponse): string => {
  const said = errorText(response)
  return `failed (HTTP ${response.status})${said === '' ? '' : `: ${said}`}`
}

/** The error text of a response: Consul sends one line of plain text, proxies send HTML. */
function errorText({ headers, body }: HttpResponse): string {
  const text = String(headers['content-type'] ?? '').startsWith('text/html') ? '' : body.trim()
  return text.length > 200 || /[\p{Cc}]/u.test(text) ? '' : text
}

/** Refuses services whose names or ids Consul would reject in the path of a request. */
export const printable =
  (entryOf: Registry['entryOf']): Registry['entryOf'] =>
  (service) => {
    const isAccepted = [service.name, service.id].every(isPrintable)
    return isAccepted
      ? entryOf(service)
      : err('its name or its id contains an unprintable character')
  }
