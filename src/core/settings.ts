// The settings of a run, after flags, environment and confd.toml have been put together.
// Times in milliseconds, paths absolute unless said otherwise.
import type { ExecSettings } from './exec.ts'
import type { Key } from './key.ts'

export type BackendName =
  'etcdv3' | 'etcdv2' | 'consul' | 'consul-catalog' | 'zookeeper' | 'redis' | 'file' | 'env'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'panic'

/** How to reach a store, and as whom. */
export interface Connection {
  readonly nodes: readonly string[]
  /** DNS names of SRV records that the nodes are found by, the first that exists; then `nodes` is empty. */
  readonly srv?: readonly string[]
  readonly scheme: 'http' | 'https'
  readonly username?: string
  readonly password?: string
  readonly passwordFile?: string
  /** Of Consul. */
  readonly authToken?: string
  readonly authTokenFile?: string
  readonly clientCert?: string
  readonly clientKey?: string
  readonly clientCaKeys?: string
  /** The name that the server's certificate has to be for, instead of the node's. */
  readonly clientServerName?: string
  /** The server's certificate is not looked at. */
  readonly clientInsecure?: true
  /** How etcd and Consul are reached: by URL of a proxy; absent: directly. */
  readonly proxy?: ProxySettings
}

/** What HTTP_PROXY and its like say, as Go's programs read them. */
export interface ProxySettings {
  /** Of http nodes. */
  readonly http?: string
  /** Of https nodes. */
  readonly https?: string
  /** Hosts that are reached without. */
  readonly except: readonly string[]
}

/** How much is taken from a store, in bytes. What goes beyond is a fault, never a reason to use more memory. */
export interface Limits {
  /** Of one answer, and of all that is read of a store or held of it at one time. */
  readonly body: number
  /** Of one message: a line of a watch, a value, what is put together from fragments, a packet. */
  readonly message: number
}

/** What of Consul's catalog is asked for, and of whom. The key-value store has the last three. */
export interface CatalogSettings {
  readonly health: 'passing' | 'passing,warning' | 'any'
  /** An instance has all of them. */
  readonly tags: readonly string[]
  /** Each `name=value`; an instance has all of them. */
  readonly meta: readonly string[]
  readonly near?: string
  readonly datacenter?: string
  readonly namespace?: string
  /** How far a server may be behind the leader; 0: not at all. */
  readonly maxStale: number
}

export const isConsul = (backend: BackendName | undefined): boolean =>
  backend === 'consul' || backend === 'consul-catalog'

/** The same store in another datacenter. */
export const inDatacenter = (
  { catalog, ...store }: StoreSettings,
  datacenter: string,
): StoreSettings => ({
  ...store,
  catalog: { health: 'passing', tags: [], meta: [], maxStale: 0, ...catalog, datacenter },
})

/** Where the status page and the metrics are served, and to whom. */
export interface HttpSettings {
  /** A Unix socket, or an address: a host without brackets, and a port, of which 0 is any that is free. */
  readonly at: { readonly socket: string } | { readonly host: string; readonly port: number }
  /** Further names that requests may be for. */
  readonly names: readonly string[]
  /** Absent: one is made and kept in the state directory. */
  readonly token?: string
  /** Where the token is from, in words for the log. */
  readonly tokenFrom?: string
}

/** Which store, and how it is read. */
export interface StoreSettings {
  readonly backend: BackendName
  readonly connection: Connection
  /** `-file`, repeated: YAML, JSON or TOML files, or folders of them. */
  readonly files: readonly string[]
  /** `-filter`: which files of a folder are read, a glob on the name; default `*`. */
  readonly filter: string
  /** `-separator`: what stands between the parts of a name in Redis. */
  readonly separator: string
  /** How often a store that does not tell of changes is read. */
  readonly pollInterval: number
  readonly limits: Limits
  /** Keys in etcd begin without a slash. */
  readonly slashless?: true
  /** Of both backends of Consul. */
  readonly catalog?: CatalogSettings
  readonly mode: 'onetime' | 'watch' | 'interval'
}

/** Of a whole run. What it extends is the default store's. */
export interface Settings extends StoreSettings {
  /** `[stores.NAME]` of confd.toml. */
  readonly stores: ReadonlyMap<string, StoreSettings>
  /** The environment, as far as resources and stores may read it. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** A snapshot that takes the place of all stores; absolute. */
  readonly replay?: string
  readonly confdir: string
  readonly prefix: Key
  /** True when `-prefix` came from the command line. */
  readonly prefixFromFlag: boolean
  /** Full resync every so often; `-interval` is in seconds at the command line. */
  readonly interval: number
  readonly noop: boolean
  readonly diff: boolean
  readonly detailedExitcode: boolean
  readonly syncOnly: boolean
  /** Resources may lose all keys that a store supplied; a resource's own allow_empty wins. */
  readonly allowEmpty: boolean
  /** No reload_cmd runs. */
  readonly noReload: boolean
  /** Every reload_cmd runs once. */
  readonly reloadAlways: boolean
  /** The only resources that are wanted; empty: all. */
  readonly only: readonly string[]
  /** The settings may be for another machine: what this one lacks is no fault. */
  readonly isElsewhere?: true
  /** Whether a bad file in conf.d concerns itself, or the whole run. */
  readonly failureMode: 'best-effort' | 'fail-fast'
  /** Variables in resources are expanded, where they do not say otherwise. */
  readonly expandEnv: boolean
  /** Every destination lies below this folder. */
  readonly destRoot?: string
  /** Where a onetime run puts its report. */
  readonly report?: string
  readonly keepStageFile: boolean
  /** How long a onetime run waits for its store. */
  readonly timeout: number
  readonly stateDir: string
  /** Absent: it adapts to the changes. */
  readonly quiet?: number
  readonly quietMax: number
  /** The least time between the starts of two reloads; a resource's own wins, likewise for `splay`. */
  readonly minReloadInterval: number
  /** A reload waits a random time up to this. */
  readonly splay: number
  readonly checkTimeout: number
  readonly reloadTimeout: number
  readonly logLevel: LogLevel
  readonly logFormat: 'text' | 'json'
  /** Absent: nothing is served. */
  readonly http?: HttpSettings
  /** Absent: no program is started. */
  readonly exec?: ExecSettings
}

/** Equal for two stores that can share one connection. In a fixed order, whatever else the object holds. */
export const storeIdentity = ({
  backend,
  connection,
  files,
  filter,
  separator,
  pollInterval,
  limits,
  slashless,
  catalog,
}: StoreSettings): string =>
  JSON.stringify([
    ...[backend, connection, files, filter, separator, pollInterval, limits],
    ...[slashless, catalog],
  ])
