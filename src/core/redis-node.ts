// Parses `-node` for Redis: `host:port`, `host:port/db`, `redis://`, `rediss://`, the path of a Unix socket, or
// `sentinel://host:port/NAME` for the master that a Sentinel knows as NAME.
import { raise } from './fault.ts'
import type { ConnectionSettings } from './settings.ts'
import { quotedNode } from './http-node.ts'

export interface RedisAddress {
  /** For messages: `127.0.0.1:6379`, `/run/redis.sock`. */
  readonly name: string
  readonly endpoint: Endpoint
  readonly tls: boolean
  /** The number of the database. */
  readonly database: number
  /** The name of the wanted master, if the endpoint is a Sentinel. */
  readonly master?: string
}

export type Endpoint =
  | { readonly host: string; readonly port: number }
  /** Path of a Unix socket. */
  | { readonly path: string }

/**
 * Throws a FaultError if the node is not a valid address.
 * @param scheme the scheme of nodes without one; https means TLS
 */
export function parseRedisNode(node: string, scheme: ConnectionSettings['scheme']): RedisAddress {
  const socket = /^(?:unix:\/\/)?(\/[^?]+)(?:\?db=(\d{1,5}))?$/.exec(node)
  if (socket !== null) {
    const path = socket[1] as string
    return { name: path, endpoint: { path }, tls: false, database: Number(socket[2] ?? 0) }
  }
  const plain = scheme === 'https' ? 'rediss' : 'redis'
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(node) ? node : `${plain}://${node}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && url.username + url.password !== '') {
    raise('store', `the node ${url.host} contains a user or a password`, {
      hint: 'set -username and -password-file instead',
      permanent: true,
    })
  }
  const match = /^\/?(?:([^/]+)\/)?(\d{1,5})?\/?$/.exec(pathOf(url))
  const known = /^(redis|rediss|sentinel):$/.test(url?.protocol ?? '')
  const isSentinel = url?.protocol === 'sentinel:'
  const master = match?.[1]
  const odd = url === undefined || url.hostname === '' || url.search + url.hash !== ''
  if (odd || !known || match === null || isSentinel !== (master !== undefined)) {
    raise('store', `the node ${quotedNode(node)} is not a valid Redis address`, {
      hint:
        'write -node host:port or host:port/db, rediss://host:port/db for TLS, the path of a Unix ' +
        'socket, or sentinel://host:port/name-of-the-master',
      permanent: true,
    })
  }
  const port = Number(url.port || (isSentinel ? 26379 : 6379))
  return {
    name: `${url.hostname}:${port}`,
    endpoint: { host: url.hostname.replace(/^\[|\]$/g, ''), port },
    tls: url.protocol === 'rediss:' || (isSentinel && scheme === 'https'),
    database: Number(match[2] ?? 0),
    ...(master === undefined ? {} : { master: decodeURIComponent(master) }),
  }
}

/**
 * The path in a Sentinel's URL is `/NAME` or `/NAME/db`. Appends a slash to `/NAME`, so that NAME is not read as a
 * database.
 */
function pathOf(url: URL | undefined): string {
  if (url === undefined) return ''
  const isName = url.protocol === 'sentinel:' && /^\/[^/]+$/.test(url.pathname)
  return isName ? `${url.pathname}/` : url.pathname
}
