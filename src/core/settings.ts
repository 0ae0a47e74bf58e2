// The settings of a run, merged from flags, environment and confd.toml.
// Times are in milliseconds; paths are absolute unless noted otherwise.
import type { Fault } from './fault.ts'
import type { ExecSettings } from './exec.ts'
import type { Key } from './key.ts'

export type BackendName =
  'etcdv3' | 'etcdv2' | 'consul' | 'consul-catalog' | 'zookeeper' | 'redis' | 'file' | 'env'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'panic'

/** How to connect to a store, including the credentials. */
export interface ConnectionSettings {
  readonly nodes: readonly string[]
  /** DNS names of SRV records that list the nodes. The first existing record is used. If set, `nodes` is empty. */
  readonly srv?: readonly string[]
  readonly scheme: 'http' | 'https'
  readonly username?: string
  readonly password?: string
  readonly passwordFile?: string
  /** The ACL token for Consul. */
  readonly authToken?: string
  readonly authTokenFile?: string
  readonly clientCert?: string
  readonly clientKey?: string
  readonly clientCaKeys?: string
  /** Names for messages of the settings above that variables of other programs supply, such as ETCDCTL_CACERT. */
  readonly suppliedBy?: Readonly<Partial<Record<string, string>>>
  /** Expected name in the server's certificate, instead of the name of the node. */
  readonly clientServerName?: string
  /** Do not verify the server's certificate. */
  readonly clientInsecure?: true
  /** Proxies for etcd and Consul; absent: connect directly. */
  readonly proxy?: ProxySettings
}

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, interpreted as in Go. */
export interface ProxySettings {
  /** Proxy URL for http nodes. */
  readonly http?: string
  /** Proxy URL for https nodes. */
  readonly https?: string
  /** Hosts without a proxy. */
  readonly except: readonly string[]
}

/** Limits on data from a store, in bytes. More data is a fault of the store. */
export interface Limits {
  /** Maximum size of one response, and of all data from a store in memory. */
  readonly body: number
  /** Maximum size of one message: a line of a watch, a value, a reassembled message, a packet. */
  readonly message: number
}

/** Options of Consul's catalog. The last three also apply to Consul's key-value store. */
export interface CatalogSettings {
  readonly health: 'passing' | 'passing,warning' | 'any'
  /** Tags that an instance must have. */
  readonly tags: readonly string[]
  /** Metadata that an instance must have, each `name=value`. */
  readonly meta: readonly string[]
  readonly near?: string
  readonly datacenter?: string
  readonly namespace?: string
  /** Maximum lag of a server behind the leader; 0: only the leader is queried. */
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

/** Address and access rules of the status page and metrics. */
export interface HttpSettings {
  /** A Unix socket, or a host (without brackets) and port; port 0 selects any free port. */
  readonly at: { readonly socket: string } | { readonly host: string; readonly port: number }
  /** Additional allowed host names. */
  readonly names: readonly string[]
  /** If absent, a token is generated and kept in the state directory. */
  readonly token?: string
  /** Source of the token, as text for the log. */
  readonly tokenFrom?: string
}

/** A store and how to read it. */
export interface StoreSettings {
  readonly backend: BackendName
  readonly connection: ConnectionSettings
  /** `-file`: YAML, JSON or TOML files, or folders of them. */
  readonly files: readonly string[]
  /** `-filter`: glob for the names of files in a folder; default `*`. */
  readonly filter: string
  /** `-separator`: separator in key names in Redis. */
  readonly separator: string
  /** Poll interval of a store that cannot report changes. */
  readonly pollInterval: number
  readonly limits: Limits
  /** Keys in etcd begin without a slash. */
  readonly slashless?: true
  /** Used by both Consul backends. */
  readonly catalog?: CatalogSettings
  /** The table that defines the store, for messages; absent for the default store. */
  readonly definedIn?: string
  readonly mode: 'onetime' | 'watch' | 'interval'
}

/** The settings of a run. The members of StoreSettings are the settings of the default store. */
export interface Settings extends StoreSettings {
  /** `[stores.NAME]` of confd.toml. */
  readonly stores: ReadonlyMap<string, StoreSettings>
  /** The environment visible to resources and stores. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Path of a snapshot that replaces all stores. */
  readonly replay?: string
  readonly confdir: string
  readonly prefix: Key
  /** Whether `-prefix` is from the command line. */
  readonly prefixFromFlag: boolean
  /** Interval of full resyncs; `-interval` is in seconds on the command line. */
  readonly interval: number
  readonly noop: boolean
  readonly diff: boolean
  readonly detailedExitcode: boolean
  readonly syncOnly: boolean
  /** Whether resources may lose all keys of a store. The allow_empty of a resource overrides this setting. */
  readonly allowEmpty: boolean
  /** Run no reload_cmd. */
  readonly noReload: boolean
  /** Run every reload_cmd once. */
  readonly reloadAlways: boolean
  /** Names of the selected resources; empty: all. */
  readonly only: readonly string[]
  /** The settings may be for another machine, so missing files are not faults. */
  readonly isElsewhere?: true
  /** Whether an invalid file in conf.d affects only itself, or prevents the run. */
  readonly failureMode: 'best-effort' | 'fail-fast'
  /** Expand variables in resources. The expand_env of a resource overrides this setting. */
  readonly expandEnv: boolean
  /** Folder below which every destination is put. */
  readonly destRoot?: string
  /** Path of the report of a onetime run. */
  readonly report?: string
  readonly keepStageFile: boolean
  /** Maximum wait of a onetime run for its stores. */
  readonly timeout: number
  readonly stateDir: string
  /** Quiet period of coalescing; absent: adapts to the changes. */
  readonly quiet?: number
  readonly quietMax: number
  /** Minimum time between the starts of two reloads; a resource may override this and `splay`. */
  readonly minReloadInterval: number
  /** Maximum random delay of a reload. */
  readonly splay: number
  readonly checkTimeout: number
  readonly reloadTimeout: number
  readonly logLevel: LogLevel
  readonly logFormat: 'text' | 'json'
  /** Absent if there is no status page. */
  readonly http?: HttpSettings
  /** Absent outside exec mode. */
  readonly exec?: ExecSettings
}

/** Adds to the hint of a store's fault in which table the settings of the store are. */
export const withTable = (fault: Fault, definedIn: string | undefined): Fault =>
  definedIn === undefined || fault.hint === undefined
    ? fault
    : { ...fault, hint: `${fault.hint}; the store is defined in ${definedIn}` }

/** A string that is equal for stores that can share one connection. */
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
    ...[backend, { ...connection, suppliedBy: undefined }, files, filter, separator],
    ...[pollInterval, limits],
    ...[slashless, catalog],
  ])
