// Who may ask, and what he may see. A page of the web must not reach the status page through the
// browser of somebody who may (DNS rebinding): what a request says that it is for is checked.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { HttpSettings } from '../core/settings.ts'

/**
 * - `visitor`: sees names and states, and no contents. Being on this machine is no permission: a proxy
 *   on it need not say for whom it asks.
 * - `trusted`: has the token, or may connect to the Unix socket; sees what changed in files, except in those
 *   of sensitive resources
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

  /** Why a request is not answered; undefined when it may be. */
  refusal({ method, headers }: IncomingMessage): Refusal | undefined {
    if (method !== 'GET' && method !== 'HEAD') {
      return { status: 405, message: 'only GET and HEAD: this page shows, and changes nothing' }
    }
    const host = headers.host ?? ''
    if (!this.#isOurs(host)) {
      const message = 'the Host header names somebody else; allow the name with -http-name'
      return { status: 403, message }
    }
    const { origin } = headers
    const isSame = origin === `http://${host}` || origin === `https://${host}`
    if (origin !== undefined && !isSame) {
      return { status: 403, message: 'asked for by a page of another origin' }
    }
    // A link that leads here is fine; what is fetched by another page is not.
    const fetched = headers['sec-fetch-mode'] !== 'navigate'
    if (headers['sec-fetch-site'] === 'cross-site' && fetched) {
      return { status: 403, message: 'asked for by a page of another site' }
    }
    return undefined
  }

  /** Undefined: he gives a token, and a wrong one. */
  viewer({ headers }: IncomingMessage): Viewer | undefined {
    // Whoever may connect to the socket is our own user.
    if (this.#isPrivate) return 'trusted'
    const given = tokenIn(headers.authorization)
    if (this.#token === undefined || given === undefined) return 'visitor'
    return timingSafeEqual(digest(given), this.#token) ? 'trusted' : undefined
  }

  /** An address cannot be rebound to another one, a name can: those that are ours are known. */
  #isOurs(host: string): boolean {
    const [, name] = /^(\[[^\]]+\]|[^:]+)(?::\d+)?$/.exec(host) ?? []
    if (name === undefined) return false
    const bare = name.replace(/^\[|\]$/g, '').toLowerCase()
    return isIP(bare) !== 0 || this.#names.has(bare)
  }
}

/** An IPv4 address, or one that an IPv6 socket sees as `::ffff:127.0.0.1`. */
export const isLoopback = (address: string): boolean =>
  address === '::1' || /^(::ffff:)?127\./i.test(address)

/** Equal lengths, whatever was given. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Of `Bearer TOKEN`, or of the password that a browser has asked for; the user's name is ignored. */
function tokenIn(authorization = ''): string | undefined {
  const [, scheme = '', rest = ''] = /^(\S+)\s+(\S+)\s*$/.exec(authorization) ?? []
  if (scheme.toLowerCase() === 'bearer') return rest
  if (scheme.toLowerCase() !== 'basic') return undefined
  const pair = Buffer.from(rest, 'base64').toString('utf8')
  return pair.slice(pair.indexOf(':') + 1)
}
