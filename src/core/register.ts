// The settings of `reconfd register`: which services, found where, are written into which store.
// Times in milliseconds, paths absolute.
import type { Connection, HttpSettings, Limits, LogLevel } from './settings.ts'

/** Where services are registered, as the scheme of its URI says. */
export type RegistryKind = 'etcd' | 'etcdv2' | 'skydns2' | 'consul' | 'consulkv' | 'zookeeper'

/** `-to`. */
export interface RegistryTarget {
  readonly kind: RegistryKind
  /** The directory that all entries lie in, such as `/services`; `/` for none. Of skydns2: the domain. */
  readonly path: string
  /** As given; for messages. */
  readonly uri: string
}

/** How a service is checked by us, or by Consul. */
export type CheckKind =
  | {
      readonly kind: 'http'
      readonly url: string
      readonly method?: string
      readonly insecure?: boolean
    }
  /** Without a host: the service's own address; `local`: or the loopback address. */
  | {
      readonly kind: 'tcp'
      readonly host?: string
      readonly port?: number
      readonly local?: boolean
    }
  | { readonly kind: 'grpc'; readonly tls: boolean; readonly insecure: boolean }
  | { readonly kind: 'command'; readonly command: string }
  /** Run in a container, by its engine. */
  | { readonly kind: 'exec'; readonly container: string; readonly command: string }

export interface CheckSettings {
  readonly interval: number
  readonly timeout: number
  /** Successes in a row after which an unhealthy service is put back. */
  readonly rise: number
  /** Failures in a row after which a healthy one is taken out. */
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
  /** Addresses and ports inside of the containers' networks, instead of published ones. */
  readonly internal: boolean
  /** Only containers that set SERVICE_NAME. */
  readonly explicit: boolean
  /** The label that holds a container's address. */
  readonly ipLabel?: string
  /** Run the commands that containers name as checks. */
  readonly allowScripts: boolean
  /** `on-success`: entries of a failed container stay for a TTL. */
  readonly deregister: 'always' | 'on-success'
}

export interface RegisterSettings {
  readonly to: RegistryTarget
  readonly connection: Connection
  readonly limits: Limits
  /** The name of this host in ids. */
  readonly host: string
  /** The address of services without one of their own; absent: this machine's. */
  readonly address?: string
  /** Added to every service. */
  readonly tags: readonly string[]
  readonly own?: OwnService
  /** The command that runs while its service is registered. */
  readonly command?: readonly string[]
  /** The folder of service files. */
  readonly conf?: string
  readonly docker?: DockerSettings
  readonly check: CheckSettings
  readonly ttl: number
  /** Between two renewals. */
  readonly refresh: number
  /** Between two readings of everything; 0: never. */
  readonly resync: number
  /** Between deregistering a command's service and telling the command to stop. */
  readonly drain: number
  /** Between telling a command to stop and killing it. */
  readonly killTimeout: number
  /** Further tries at the start before giving up; absent: no limit. */
  readonly retryAttempts?: number
  readonly retryInterval?: number
  readonly stateDir: string
  readonly noop: boolean
  readonly logLevel: LogLevel
  readonly logFormat: 'text' | 'json'
  readonly http?: HttpSettings
}

/** The least TTL that a store can keep, in milliseconds. */
export const leastTtl: Readonly<Record<RegistryKind, number>> = {
  // One and a half election timeouts; etcd silently extends a shorter one.
  etcd: 2_000,
  etcdv2: 1_000,
  skydns2: 1_000,
  consul: 1_000,
  // Of a session.
  consulkv: 10_000,
  // Two ticks of 2 s; a server with shorter ticks allows less.
  zookeeper: 1_000,
}

/**
 * Why a name or an id cannot be one part of a path in a store; undefined if it can. Whoever starts a container
 * chooses them: `../other` would be somebody else's entry.
 */
export function notOnePart(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (text.includes('/')) return 'holds a slash'
  if (text === '.' || text === '..') return 'is a relative path'
  if (text.length > 255) return 'is longer than 255 characters'
  // ZooKeeper refuses the last ones.
  if (/[\p{Cc}\p{Cs}\u2028\u2029\ufff0-\uffff]/u.test(text)) return 'holds a control character'
  return undefined
}

/** What `-check` means; a text that is no address and not `tcp` is a command. */
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
