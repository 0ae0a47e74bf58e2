// What -node may be for stores that speak HTTP: `host`, `host:port`, a URL, or the socket of a server on
// this machine.
import { err, ok, type Result } from './result.ts'

export interface HttpNode {
  /** `http://127.0.0.1:2379`; of a socket its host means nothing. */
  readonly origin: string
  /** For messages: the port is always told. */
  readonly name: string
  /** Absolute path of a Unix socket. */
  readonly socket?: string
}

interface BadNode {
  readonly message: string
  readonly hint: string
}

/** A node as messages quote it: without what stands before an @ or behind a ?, where secrets are put. */
export const quotedNode = (node: string): string =>
  JSON.stringify(node.replace(/.*@/s, '').replace(/[?#].*/s, ''))

/**
 * @param scheme of nodes that do not say
 * @param port of nodes that say neither a port nor a scheme; a URL without one means that of its scheme
 */
export function parseHttpNode(
  node: string,
  scheme: 'http' | 'https',
  port: number,
): Result<HttpNode, BadNode> {
  const socket = /^unix:\/\/(\/[^?#\0]+)$/.exec(node)?.[1]
  if (socket !== undefined) {
    return ok({ origin: `${scheme}://localhost`, name: `unix://${socket}`, socket })
  }
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(node)
  const text = isUrl ? node : `${scheme}://${node}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && url.username + url.password !== '') {
    return err({
      message: `the node ${url.host} carries a user or a password`,
      hint: 'give them with -username and -password',
    })
  }
  const isBare = url?.pathname === '/' && url.search + url.hash === ''
  if (url === undefined || !/^https?:$/.test(url.protocol) || !isBare) {
    return err({
      message: `the node ${quotedNode(node)} is not an address`,
      hint: 'write -node host:port, http://host:port, https://host:port or unix:///path/of/socket',
    })
  }
  const usual = url.protocol === 'https:' ? 443 : 80
  // A URL drops the port that is its scheme's own, even where it was written.
  const isSaid = isUrl || url.port !== '' || /:\d+\/?$/.test(node)
  const number = url.port === '' ? (isSaid ? usual : port) : Number(url.port)
  const name = `${url.protocol}//${url.hostname}:${number}`
  return ok({ origin: number === usual ? url.origin : name, name })
}
