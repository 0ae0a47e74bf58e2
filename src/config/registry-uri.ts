// Parses the URI of a registry, as in registrator: the scheme selects the store, and the path is the directory of
// the entries.
import type { RegistryKind, RegistryTarget } from '../core/register.ts'
import { toKey } from '../core/key.ts'
import { err, ok, type Result } from '../core/result.ts'
import { nearest } from './nearest.ts'

interface Scheme {
  readonly kind: RegistryKind
  /** True if the URI contains the path of a Unix socket instead of hosts. */
  readonly unix?: true
  readonly tls?: true
}

const schemes: Readonly<Record<string, Scheme>> = {
  etcd: { kind: 'etcd' },
  etcdv3: { kind: 'etcd' },
  etcdv2: { kind: 'etcdv2' },
  skydns2: { kind: 'skydns2' },
  consul: { kind: 'consul' },
  'consul-tls': { kind: 'consul', tls: true },
  'consul-unix': { kind: 'consul', unix: true },
  consulkv: { kind: 'consulkv' },
  'consulkv-tls': { kind: 'consulkv', tls: true },
  'consulkv-unix': { kind: 'consulkv', unix: true },
  zookeeper: { kind: 'zookeeper' },
}

const DEFAULT_PORT: Readonly<Record<RegistryKind, number>> = {
  etcd: 2379,
  etcdv2: 2379,
  skydns2: 2379,
  consul: 8500,
  consulkv: 8500,
  zookeeper: 2181,
}

export interface ParsedUri {
  readonly target: RegistryTarget
  /** `host:port`, or `unix:///path`. */
  readonly nodes: readonly string[]
  readonly tls: boolean
}

/** The fault of a URI, with a hint. */
export interface UriFault {
  readonly message: string
  readonly hint: string
}

const EXAMPLE = 'write it as in etcd://127.0.0.1:2379/services or consul://127.0.0.1:8500'

export function parseRegistryUri(uri: string): Result<ParsedUri, UriFault> {
  const [, name = '', rest = ''] = /^([a-z0-9+-]+):\/\/(.*)$/is.exec(uri) ?? []
  const scheme = Object.hasOwn(schemes, name.toLowerCase())
    ? schemes[name.toLowerCase()]
    : undefined
  if (scheme === undefined) return err(unknownScheme(uri, name))
  const { kind, unix, tls = false } = scheme
  if (unix === true) return unixTarget(uri, kind, rest)
  const [authority = '', ...parts] = rest.split('/')
  const path = parts.join('/')
  if (authority.includes('@')) {
    const hint = 'set them with -username and -password-file'
    return err({ message: 'the URI of the registry contains a user or a password', hint })
  }
  if (/[?#]/.test(rest)) {
    return err({ message: 'the URI of the registry has a query or a fragment', hint: EXAMPLE })
  }
  const nodes: string[] = []
  for (const one of authority.split(',')) {
    if (one === '') continue
    const node = withPort(one, DEFAULT_PORT[kind])
    if (node === undefined) return err({ message: `"${one}" is not host:port`, hint: EXAMPLE })
    nodes.push(node)
  }
  if (nodes.length === 0) nodes.push(`127.0.0.1:${DEFAULT_PORT[kind]}`)
  const target = parseTarget(uri, kind, path)
  return target.ok ? ok({ target: target.value, nodes, tls }) : target
}

function unknownScheme(uri: string, name: string): UriFault {
  if (name === '') return { message: `"${uri}" is not the URI of a registry`, hint: EXAMPLE }
  const near = nearest(name, Object.keys(schemes))
  const known = `use one of these schemes: ${Object.keys(schemes).join(', ')}`
  const hint = near === undefined ? known : `did you mean ${near}://?`
  return { message: `unknown registry "${name}://"`, hint }
}

/** Parses `consul-unix:///run/consul.sock`, or, with a prefix, `consulkv-unix:///run/consul.sock:/services`. */
function unixTarget(uri: string, kind: RegistryKind, rest: string): Result<ParsedUri, UriFault> {
  const [socket = '', prefix = ''] = rest.split(':')
  if (!socket.startsWith('/')) {
    const hint = `write the full path, as in ${kind}-unix:///var/run/consul.sock`
    return err({ message: `"${uri}" has no socket path`, hint })
  }
  const target = parseTarget(uri, kind, prefix)
  return target.ok ? ok({ target: target.value, nodes: [`unix://${socket}`], tls: false }) : target
}

function parseTarget(
  uri: string,
  kind: RegistryKind,
  path: string,
): Result<RegistryTarget, UriFault> {
  if (kind !== 'skydns2') return ok({ kind, path: toKey(path), uri })
  const domain = path.replace(/^\/|\/$/g, '')
  if (/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(domain)) return ok({ kind, path: domain, uri })
  const hint = 'write it as in skydns2://127.0.0.1:2379/cluster.local'
  return err({ message: 'skydns2:// needs a DNS domain as its path', hint })
}

/** Adds the default port to a node without a port. Returns undefined if the node is not an address. */
function withPort(node: string, port: number): string | undefined {
  const [, host, given] = /^(\[[0-9a-f:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/i.exec(node) ?? []
  if (host === undefined || Number(given ?? port) > 65_535) return undefined
  return `${host}:${given ?? port}`
}
