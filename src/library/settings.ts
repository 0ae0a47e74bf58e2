// The settings of a run, under the names of confd.toml; what they mean is told in docs/configuration.md.
// Generated from config/options.ts by test/library/settings.test.ts.

/** Seconds, or a text such as `'250ms'`, `'10s'` or `'1m30s'`. */
export type Duration = number | string

/** Which store, and how it is reached and read. */
export interface StoreSettings {
  /** Where the keys are: etcdv3 (or etcd), etcdv2, consul, consul-catalog, zookeeper, redis, file, env (default file when -file is given, else etcdv3). */
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
  /** A node of the store; repeat for failover (default: the store on this machine). */
  readonly nodes?: readonly string[] | undefined
  /** The nodes are in the SRV record _BACKEND._tcp.DOMAIN in the DNS (etcd for both etcds), looked up again when they fail. */
  readonly srv_domain?: string | undefined
  /** The nodes are in this SRV record in the DNS. */
  readonly srv_record?: string | undefined
  /** Put before every key. */
  readonly prefix?: string | undefined
  /** For nodes that do not say: http or https. Default: http. */
  readonly scheme?: 'http' | 'https' | undefined
  /** TLS client certificate. */
  readonly client_cert?: string | undefined
  /** TLS client key. */
  readonly client_key?: string | undefined
  /** Certificates of the authorities to trust. */
  readonly client_cakeys?: string | undefined
  /** The name or address that the server's certificate has to be for, when it is not the node's. */
  readonly client_server_name?: string | undefined
  /** Take any certificate of the server's, whoever it is: for trying things out. */
  readonly client_insecure?: boolean | undefined
  /** To authenticate as. */
  readonly username?: string | undefined
  /** To authenticate with; better as -password-file or CONFD_PASSWORD, since flags can be seen in ps. */
  readonly password?: string | undefined
  /** The password is in this file, which is read whenever it is needed. */
  readonly password_file?: string | undefined
  /** Confd's; not needed here: -username is sent as the store wants it. */
  readonly basic_auth?: boolean | undefined
  /** The ACL token; absent: CONSUL_HTTP_TOKEN, or what is in CONSUL_HTTP_TOKEN_FILE (backends consul, consul-catalog). */
  readonly auth_token?: string | undefined
  /** The ACL token is in this file, which is read whenever it is needed (backends consul, consul-catalog). */
  readonly auth_token_file?: string | undefined
  /** What stands between the parts of a name, in place of / (backend redis). Default: /. */
  readonly separator?: string | undefined
  /** How often a store that does not tell of changes is read (backend redis without keyspace notifications). Default: 5s. */
  readonly poll_interval?: Duration | undefined
  /** The largest answer of a store, and the most that it may hold below the keys: more is a failure of the store. Default: 256MiB. */
  readonly max_body?: number | string | undefined
  /** The largest single message of a store: a line of a watch, a value of Redis, a packet of ZooKeeper. Default: 64MiB. */
  readonly max_message?: number | string | undefined
  /** Which instances of services there are: those whose checks all pass, those with a warning as well, or any (backend consul-catalog). Default: passing. */
  readonly consul_health?: 'passing' | 'passing,warning' | 'any' | undefined
  /** Only instances with this tag; repeat for several that all are needed (backend consul-catalog). */
  readonly consul_tag?: readonly string[] | undefined
  /** Only instances with this in the metadata of the service; may be repeated (backend consul-catalog). */
  readonly consul_meta?: readonly string[] | undefined
  /** The datacenter; absent: the agent's own (backends consul, consul-catalog). */
  readonly consul_datacenter?: string | undefined
  /** Instances are in the order of their distance from this node; _agent is the one that is asked (backend consul-catalog). */
  readonly consul_near?: string | undefined
  /** The namespace, in Consul Enterprise (backends consul, consul-catalog). */
  readonly consul_namespace?: string | undefined
  /** Answers of servers that are behind the leader by up to this are taken; 0: only the leader answers (backends consul, consul-catalog). Default: 0. */
  readonly consul_max_stale?: Duration | undefined
  /** A YAML, JSON or TOML file with keys, or a folder of them; may be repeated (backend file). */
  readonly file?: readonly string[] | undefined
  /** Which files of a folder are read (backend file). Default: *. */
  readonly filter?: string | undefined
}

/** Of a whole run. What it extends is the default store's. */
export interface Settings extends StoreSettings {
  /** Further stores, by name: keys that begin with `NAME:` are theirs. */
  readonly stores?: Readonly<Record<string, StoreSettings>> | undefined
  /** Once, and then end. */
  readonly onetime?: boolean | undefined
  /** Run until stopped, applying changes as the store tells of them. */
  readonly watch?: boolean | undefined
  /** Time between full resyncs, when neither -onetime nor -watch is given. Default: 600. */
  readonly interval?: Duration | undefined
  /** Only show pending changes. */
  readonly noop?: boolean | undefined
  /** Write files, but run no check_cmd and no reload_cmd. */
  readonly sync_only?: boolean | undefined
  /** Run no reload_cmd. */
  readonly no_reload?: boolean | undefined
  /** Render from a file that reconfd snapshot has written, in place of all stores. */
  readonly replay?: string | undefined
  /** The folder with conf.d and templates. Default: /etc/confd. */
  readonly confdir?: string | undefined
  /** A settings file in TOML, for what is said neither here nor in `env`. Default: none is read. */
  readonly conf_file?: string | undefined
  /** Where reloads that are still owed are written down (default /var/lib/reconfd for root, else ~/.local/state/reconfd). */
  readonly state_dir?: string | undefined
  /** Put every dest below this folder, whoever its owner is: for tests and images. */
  readonly dest_root?: string | undefined
  /** Keep staged files. */
  readonly keep_stage_file?: boolean | undefined
  /** How long a onetime run waits for its store. Default: 10s. */
  readonly timeout?: Duration | undefined
  /** Quiet time to wait for after a change, so that a burst is applied once. Default: 100ms. */
  readonly debounce?: Duration | undefined
  /** A change waits no longer than this. Default: 2s. */
  readonly debounce_max?: Duration | undefined
  /** The least time between two reloads; one that is due earlier waits. Default: 0. */
  readonly min_reload_interval?: Duration | undefined
  /** A reload waits a random time up to this, so that a fleet does not reload at once. Default: 0. */
  readonly splay?: Duration | undefined
  /** How long a check_cmd may run. Default: 60s. */
  readonly check_timeout?: Duration | undefined
  /** How long a reload_cmd may run. Default: 60s. */
  readonly reload_timeout?: Duration | undefined
  /** Serve a status page, /metrics, /healthz and /readyz there; :PORT is that port of 127.0.0.1. */
  readonly http?: string | undefined
  /** A name that the status page may be asked for by, beside addresses, localhost, that of -http and that of the machine; may be repeated. */
  readonly http_names?: readonly string[] | undefined
  /** Who gives it sees diffs on the status page from other machines too; visible in ps, so better as CONFD_HTTP_TOKEN. */
  readonly http_token?: string | undefined
  /** A file that holds the token. */
  readonly http_token_file?: string | undefined
}
