// The settings of a run, under the names of confd.toml. docs/configuration.md describes them.
// Generated from config/options.ts by test/library/settings.test.ts.

/** Seconds, or a string such as `'250ms'`, `'10s'` or `'1m30s'`. */
export type Duration = number | string

/** The settings of one store. */
export interface StoreSettings {
  /** The kind of the store; etcd means etcdv3. Default: etcdv3, or file if `file` is set. */
  readonly backend?:
    | 'etcdv3'
    | 'etcdv2'
    | 'consul'
    | 'consul-catalog'
    | 'zookeeper'
    | 'redis'
    | 'file'
    | 'env'
    | 'etcd'
    | undefined
  /** A node of the store: host, host:port, a URL, or unix:///PATH for a Unix socket; repeat for failover (default: the store on this machine). */
  readonly nodes?: readonly string[] | undefined
  /** Find the nodes in DNS, in the SRV record _BACKEND._tcp.DOMAIN (for both versions of etcd, _etcd is tried first); the record is looked up again when all nodes fail. */
  readonly srv_domain?: string | undefined
  /** Find the nodes in DNS, in the SRV record with this name. */
  readonly srv_record?: string | undefined
  /** Prefix of every key. */
  readonly prefix?: string | undefined
  /** Scheme of nodes that are written without one: http or https. Default: http. */
  readonly scheme?: 'http' | 'https' | undefined
  /** How to reach etcd and Consul: env uses the proxy in HTTP_PROXY, HTTPS_PROXY and NO_PROXY; none ignores these variables. Default: none. */
  readonly proxy?: 'none' | 'env' | undefined
  /** TLS client certificate. */
  readonly client_cert?: string | undefined
  /** TLS client key. */
  readonly client_key?: string | undefined
  /** File with the certificates of the trusted certificate authorities. */
  readonly client_cakeys?: string | undefined
  /** The name or address that the server's certificate must contain, instead of that of the node. */
  readonly client_server_name?: string | undefined
  /** Accept any certificate of the server: only for experiments. */
  readonly client_insecure?: boolean | undefined
  /** User name. */
  readonly username?: string | undefined
  /** Password; flags are visible in ps, so use -password-file or CONFD_PASSWORD. */
  readonly password?: string | undefined
  /** File with the password, which is read again at each use. */
  readonly password_file?: string | undefined
  /** Accepted for compatibility with confd, without effect: -username is always sent in the form that the store expects. */
  readonly basic_auth?: boolean | undefined
  /** The ACL token (backends consul, consul-catalog; default: CONSUL_HTTP_TOKEN, or the content of CONSUL_HTTP_TOKEN_FILE). */
  readonly auth_token?: string | undefined
  /** File with the ACL token, which is read again at each use (backends consul, consul-catalog). */
  readonly auth_token_file?: string | undefined
  /** Keys in etcd have no leading slash: /registry/a is the key registry/a in etcd (backend etcdv3). */
  readonly etcd_slashless?: boolean | undefined
  /** Separator in key names, instead of / (backend redis). Default: /. */
  readonly separator?: string | undefined
  /** How often to read a store that does not report changes (backend redis without keyspace notifications). Default: 5s. */
  readonly poll_interval?: Duration | undefined
  /** Maximum size of one response from a store, and of all data that is read from the store; a store that exceeds this size counts as failed. Default: 256MiB. */
  readonly max_body?: number | string | undefined
  /** Maximum size of one message from a store, such as a line of a watch, a value in Redis or a packet of ZooKeeper. Default: 64MiB. */
  readonly max_message?: number | string | undefined
  /** The instances to include: passing (all checks pass), passing,warning (also those with a warning) or any (backend consul-catalog). Default: passing. */
  readonly consul_health?: 'passing' | 'passing,warning' | 'any' | undefined
  /** Include only instances with this tag; repeat to require several tags (backend consul-catalog). */
  readonly consul_tag?: readonly string[] | undefined
  /** Include only instances with this service metadata; may be repeated (backend consul-catalog). */
  readonly consul_meta?: readonly string[] | undefined
  /** The datacenter to read (backends consul, consul-catalog; default: the agent's own). */
  readonly consul_datacenter?: string | undefined
  /** Order instances by their distance from this node; _agent is the queried agent (backend consul-catalog). */
  readonly consul_near?: string | undefined
  /** The namespace to read, in Consul Enterprise (backends consul, consul-catalog). */
  readonly consul_namespace?: string | undefined
  /** Accept responses from servers that lag behind the leader by at most this duration; 0: only from the leader (backends consul, consul-catalog). Default: 0. */
  readonly consul_max_stale?: Duration | undefined
  /** A YAML, JSON or TOML file with keys, or a folder of them; may be repeated (backend file). */
  readonly file?: readonly string[] | undefined
  /** Pattern that the names of files in a folder must match (backend file). Default: *. */
  readonly filter?: string | undefined
}

