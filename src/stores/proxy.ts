// HTTP proxies, by the rules of Go programs (https://pkg.go.dev/golang.org/x/net/http/httpproxy): forwards requests to
// http nodes and opens a tunnel to https nodes.
import { BlockList, isIP, type Socket } from 'node:net'
import { unescape } from 'node:querystring'
import { FaultError, raise } from '../core/fault.ts'
import { keepSecret } from '../system/secrets.ts'
import type { ConnectionSettings, ProxySettings } from '../core/settings.ts'
import { socketAddressOf, dial, type SocketAddress, type Opened } from './dial.ts'
import { codeOf, CONNECT_TIMEOUT } from './http-faults.ts'

/** Maximum size of the head of an answer to CONNECT, in bytes. */
const LONGEST_HEAD = 16_384

/** The proxy that receives requests instead of the node. */
export interface Forward {
  /** The proxy's origin. */
  readonly origin: string
  readonly headers: Readonly<Record<string, string>>
}

/** Opens a connection to an address through the proxy. Destroying the returned socket cancels the attempt. */
type Tunnel = (target: SocketAddress, opened: Opened) => Socket

export interface Route {
  /** The proxy without credentials, for messages. */
  readonly name: string
  readonly forward?: Forward
  readonly tunnel?: Tunnel
}

/** The route to a node; undefined for a direct connection. Throws a FaultError for an invalid proxy. */
export function routeTo(origin: string, { proxy }: ConnectionSettings): Route | undefined {
  const target = new URL(origin)
  const isSecure = target.protocol === 'https:'
  const text = (isSecure ? proxy?.https : proxy?.http) ?? ''
  if (proxy === undefined || text === '' || isExcepted(target, proxy)) return undefined
  const url = proxyUrl(text, isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY')
  const name = `${url.protocol}//${url.host}`
  const headers = authorization(url)
  return isSecure
    ? { name, tunnel: tunnelThrough(url, name, headers) }
    : { name, forward: { origin: name, headers: { host: target.host, ...headers } } }
}

function proxyUrl(text: string, variable: string): URL {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url
  return raise('store', `${variable} is not the address of an HTTP proxy`, {
    hint: `set ${variable} to http://host:port, or remove -proxy env`,
    permanent: true,
  })
}

function authorization(url: URL): Readonly<Record<string, string>> {
  if (url.username === '') return {}
  // Unlike decodeURIComponent, does not throw if a password contains an unescaped `%`.
  const [username, password] = [unescape(url.username), unescape(url.password)]
  keepSecret(password, username)
  const pair = Buffer.from(`${username}:${password}`)
  return { 'proxy-authorization': `Basic ${pair.toString('base64')}` }
}

/**
 * Whether requests to a host bypass the proxy, because the host is this machine, or because NO_PROXY contains its name,
 * a parent domain, its address, its network or `*`.
 */
function isExcepted({ hostname, port, protocol }: URL, { except }: ProxySettings): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const family = isIP(host) === 6 ? 'ipv6' : 'ipv4'
  const own = port || (protocol === 'https:' ? '443' : '80')
  if (host === 'localhost' || (isIP(host) > 0 && isLoopback(host, family))) return true
  return except.some((entry) => {
    if (entry === '*') return true
    const [, address, bits] = /^([0-9a-f.:]+)\/(\d+)$/i.exec(entry) ?? []
    if (address !== undefined) return isIP(host) > 0 && isInNetwork(host, address, Number(bits))
    const [, name = '', wanted] = /^(\[[^\]]+\]|[^:]+|[0-9a-f:]+)(?::(\d+))?$/i.exec(entry) ?? []
    if (wanted !== undefined && wanted !== own) return false
    const plain = name.replace(/^\[|\]$/g, '').toLowerCase()
    if (isIP(plain) > 0 || isIP(host) > 0) return plain === host
    const domain = plain.replace(/^\*(?=\.)/, '')
    return domain.startsWith('.')
      ? host.endsWith(domain)
      : host === domain || host.endsWith(`.${domain}`)
  })
}

const isLoopback = (host: string, family: 'ipv4' | 'ipv6'): boolean =>
  family === 'ipv6' ? host === '::1' : host.startsWith('127.')

function isInNetwork(host: string, address: string, bits: number): boolean {
  const network = new BlockList()
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  try {
    network.addSubnet(address, bits, family)
  } catch {
    return false
  }
  return network.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
}

function tunnelThrough(
  proxy: URL,
  name: string,
  headers: Readonly<Record<string, string>>,
): Tunnel {
  return ({ host, port }, opened) => {
    const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
    const tls = proxy.protocol === 'https:' ? {} : undefined
    return dial(socketAddressOf(proxy.origin), tls, undefined, (error, socket) => {
      const fail = (what: string): void => opened(refusalOf(name, target, what), socket)
      if (error !== undefined)
        return fail(codeOf(error) === 'ECONNREFUSED' ? 'connection refused' : codeOf(error))
      askForTunnel(socket, target, headers).then(
        () => opened(undefined, socket),
        (refusal: Error) => {
          socket.destroy()
          fail(refusal.message)
        },
      )
    })
  }
}

/** Sends CONNECT. Resolves when the tunnel is open. */
function askForTunnel(
  socket: Socket,
  target: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${lines.join('')}\r\n`)
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    const end = (error?: Error): void => {
      clearTimeout(timer)
      socket.off('data', read).off('error', end).off('close', closed)
      socket.pause()
      if (error === undefined) resolve()
      else reject(error)
    }
    const closed = (): void => end(new Error('it closed the connection'))
    const read = (data: Buffer): void => {
      head = Buffer.concat([head, data])
      const last = head.indexOf('\r\n\r\n')
      if (last < 0) {
        if (head.length > LONGEST_HEAD) end(new Error('its answer is not that of an HTTP proxy'))
        return
      }
      const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(head.toString('latin1')) ?? []
      if (status !== '200') return end(new Error(`it refused the tunnel (HTTP ${status ?? '?'})`))
      if (head.length > last + 4) socket.unshift(head.subarray(last + 4))
      end()
    }
    const timer = setTimeout(
      () => end(new Error(`no answer within ${CONNECT_TIMEOUT / 1000} s`)),
      CONNECT_TIMEOUT,
    )
    socket.on('data', read).once('error', end).once('close', closed)
  })
}

const refusalOf = (proxy: string, target: string, what: string): FaultError =>
  new FaultError({
    kind: 'store',
    message: `cannot reach ${target} through the proxy ${proxy}: ${what}`,
    hint: 'check HTTPS_PROXY, and add hosts that are reached directly to NO_PROXY',
  })
