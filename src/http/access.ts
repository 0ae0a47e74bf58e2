// Access control: who may send a request, and what the answer shows. A foreign web page must not reach the
// status page through an allowed user's browser (DNS rebinding), so Host and Origin are checked.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { HttpSettings } from '../core/settings.ts'

/**
 * - `visitor`: sees names and states, but no file contents. Without the token, even a client with a local address is a
 *   visitor, because it may be a proxy that forwards requests from elsewhere
 * - `trusted`: has the token, or access to the Unix socket; sees diffs, except those of sensitive resources
 */
export type Viewer = 'visitor' | 'trusted'

export interface Refusal {
  readonly status: 401 | 403 | 405
  readonly message: string
}

export class Access {
  readonly #names: ReadonlySet<string>
  readonly #token: Buffer | undefined
  readonly #isPrivate: boolean

  constructor({ at, names, token }: HttpSettings) {
    const own = 'host' in at ? [at.host, hostname()] : [hostname()]
    const all = [...own, ...names].map((name) => name.toLowerCase())
    this.#isPrivate = 'socket' in at
    this.#names = new Set(['localhost', ...all])
    this.#token = token === undefined ? undefined : digest(token)
  }

  get hasToken(): boolean {
    return this.#token !== undefined
  }

  /** Returns why a request is refused; undefined if it is allowed. */
  refusal({ method, headers }: IncomingMessage): Refusal | undefined {
    if (method !== 'GET' && method !== 'HEAD') {
      return { status: 405, message: 'only GET and HEAD are allowed: the page is read-only' }
    }
    const host = headers.host ?? ''
    if (!this.#isOurs(host)) {
      const message = 'unknown name in the Host header; allow it with -http-name'
      return { status: 403, message }
    }
    const { origin } = headers
    const isSame = origin === `http://${host}` || origin === `https://${host}`
    if (origin !== undefined && !isSame) {
      return { status: 403, message: 'a page of another origin sent this request' }
    }
    // A page of another site may link to the status page, but must not fetch it.
    const fetched = headers['sec-fetch-mode'] !== 'navigate'
    if (headers['sec-fetch-site'] === 'cross-site' && fetched) {
      return { status: 403, message: 'a page of another site sent this request' }
    }
    return undefined
  }

  /** Returns undefined if the token is wrong. */
  viewer({ headers }: IncomingMessage): Viewer | undefined {
    // Only the user that runs reconfd can connect to the Unix socket.
    if (this.#isPrivate) return 'trusted'
    const given = tokenIn(headers.authorization)
    if (this.#token === undefined || given === undefined) return 'visitor'
    return timingSafeEqual(digest(given), this.#token) ? 'trusted' : undefined
  }

  /** Accepts any IP address in the Host header, but only known names, because a name can be rebound. */
  #isOurs(host: string): boolean {
    const [, name] = /^(\[[^\]]+\]|[^:]+)(?::\d+)?$/.exec(host) ?? []
    if (name === undefined) return false
    const bare = name.replace(/^\[|\]$/g, '').toLowerCase()
    return isIP(bare) !== 0 || this.#names.has(bare)
  }
}

/**
 * Whether an address is a loopback address, also in the form in which an IPv6 socket reports one (`::ffff:127.0.0.1`).
 */
export const isLoopback = (address: string): boolean =>
  address === '::1' || /^(::ffff:)?127\./i.test(address)

/** Hashes a token, because `timingSafeEqual` needs arguments of equal length. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The token of `Bearer TOKEN`, or the password of basic authentication; the user name is ignored. */
function tokenIn(authorization = ''): string | undefined {
  const [, scheme = '', rest = ''] = /^(\S+)\s+(\S+)\s*$/.exec(authorization) ?? []
  if (scheme.toLowerCase() === 'bearer') return rest
  if (scheme.toLowerCase() !== 'basic') return undefined
  const pair = Buffer.from(rest, 'base64').toString('utf8')
  return pair.slice(pair.indexOf(':') + 1)
}
