// Registers services in etcd v2, optionally in SkyDNS's layout. Each entry has its own TTL, which is refreshed. The
// store records no owner, so the state directory records the values that reconfd has written: a key with its recorded
// value is ours.
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultError } from '../../core/fault.ts'
import { joinKeys } from '../../core/key.ts'
import type { RegisterSettings } from '../../core/register.ts'
import { ok } from '../../core/result.ts'
import type { HttpClient } from '../../stores/http.ts'
import { basicAuth } from '../../stores/secrets.ts'
import { Wakeup } from '../wakeup.ts'
import { openClient } from './http.ts'
import { serviceKey, plainEntry, otherOwnerFault } from './layout.ts'
import { forEach, ledgerIn } from './ledger.ts'
import type {
  RegistryEntry,
  RegistryMemory,
  EntryRefusal,
  Registry,
  RegistrySession,
} from './registry.ts'

export function etcdv2(settings: RegisterSettings, memory: RegistryMemory): Registry {
  const { to, connection, ttl } = settings
  return {
    product: 'etcd',
    nodes: connection.nodes,
    makes: new Set(),
    entryOf: to.kind === 'skydns2' ? skydnsEntry(to.path) : plainEntry(to.path),
    async open(node, signal, changed) {
      const http = openClient(node, settings, 'etcd', 2379)
      try {
        // Any response will do. Without entries, no other request would show that the store is reachable.
        await http.request('/version', { signal })
      } catch (error) {
        await http.close()
        throw error
      }
      const api = new Api(http, () => basicAuth(connection), signal)
      return new V2Session(api, Math.floor(ttl / 1000), memory, changed)
    },
  }
}

/**
 * Returns a function that converts a service to an entry in SkyDNS's layout, in which the labels of the domain are
 * reversed: `/skydns/local/cluster/NAME/ID`.
 */
function skydnsEntry(domain: string): Registry['entryOf'] {
  const path = joinKeys('/skydns', ...domain.split('.').reverse())
  return (service) => {
    const text = JSON.stringify({ host: service.address, port: service.port })
    return ok({ service, key: serviceKey(path, service), text })
  }
}

interface V2Node {
  readonly value?: string
  readonly dir?: boolean
  readonly modifiedIndex?: number
}

interface V2Body {
  readonly node?: V2Node
  readonly errorCode?: number
  readonly message?: string
}

const errors = {
  notFound: 100,
  compareFailed: 101,
  notFile: 102,
  nodeExists: 105,
  unauthorized: 110,
}

class V2Session implements RegistrySession {
  readonly broken: Promise<never>
  readonly #closing = new AbortController()
  /** Values of our own entries, by key. */
  readonly #texts = new Map<string, string>()
  /** Last known modification index, by key. */
  readonly #indices = new Map<string, number>()
  readonly #wakeup = new Wakeup()

  constructor(
    private readonly api: Api,
    private readonly seconds: number,
    private readonly memory: RegistryMemory,
    changed: () => void,
  ) {
    this.broken = new Promise((_, reject) => {
      this.#follow(changed).catch((error: Error) => {
        if (!this.#closing.signal.aborted) reject(error)
      })
    })
    // The keeper handles the rejection, if it still uses the session.
    this.broken.catch(() => undefined)
  }

  async present(): Promise<ReadonlyMap<string, string>> {
    const ledger = ledgerIn(this.memory)
    this.#texts.clear()
    await forEach(Object.entries(ledger), async ([key, written]) => {
      const { node } = await this.api.send('GET', key, {})
      if (isOneOf(node, written)) this.#know(key, node.value ?? '', node)
    })
    return new Map(this.#texts)
  }

  async put(entries: readonly RegistryEntry[]): Promise<ReadonlyMap<string, EntryRefusal>> {
    const refused = new Map<string, EntryRefusal>()
    const before = ledgerIn(this.memory)
    // Until the write is confirmed, both the previous and the new value count as ours.
    await this.#keep((ledger) => {
      for (const { key, text } of entries) ledger[key] = [before[key] ?? [], text].flat().join('\n')
    })
    await forEach(entries, async ({ key, text }) => {
      const { node } = await this.api.send('GET', key, {})
      const condition =
        node === undefined ? { prevExist: 'false' } : { prevIndex: String(node.modifiedIndex) }
      const fields = { value: text, ttl: String(this.seconds), ...condition }
      // Adopts an equal entry, because registrator may have written it.
      const mayWrite = node === undefined || isOneOf(node, `${before[key] ?? text}\n${text}`)
      const answer = mayWrite ? await this.api.send('PUT', key, fields) : {}
      if (answer.node === undefined) refused.set(key, { taken: true, fault: otherOwnerFault(key) })
      else this.#know(key, text, answer.node)
    })
    await this.#keep((ledger) => {
      for (const { key, text } of entries) {
        if (refused.has(key)) delete ledger[key]
        else ledger[key] = text
      }
    })
    return refused
  }

  async remove(keys: readonly string[]): Promise<void> {
    await forEach(keys, async (key) => {
      await this.api.send('DELETE', key, { prevValue: this.#texts.get(key) ?? '' })
      this.#texts.delete(key)
    })
    await this.#keep((ledger) => keys.forEach((key) => delete ledger[key]))
  }

  async renew(keys: readonly string[]): Promise<readonly string[]> {
    const missing: string[] = []
    await forEach(keys, async (key) => {
      const prevValue = this.#texts.get(key) ?? ''
      const fields = { ttl: String(this.seconds), refresh: 'true', prevExist: 'true', prevValue }
      const { node } = await this.api.send('PUT', key, fields)
      if (node === undefined) missing.push(key)
    })
    return missing
  }

  close(): Promise<void> {
    this.#closing.abort()
    this.#wakeup.ring()
    return this.api.close()
  }

  /** Nothing to end: there is no lease, and no entry is left. */
  async end(): Promise<void> {}

  async #keep(change: (ledger: Record<string, string>) => void): Promise<void> {
    const ledger = ledgerIn(this.memory)
    change(ledger)
    await this.memory.keep({ ...this.memory.kept, keys: ledger })
  }

  #know(key: string, text: string, { modifiedIndex = 0 }: V2Node): void {
    this.#texts.set(key, text)
    this.#indices.set(key, modifiedIndex)
    this.#wakeup.ring()
  }

  /**
   * Watches one of our keys, which also detects that the connection has ended. A refresh of the TTL is not reported.
   */
  async #follow(changed: () => void): Promise<never> {
    const { signal } = this.#closing
    for (;;) {
      const [key] = this.#texts.keys()
      if (key === undefined) await this.#wakeup.wait(Infinity)
      else {
        const index = this.#indices.get(key) ?? 0
        const next = await this.api.wait(key, index + 1, signal)
        this.#indices.set(key, next ?? -1)
        if (this.#texts.has(key)) changed()
        await sleep(PAUSE, undefined, { signal })
      }
    }
  }
}

