// What `-node` may be for Redis: `host:port`, `host:port/db`, `redis://`, `rediss://`, the path of a
// unix socket, or `sentinel://host:port/NAME` for the master that a Sentinel knows.
import { raise } from '../../core/fault.ts'
import type { ConnectionSettings } from '../../core/settings.ts'
import { quotedNode } from '../../core/http-node.ts'

export interface RedisAddress {
  /** For messages: `127.0.0.1:6379`, `/run/redis.sock`. */
  readonly name: string
  readonly endpoint: Endpoint
  readonly tls: boolean
  /** The number of the database. */
  readonly database: number
  /** The endpoint is a Sentinel, and this is how it calls the master that is wanted. */
  readonly master?: string
}

export type Endpoint =
  | { readonly host: string; readonly port: number }
  /** Of a unix socket. */
  | { readonly path: string }

/** @param scheme for nodes that do not say; https is TLS. Throws a FaultError when it is no address. */
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
    raise('store', `the node ${url.host} carries a user or a password`, {
      hint: 'give them with -username and -password',
      permanent: true,
    })
  }
  const match = /^\/?(?:([^/]+)\/)?(\d{1,5})?\/?$/.exec(pathOf(url))
  const known = /^(redis|rediss|sentinel):$/.test(url?.protocol ?? '')
  const isSentinel = url?.protocol === 'sentinel:'
  const master = match?.[1]
  const odd = url === undefined || url.hostname === '' || url.search + url.hash !== ''
  if (odd || !known || match === null || isSentinel !== (master !== undefined)) {
    raise('store', `the node ${quotedNode(node)} is not an address`, {
      hint:
        'write -node host:port or host:port/db, rediss://host:port/db for TLS, the path of a unix ' +
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

/** A Sentinel's path is its master's name and maybe a database: a slash at the end marks the name. */
function pathOf(url: URL | undefined): string {
  if (url === undefined) return ''
  const isName = url.protocol === 'sentinel:' && /^\/[^/]+$/.test(url.pathname)
  return isName ? `${url.pathname}/` : url.pathname
}
