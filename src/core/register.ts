// The settings of `reconfd register`. Times are in milliseconds, paths are absolute.
import type { ConnectionSettings, HttpSettings, Limits, LogLevel } from './settings.ts'

/** The kind of registry, from the scheme of `-to`. */
export type RegistryKind = 'etcd' | 'etcdv2' | 'skydns2' | 'consul' | 'consulkv' | 'zookeeper'

/** The registry that `-to` specifies. */
export interface RegistryTarget {
  readonly kind: RegistryKind
  /** Directory of all entries, such as `/services`, or `/`. For skydns2: the domain. */
  readonly path: string
  /** The URI as written, for messages. */
  readonly uri: string
}

/** A kind of health check. */
export type CheckKind =
  | {
      readonly kind: 'http'
      readonly url: string
      readonly method?: string
      readonly insecure?: boolean
    }
  /** `host` defaults to the service's address; `local` also tries the loopback addresses. */
  | {
      readonly kind: 'tcp'
      readonly host?: string
      readonly port?: number
      readonly local?: boolean
    }
  | { readonly kind: 'grpc'; readonly tls: boolean; readonly insecure: boolean }
  | { readonly kind: 'command'; readonly command: string }
  /** The command runs in the container. */
  | { readonly kind: 'exec'; readonly container: string; readonly command: string }

export interface CheckSettings {
  readonly interval: number
  readonly timeout: number
  /** Consecutive successes after which an unhealthy service is registered again. */
  readonly rise: number
  /** Consecutive failures after which a healthy service is deregistered. */
  readonly fall: number
}

/** The service that `-name` and `-port` describe. */
export interface OwnService {
  readonly name: string
  readonly id?: string
  readonly address?: string
  readonly port: number
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
  readonly check?: CheckKind
}

export interface DockerSettings {
  /** The engine: `unix:///var/run/docker.sock` or `tcp://host:2375`. */
  readonly engine: string
  /** The folder of ca.pem, cert.pem and key.pem for an engine with TLS. */
  readonly certificates?: string
  /** Register the containers' own addresses and exposed ports, instead of the published ones. */
  readonly internal: boolean
  /** Register only containers that set SERVICE_NAME. */
  readonly explicit: boolean
  /** The label that contains a container's address. */
  readonly ipLabel?: string
  /** Run check commands that containers define. */
  readonly allowScripts: boolean
  /** `on-success`: entries of a failed container stay for one TTL. */
  readonly deregister: 'always' | 'on-success'
}

export interface RegisterSettings {
  readonly to: RegistryTarget
  readonly connection: ConnectionSettings
  readonly limits: Limits
  /** Name of this host in ids. */
  readonly host: string
  /** Default address of services; absent: the address of this machine. */
  readonly address?: string
  /** Tags that are added to every service. */
  readonly tags: readonly string[]
  readonly own?: OwnService
  /** The command that runs while its service is registered. */
  readonly command?: readonly string[]
  /** The folder of service files. */
  readonly conf?: string
  readonly docker?: DockerSettings
  readonly check: CheckSettings
  readonly ttl: number
  /** Time between renewals. */
  readonly refresh: number
  /** Time between full reads of the store; 0: never. */
  readonly resync: number
  /** Time between deregistering the command's service and signalling the command. */
  readonly drain: number
  /** Time between signalling the command and killing it. */
  readonly killTimeout: number
  /** Retries of the first connection before giving up; absent: no limit. */
  readonly retryAttempts?: number
  readonly retryInterval?: number
  readonly stateDir: string
  readonly noop: boolean
  readonly logLevel: LogLevel
  readonly logFormat: 'text' | 'json'
  readonly http?: HttpSettings
}

/** Minimum TTL of each registry, in milliseconds. */
export const minTtl: Readonly<Record<RegistryKind, number>> = {
  // 1.5 election timeouts; etcd silently extends a shorter TTL.
  etcd: 2_000,
  etcdv2: 1_000,
  skydns2: 1_000,
  consul: 1_000,
  // The minimum TTL of a Consul session.
  consulkv: 10_000,
  // The usual minimum is two ticks of 2 s, but a server with shorter ticks accepts less.
  zookeeper: 1_000,
}

/**
 * Why a name or id cannot be a single path component; undefined if it can. Names come from containers and are
 * hostile: `../other` would address another service's entry.
 */
export function pathComponentFault(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (text.includes('/')) return 'contains a slash'
  if (text === '.' || text === '..') return 'is a relative path'
  if (text.length > 255) return 'is longer than 255 characters'
  // ZooKeeper refuses \ufff0-\uffff.
  if (/[\p{Cc}\p{Cs}\u2028\u2029\ufff0-\uffff]/u.test(text)) return 'contains a control character'
  return undefined
}

/** Returns why Consul refuses a pair of metadata; undefined if it accepts the pair. */
export function metaFault(key: string, value: string): string | undefined {
  if (!/^[\w-]{1,128}$/.test(key)) return 'has a name that is not 1 to 128 letters, digits, - and _'
  // Consul uses these names itself, and reconfd records the owner of a service under the other one.
  if (key.startsWith('consul-') || key === OWNER_KEY) return 'has a reserved name'
  return new TextEncoder().encode(value).length > 512 ? 'is longer than 512 bytes' : undefined
}

/** The metadata key in Consul under which reconfd records the owner of a service. */
export const OWNER_KEY = 'reconfd'

/** Parses `-check`. A string that is neither a URL nor `tcp` is a command. Undefined if invalid. */
export function checkFrom(text: string): CheckKind | undefined {
  const what = text.trim()
  if (/^https?:\/\//i.test(what)) {
    return URL.canParse(what) ? { kind: 'http', url: what } : undefined
  }
  if (what === 'tcp') return { kind: 'tcp' }
  const [, bracketed, plain, port] =
    /^tcp:\/\/(?:\[(.+)\]|([^:/]+)):(\d{1,5})\/?$/i.exec(what) ?? []
  const host = bracketed ?? plain
  if (host !== undefined) return { kind: 'tcp', host, port: Number(port) }
  if (/^tcp:/i.test(what) || what === '') return undefined
  return { kind: 'command', command: what }
}

/** Splits at commas; `\,` is a comma inside an item. */
export const splitList = (text: string): readonly string[] =>
  (text.match(/(?:\\,|[^,])+/g) ?? []).map((item) => item.replaceAll('\\,', ','))
