// Writing to Consul over HTTP: one request, and what its answer means.
import { FaultError, type Fault } from '../../core/fault.ts'
import type { Connection } from '../../core/settings.ts'
import type { HttpClient, HttpResponse } from '../../stores/http.ts'
import { consulCredentials } from '../../stores/secrets.ts'

export class ConsulWriter {
  constructor(
    private readonly http: HttpClient,
    private readonly connection: Connection,
    private readonly signal: AbortSignal,
    /** What a token needs, one sentence: the hint where something is denied. */
    private readonly needs: string,
  ) {}

  /** A JSON answer. Throws a FaultError for anything else. */
  async get<T>(path: string): Promise<T> {
    const response = await this.#send('GET', path)
    if (response.status !== 200) throw this.#fault(failureOf(response))
    return this.#parse<T>(response)
  }

  /** Undefined when it is not there (404). Throws a FaultError for anything else but an answer. */
  async find<T>(path: string): Promise<T | undefined> {
    const response = await this.#send('GET', path)
    if (response.status === 404) return undefined
    if (response.status !== 200) throw this.#fault(failureOf(response))
    return this.#parse<T>(response)
  }

  /** A fault of this agent. */
  refusal(what: string): FaultError {
    return this.#fault(what)
  }

  /** A blocking query: the status, and the index to ask for next. Throws when there is no answer. */
  async poll(
    path: string,
    timeout: number,
  ): Promise<{ readonly status: number; readonly index: number; readonly body: string }> {
    const { status, headers, body } = await this.#request('GET', path, undefined, timeout)
    return { status, index: Math.max(1, Number(headers['x-consul-index'] ?? 1) || 1), body }
  }

  /** Returns undefined on success, and Consul's reason if it refuses this request. Throws a FaultError otherwise. */
  async put(path: string, body?: object): Promise<string | undefined> {
    const { response, refused } = await this.#put(path, body)
    return refused ? saidBy(response) || `HTTP ${response.status}` : undefined
  }

  /** The same, with a JSON answer, whether it is done or refused. */
  async exchange<T>(
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly value: T | undefined; readonly said: string }> {
    const { response, refused } = await this.#put(path, body)
    const value = refused && response.status !== 409 ? undefined : this.#parse<T>(response)
    return { status: response.status, value, said: saidBy(response) }
  }

  close(): Promise<void> {
    return this.http.close()
  }

  async #put(path: string, body: object | undefined) {
    const response = await this.#send('PUT', path, body)
    const { status } = response
    // A missing leader, an agent that is starting: not about what was asked.
    const isOurs =
      [400, 404, 409].includes(status) || (status === 500 && ABOUT_CHECK.test(response.body))
    if (status !== 200 && !isOurs) throw this.#fault(failureOf(response))
    return { response, refused: status !== 200 }
  }

  async #send(method: 'GET' | 'PUT', path: string, body?: object): Promise<HttpResponse> {
    const response = await this.#request(method, path, body)
    if (response.status !== 403) return response
    throw this.#fault('denied access', { hint: this.needs, permanent: true })
  }

  #request(
    method: 'GET' | 'PUT',
    path: string,
    body?: object,
    timeout?: number,
  ): Promise<HttpResponse> {
    // Read each time: a token in a file may be rotated.
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
    throw this.#fault('gave an answer that is not JSON', {
      hint: "Is this a Consul agent's HTTP port? Check -to.",
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

/** How Consul says that it does not know a check: 404 in new versions, 500 in old ones. */
const ABOUT_CHECK = /does not have associated TTL|Unknown check/i

const failureOf = (response: HttpResponse): string => {
  const said = saidBy(response)
  return `failed (HTTP ${response.status})${said === '' ? '' : `: ${said}`}`
}

/** Consul's own errors are one line of plain text. */
function saidBy({ headers, body }: HttpResponse): string {
  const text = String(headers['content-type'] ?? '').startsWith('text/html') ? '' : body.trim()
  return text.length > 200 || /[\p{Cc}]/u.test(text) ? '' : text
}
