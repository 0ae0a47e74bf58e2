// etcd's v2 API over HTTP: listings, waits, and their answers.
// https://etcd.io/docs/v2.3/api/
import { FaultError, type Fault } from '../core/fault.ts'
import { covers, type Key } from '../core/key.ts'
import { OutdatedError } from '../core/store.ts'
import {
  listedEntries,
  eventShape,
  expectPath,
  listingShape,
  outsideOfDirectory,
} from './etcdv2-shapes.ts'
import type { HttpClient, ResponseHeaders } from './http.ts'
import { serverText } from './server-text.ts'
import { count, expecting, Mismatch, optional, record, text } from './shape.ts'

export interface Etcdv2Listing {
  /** The index of the whole cluster at which the listing was read (`X-Etcd-Index`). */
  readonly index: number
  readonly entries: Map<Key, string>
}

export type WaitAnswer =
  | {
      readonly kind: 'put'
      readonly index: number
      readonly key: Key
      /** Absent if the key became a directory. */
      readonly value?: string
    }
  | {
      readonly kind: 'remove'
      readonly index: number
      readonly key: Key
      /** Whether a directory was removed. One such event covers everything below the directory. */
      readonly dir: boolean
    }
  /** Nothing happened up to and including `index`. */
  | { readonly kind: 'quiet'; readonly index: number }

const errorShape = record({ errorCode: optional(count), message: optional(text) })

interface Body {
  /** The parsed object; an empty object if the body does not contain one. */
  readonly json: object
  readonly errorCode?: number | undefined
  readonly message?: string | undefined
}

const KEY_NOT_FOUND = 100
const UNAUTHORIZED = 110
const WATCHER_CLEARED = 400
const EVENT_INDEX_CLEARED = 401

/** The abort reason of a poll that is to be repeated; only its identity matters. */
const RENEW = new Error('the poll is renewed')

export class EtcdV2Api {
  /** The cluster that sent the first answer. */
  #cluster: string | undefined

  constructor(
    private readonly http: HttpClient,
    /** Called for each request, because the password may be in a file that changes. */
    private readonly headers: () => Record<string, string>,
    /** Longest duration of a wait in milliseconds, after which the wait is repeated. */
    private readonly pollLife: number,
  ) {}

  /** Returns all keys at and below `root`, except hidden keys, with a quorum read. A missing root counts as empty. */
  async list(root: Key, signal: AbortSignal): Promise<Etcdv2Listing> {
    const path = `${pathOf(root)}?recursive=true&quorum=true`
    const { status, headers, body } = await this.http.request(path, {
      headers: this.headers(),
      signal,
    })
    const answer = this.#parse(status, body)
    const isEmpty = status === 404 && answer.errorCode === KEY_NOT_FOUND
    if (!isEmpty) this.#expectOk(status, answer, root)
    const index = this.#indexOf(headers)
    const entries = isEmpty
      ? new Map<Key, string>()
      : this.#expecting(() => listedEntries(listingShape(answer.json).node, root))
    return { index, entries }
  }

