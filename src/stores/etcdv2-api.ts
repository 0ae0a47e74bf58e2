// etcd's v2 key space over HTTP: one listing, one wait, and what their answers mean.
// https://etcd.io/docs/v2.3/api/
import { FaultError, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { HttpClient, ResponseHeaders } from './http.ts'

export interface Listing {
  /** The index of the whole store at which the listing was read (`X-Etcd-Index`). */
  readonly index: number
  readonly entries: Map<Key, string>
}

export type Answer =
  | {
      readonly kind: 'put'
      readonly index: number
      readonly key: Key
      /** Absent: the key became a directory. */
      readonly value?: string
    }
  | {
      readonly kind: 'remove'
      readonly index: number
      readonly key: Key
      /** A directory goes with all below it, in one event. */
      readonly dir: boolean
    }
  /** Nothing happened up to and including `index`. */
  | { readonly kind: 'quiet'; readonly index: number }
  /** The history since is not to be had: list again. */
  | { readonly kind: 'outdated' }

interface Node {
  readonly key?: Key
  readonly value?: string
  readonly dir?: boolean
  readonly nodes?: readonly Node[]
  readonly modifiedIndex?: number
}

interface Body {
  readonly action?: string
  readonly node?: Node
  readonly prevNode?: Node
  readonly errorCode?: number
  readonly message?: string
}

const KEY_NOT_FOUND = 100
const UNAUTHORIZED = 110
const WATCHER_CLEARED = 400
const EVENT_INDEX_CLEARED = 401

/** Why a poll is cut off and asked anew; only its identity matters. */
const RENEW = new Error('the poll has lived long enough')

export class EtcdV2Api {
  constructor(
    private readonly http: HttpClient,
    /** Asked for each request: a password may be in a file that changes. */
    private readonly headers: () => Record<string, string>,
    /** Milliseconds that a wait may last before it is asked anew. */
    private readonly pollLife: number,
  ) {}

  /** All keys at and below `root`, with a quorum; a root that is not there is empty. Hidden ones are left out. */
  async list(root: Key, signal: AbortSignal): Promise<Listing> {
    const path = `${pathOf(root)}?recursive=true&quorum=true`
    const { status, headers, body } = await this.http.request(path, {
      headers: this.headers(),
      signal,
    })
    const answer = this.#parse(status, body)
    const index = this.#indexOf(headers)
    const entries = new Map<Key, string>()
    if (answer.errorCode === KEY_NOT_FOUND) return { index, entries }
    this.#expectOk(status, answer, root)
    if (answer.node === undefined) throw this.#fault('gave a listing without a node')
    collect(answer.node, entries)
    return { index, entries }
  }

  /** The first event at or below `root` whose index is not below `from`: a long poll. */
  async wait(root: Key, from: number, signal: AbortSignal): Promise<Answer> {
    const path = `${pathOf(root)}?wait=true&recursive=true&waitIndex=${from}`
    const life = new AbortController()
    const stop = (): void => life.abort(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    const timer = setTimeout(() => life.abort(RENEW), this.pollLife)
    // The headers come at once and tell the index at which the wait began. What happened up to
    // there would have been answered at once, so a wait that ends in silence may move up to it:
    // that keeps a quiet prefix within the 1,000 events which etcd remembers.
    let began = 0
    try {
      const { status, headers, lines } = await this.http.lines(path, {
        headers: this.headers(),
        signal: life.signal,
      })
      if (status === 200) {
        began = this.#indexOf(headers)
        // A store whose index is lower than what it told before is another one: restored or new.
        // It would keep silent until it has caught up.
        if (began < from - 1) return { kind: 'outdated' }
      }
      let body = ''
      for await (const line of lines) body += line
      if (status === 200 && body === '') return { kind: 'quiet', index: began }
      return this.#judge(status, this.#parse(status, body), root)
    } catch (error) {
      if (error !== RENEW) throw error
      return { kind: 'quiet', index: Math.max(began, from - 1) }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      // A poll that was left early must not keep its socket.
      life.abort(RENEW)
    }
  }

  /** Throws unless the node is part of a quorum: one that is cut off keeps its waits silent. */
  async proveQuorum(root: Key, signal: AbortSignal): Promise<void> {
    // A hidden key, so that the answer is short whatever the directory holds.
    const path = `${pathOf(root)}${root === '/' ? '' : '/'}_reconfd?quorum=true`
    const { status, body } = await this.http.request(path, { headers: this.headers(), signal })
    const answer = this.#parse(status, body)
    const code = answer.errorCode ?? 0
    // Codes from 100 to 199 are about the key: the cluster has looked it up.
    if (code < KEY_NOT_FOUND || code > 199 || code === UNAUTHORIZED) {
      this.#expectOk(status, answer, root)
    }
  }

  #judge(status: number, body: Body, root: Key): Answer {
    if (body.errorCode === EVENT_INDEX_CLEARED || body.errorCode === WATCHER_CLEARED) {
      return { kind: 'outdated' }
    }
    this.#expectOk(status, body, root)
    const { action, node, prevNode } = body
    const { key, modifiedIndex: index } = node ?? {}
    if (key === undefined || index === undefined) throw this.#fault('gave an event without a node')
    switch (action ?? '') {
      case 'set':
      case 'create':
      case 'update':
      case 'compareAndSwap':
        return {
          kind: 'put',
          index,
          key,
          ...(node?.dir === true ? {} : { value: node?.value ?? '' }),
        }
      case 'delete':
      case 'expire':
      case 'compareAndDelete':
        return { kind: 'remove', index, key, dir: node?.dir === true || prevNode?.dir === true }
      default:
        return { kind: 'outdated' }
    }
  }

  #parse(status: number, text: string): Body {
    try {
      const body: unknown = JSON.parse(text)
      if (typeof body === 'object' && body !== null) return body
    } catch {
      // The text may hold values: it is not shown.
    }
    if (status === 404) {
      throw this.#fault('does not serve the v2 API', {
        hint: 'use -backend etcdv3; etcd 3.4 and 3.5 serve v2 only with --enable-v2, etcd 3.6 has none',
        permanent: true,
      })
    }
    if (status === 200) throw this.#fault('gave an answer that is not JSON')
    return {}
  }

  #expectOk(status: number, body: Body, root: Key): void {
    if (status === 401 || status === 403 || body.errorCode === UNAUTHORIZED) {
      throw this.#fault(`denied access to ${root} (HTTP ${status})`, {
        hint: `check -username and -password, and that the user's role may read ${root} and all below it`,
        permanent: true,
      })
    }
    if (status === 200 && body.errorCode === undefined) return
    const code = body.errorCode === undefined ? '' : `, error ${body.errorCode}`
    const message = body.message === undefined ? '' : `: ${body.message}`
    throw this.#fault(`failed (HTTP ${status}${code})${message}`)
  }

  #indexOf(headers: ResponseHeaders): number {
    const index = Number(headers['x-etcd-index'])
    if (Number.isSafeInteger(index) && index >= 0) return index
    throw this.#fault('gave an answer without X-Etcd-Index', {
      hint: 'is this an etcd? check -node',
    })
  }

  #fault(what: string, more: Pick<Fault, 'hint' | 'permanent'> = {}): FaultError {
    return new FaultError({
      kind: 'store',
      message: `etcd at ${this.http.origin} ${what}`,
      ...more,
    })
  }
}

const pathOf = (key: Key): string => `/v2/keys${key.split('/').map(encodeURIComponent).join('/')}`

function collect(node: Node, entries: Map<Key, string>): void {
  if (node.dir === true) for (const below of node.nodes ?? []) collect(below, entries)
  else if (node.key !== undefined) entries.set(node.key, node.value ?? '')
}
