// Parses -node for HTTP stores: `host`, `host:port`, a URL, or the Unix socket of a local server.
import { err, ok, type Result } from './result.ts'

export interface HttpNode {
  /** Such as `http://127.0.0.1:2379`; for a socket, the host is meaningless. */
  readonly origin: string
  /** Name for messages, always with the port. */
  readonly name: string
  /** Absolute path of a Unix socket. */
  readonly socket?: string
}

interface BadNode {
  readonly message: string
  readonly hint: string
}

/** Quotes a node for messages, without the text before `@` and after `?` or `#`, which may be secret. */
export const quotedNode = (node: string): string =>
  JSON.stringify(node.replace(/.*@/s, '').replace(/[?#].*/s, ''))

/**
 * @param scheme default scheme
 * @param port default port for nodes without a scheme; a URL has the default port of its scheme
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
      message: `the node ${url.host} contains a user or a password`,
      hint: 'set them with -username and -password-file',
    })
  }
  const isBare = url?.pathname === '/' && url.search + url.hash === ''
  if (url === undefined || !/^https?:$/.test(url.protocol) || !isBare) {
    return err({
      message: `the node ${quotedNode(node)} is not a valid address`,
      hint: 'write -node host:port, http://host:port, https://host:port or unix:///path/of/socket',
    })
  }
  const usual = url.protocol === 'https:' ? 443 : 80
  // A URL object drops the default port of its scheme, even if the node contains it.
  const isPortKnown = isUrl || url.port !== '' || /:\d+\/?$/.test(node)
  const number = url.port === '' ? (isPortKnown ? usual : port) : Number(url.port)
  const name = `${url.protocol}//${url.hostname}:${number}`
  return ok({ origin: number === usual ? url.origin : name, name })
}