  /**
   * Waits, with a long poll, for the first event at or below `root` with an index of at least `from`. Throws an
   * OutdatedError if etcd no longer has the history since `from`.
   */
  async wait(root: Key, from: number, signal: AbortSignal): Promise<WaitAnswer> {
    const path = `${pathOf(root)}?wait=true&recursive=true&waitIndex=${from}`
    const life = new AbortController()
    const stop = (): void => life.abort(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    const timer = setTimeout(() => life.abort(RENEW), this.pollLife)
    // The headers arrive immediately, with the index at which the wait began. If there had been an event up to that
    // index, etcd would have answered immediately, so after a silent wait the next wait may begin after that index.
    // This keeps the waits on a quiet prefix within the 1,000 events of etcd's history.
    let began = 0
    try {
      const response = await this.http.lines(path, {
        headers: this.headers(),
        signal: life.signal,
      })
      const { status, headers } = response
      if (status === 200) {
        began = this.#indexOf(headers)
        // A lower index than before means that etcd was restored or replaced. Such an etcd would be silent until its
        // index has caught up.
        if (began < from - 1)
          throw this.#outdated(`is at index ${began}, but was at ${from - 1} before`)
      }
      const body = await response.text()
      if (status === 200 && body === '') return { kind: 'quiet', index: began }
      return this.#judge(status, this.#parse(status, body), root, from)
    } catch (error) {
      if (error !== RENEW) throw error
      return { kind: 'quiet', index: Math.max(began, from - 1) }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      // Releases the socket of a poll that has not ended.
      life.abort(RENEW)
    }
  }

  /**
   * Returns the current index of the cluster. Throws unless the node is part of a quorum, because waits on an isolated
   * node are silent.
   */
  async proveQuorum(root: Key, signal: AbortSignal): Promise<number> {
    // Reads a hidden key, so that the answer is always short.
    const path = `${pathOf(root)}${root === '/' ? '' : '/'}_reconfd?quorum=true`
    const { status, headers, body } = await this.http.request(path, {
      headers: this.headers(),
      signal,
    })
    const answer = this.#parse(status, body)
    const code = answer.errorCode ?? 0
    // Error codes from 100 to 199 concern the key, so the cluster has looked it up.
    if (code < KEY_NOT_FOUND || code > 199 || code === UNAUTHORIZED) {
      this.#expectOk(status, answer, root)
      this.#expecting(() => listingShape(answer.json))
    }
    return this.#indexOf(headers)
  }

  #judge(status: number, body: Body, root: Key, from: number): WaitAnswer {
    if (body.errorCode === EVENT_INDEX_CLEARED || body.errorCode === WATCHER_CLEARED) {
      throw this.#outdated(`no longer has the history since index ${from}`)
    }
    this.#expectOk(status, body, root)
    return this.#expecting(() => {
      const { action, node, prevNode } = eventShape(body.json)
      const { modifiedIndex: index } = node
      const key = expectPath(node.key)
      // A watch of `/application` also receives the removal of `/app`.
      if (!covers(root, key) && !root.startsWith(key)) throw outsideOfDirectory().within('node')
      if (index < from)
        throw new Mismatch(`is ${index}, before ${from}`).within('node.modifiedIndex')
      if (/^(?:delete|expire|compareAndDelete)$/.test(action)) {
        return { kind: 'remove', index, key, dir: node.dir === true || prevNode?.dir === true }
      }
      const value = node.dir === true ? {} : { value: node.value ?? '' }
      return { kind: 'put', index, key, ...value }
    })
  }

  #parse(status: number, text: string): Body {
    try {
      const json: unknown = JSON.parse(text)
      // Invalid fields of an error are ignored, because the HTTP status reports the error anyway.
      if (typeof json === 'object' && json !== null) return { json, ...errorShape(json) }
    } catch {
      // The message must not quote the text, which contains values.
    }
    if (status === 404) {
      throw this.#fault('does not serve the v2 API', {
        hint: 'use -backend etcdv3; etcd 3.4 and 3.5 serve v2 only with --enable-v2, etcd 3.6 not at all',
        permanent: true,
      })
    }
    if (status === 200) throw this.#notEtcd('it is not a JSON object')
    return { json: {} }
  }

  #expectOk(status: number, body: Body, root: Key): void {
    if (status === 401 || status === 403 || body.errorCode === UNAUTHORIZED) {
      throw this.#fault(`denied access to ${root} (HTTP ${status})`, {
        hint: `check -username and -password, and that the user's role may read ${root} and everything below it`,
        permanent: true,
      })
    }
    if (status === 200 && body.errorCode === undefined) return
    const code = body.errorCode === undefined ? '' : `, error ${body.errorCode}`
    const message = body.message === undefined ? '' : `: ${serverText(body.message)}`
    throw this.#fault(`failed (HTTP ${status}${code})${message}`)
  }

  /** Throws an OutdatedError if the answer is from another cluster than the first one. */
  #indexOf(headers: ResponseHeaders): number {
    const { 'x-etcd-index': index, 'x-etcd-cluster-id': cluster } = headers
    if (typeof cluster === 'string' && cluster !== (this.#cluster ??= cluster))
      throw this.#outdated('belongs to another cluster than before')
    if (typeof index === 'string' && /^\d{1,15}$/.test(index)) return Number(index)
    throw this.#notEtcd(
      `its header X-Etcd-Index is ${index === undefined ? 'missing' : 'not a number'}`,
    )
  }

  #expecting<T>(check: () => T): T {
    return expecting((what) => this.#notEtcd(what), check)
  }

  #notEtcd(what: string): FaultError {
    return this.#fault(`sent an invalid response: ${what}`, {
      hint: 'check -node and -scheme, and whether there is a proxy in between',
    })
  }

  #outdated(what: string): OutdatedError {
    const hint = 'no action is needed: reconfd reads all keys again'
    return new OutdatedError({ kind: 'store', message: `${this.http.place} ${what}`, hint })
  }

  #fault(what: string, more: Pick<Fault, 'hint' | 'permanent'> = {}): FaultError {
    return new FaultError({ kind: 'store', message: `${this.http.place} ${what}`, ...more })
  }
}

const pathOf = (key: Key): string => `/v2/keys${key.split('/').map(encodeURIComponent).join('/')}`