/** The settings of a whole run. The inherited settings are those of the default store. */
export interface Settings extends StoreSettings {
  /** Further stores by name. A key that begins with `NAME:` belongs to the store NAME. */
  readonly stores?: Readonly<Record<string, StoreSettings>> | undefined
  /** Apply all resources once, then stop. */
  readonly onetime?: boolean | undefined
  /** Run until stopped, and apply changes as the store reports them. */
  readonly watch?: boolean | undefined
  /** Time between full resyncs of a daemon; with -watch, resyncs happen only if this is set. Default: 600. */
  readonly interval?: Duration | undefined
  /** Show pending changes without making them. */
  readonly noop?: boolean | undefined
  /** Write files, but run no check_cmd and no reload_cmd. */
  readonly sync_only?: boolean | undefined
  /** Run no reload_cmd. */
  readonly no_reload?: boolean | undefined
  /** Write files even if a store has lost all of their keys, instead of holding the change. */
  readonly allow_empty?: boolean | undefined
  /** With -onetime: run each reload_cmd, even if its files are unchanged. */
  readonly reload_always?: boolean | undefined
  /** With -onetime or a check: process only this resource, such as nginx.toml, and its group; may be repeated. */
  readonly only?: readonly string[] | undefined
  /** How to treat an invalid file in conf.d: fail-fast refuses to start, best-effort serves the other resources (default: best-effort; with -onetime: fail-fast). */
  readonly failure_mode?: 'best-effort' | 'fail-fast' | undefined
  /** Read keys from a file written by reconfd snapshot, instead of from the stores. */
  readonly replay?: string | undefined
  /** The folder with conf.d and templates. Default: /etc/confd. */
  readonly confdir?: string | undefined
  /** A settings file in TOML, for settings that are set neither here nor in `env`. Default: none. */
  readonly conf_file?: string | undefined
  /** The folder in which owed reloads are recorded (default: /var/lib/reconfd for root, ~/.local/state/reconfd for other users). */
  readonly state_dir?: string | undefined
  /** Put every dest below this folder, and ignore owner and group: for tests and images. */
  readonly dest_root?: string | undefined
  /** Expand ${NAME} and ${NAME:-default} in dest, src, keys, prefix and for_each of resources. */
  readonly expand_env?: boolean | undefined
  /** Keep the last staged file beside each destination. */
  readonly keep_stage_file?: boolean | undefined
  /** How long a onetime run waits for its stores. Default: 10s. */
  readonly timeout?: Duration | undefined
  /** How long the keys must stay unchanged before a change is applied, so that a burst of changes is applied once (default: adapts to the rate of changes, from 0 to 600ms). */
  readonly debounce?: Duration | undefined
  /** The maximum time that a change waits while further changes keep arriving. Default: 2s. */
  readonly debounce_max?: Duration | undefined
  /** The minimum time between two runs of a reload_cmd; a run that would start earlier waits. Default: 0. */
  readonly min_reload_interval?: Duration | undefined
  /** The maximum random delay of each reload, so that the machines of a fleet do not all reload at the same time. Default: 0. */
  readonly splay?: Duration | undefined
  /** How long a check_cmd may run. Default: 60s. */
  readonly check_timeout?: Duration | undefined
  /** How long a reload_cmd may run. Default: 60s. */
  readonly reload_timeout?: Duration | undefined
  /** Serve a status page, /metrics, /healthz and /readyz at this address: HOST:PORT, :PORT for 127.0.0.1, or unix:PATH for a Unix socket. */
  readonly http?: string | undefined
  /** Extra host name that the status page answers to, besides IP addresses, localhost, the host of -http and the machine's name; may be repeated. */
  readonly http_names?: readonly string[] | undefined
  /** Token that unlocks diffs on the status page (default: generated and kept in the state directory); flags are visible in ps, so use -http-token-file or CONFD_HTTP_TOKEN. */
  readonly http_token?: string | undefined
  /** File with the token that unlocks diffs on the status page. */
  readonly http_token_file?: string | undefined
}