/** @param values separated by line breaks */
const isOneOf = (node: V2Node | undefined, values: string): node is V2Node =>
  node?.dir !== true && node?.value !== undefined && values.split('\n').includes(node.value)

/** Milliseconds between two watch requests. */
const PAUSE = 200

class Api {
  constructor(
    private readonly http: HttpClient,
    private readonly headers: () => Record<string, string>,
    private readonly signal: AbortSignal,
  ) {}

  /** Sends a request. If the key is missing or a condition fails, the response has no node. @throws FaultError */
  async send(
    method: 'GET' | 'PUT' | 'DELETE',
    key: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<V2Body> {
    const form = new URLSearchParams(fields).toString()
    const query = method === 'GET' ? 'quorum=true' : method === 'DELETE' ? form : ''
    const { status, body } = await this.http.request(`${pathOf(key)}${query && `?${query}`}`, {
      method,
      headers: { ...this.headers(), 'content-type': 'application/x-www-form-urlencoded' },
      ...(method === 'PUT' ? { body: form } : {}),
      signal: this.signal,
    })
    return this.#judge(status, body, key)
  }

  /**
   * Resolves when a key has changed, or when the server has closed the request.
   * @param index index of the first change to report; 0 for changes from now on
   * @returns the index of the change; undefined if unknown
   */
  async wait(key: string, index: number, signal: AbortSignal): Promise<number | undefined> {
    const from = index > 0 ? `&waitIndex=${index}` : ''
    const { body } = await this.http.request(`${pathOf(key)}?wait=true${from}`, {
      headers: this.headers(),
      signal,
      timeout: 0,
    })
    const [, changed] = /"modifiedIndex":(\d+)/.exec(body) ?? []
    return changed === undefined ? undefined : Number(changed)
  }

  close(): Promise<void> {
    return this.http.close()
  }

  #judge(status: number, body: string, key: string): V2Body {
    let answer: V2Body | undefined
    try {
      answer = JSON.parse(body) as V2Body
    } catch {
      // Reported below.
    }
    const { errorCode } = answer ?? {}
    if (status < 300 && answer?.node !== undefined) return answer
    if (errorCode === errors.notFound || errorCode === errors.compareFailed) return {}
    if (errorCode === errors.nodeExists || errorCode === errors.notFile) return {}
    if (status === 401 || errorCode === errors.unauthorized) {
      throw this.#fault(`denies writing ${key}`, {
        hint: "check -username and -password-file, and the user's role",
        permanent: true,
      })
    }
    if (errorCode === undefined && status === 404) {
      throw this.#fault('has no v2 API', {
        hint: 'use etcd:// in -to for the v3 API, or start etcd (before 3.6) with --enable-v2',
        permanent: true,
      })
    }
    if (errorCode === undefined)
      throw this.#fault(`sent a response that is not etcd's (HTTP ${status})`)
    throw this.#fault(`failed (HTTP ${status}, error ${errorCode})`)
  }

  #fault(what: string, more: object = {}): FaultError {
    const message = `etcd at ${this.http.origin} ${what}`
    return new FaultError({ kind: 'store', message, ...more })
  }
}

const pathOf = (key: string): string =>
  `/v2/keys${key.split('/').map(encodeURIComponent).join('/')}`
