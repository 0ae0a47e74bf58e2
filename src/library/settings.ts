// The settings of a run, under the names of confd.toml. docs/configuration.md describes them.
// Generated from config/options.ts by test/library/settings.test.ts.

/** Seconds, or a text such as `'250ms'`, `'10s'` or `'1m30s'`. */
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
  /** A node of the store: host, host:port, a URL, or unix:///PATH of a socket; repeat for failover (default: the store on this machine). */
  readonly nodes?: readonly string[] | undefined
  /** Find the nodes in DNS, in the SRV record _BACKEND._tcp.DOMAIN (_etcd for both versions of etcd); looked up again when they fail. */
  readonly srv_domain?: string | undefined
  /** Find the nodes in this SRV record in DNS. */
  readonly srv_record?: string | undefined
  /** Prefix of every key. */
  readonly prefix?: string | undefined
  /** Scheme of nodes that name none: http or https. Default: http. */
  readonly scheme?: 'http' | 'https' | undefined
  /** How to reach etcd and Consul: env uses the proxy in HTTP_PROXY, HTTPS_PROXY and NO_PROXY; none ignores these variables. Default: none. */
  readonly proxy?: 'none' | 'env' | undefined
  /** TLS client certificate. */
  readonly client_cert?: string | undefined
  /** TLS client key. */
  readonly client_key?: string | undefined
  /** File with the certificates of the trusted authorities. */
  readonly client_cakeys?: string | undefined
  /** The name or address that the server's certificate must carry, instead of the node's. */
  readonly client_server_name?: string | undefined
  /** Accept any certificate of the server: only for experiments. */
  readonly client_insecure?: boolean | undefined
  /** User name. */
  readonly username?: string | undefined
  /** Password; flags are visible in ps, so use -password-file or CONFD_PASSWORD. */
  readonly password?: string | undefined
  /** File with the password; read at each use. */
  readonly password_file?: string | undefined
  /** Accepted for confd's sake, without effect: -username is sent in the form that the store expects. */
  readonly basic_auth?: boolean | undefined
  /** The ACL token (backends consul, consul-catalog; default CONSUL_HTTP_TOKEN, or the content of CONSUL_HTTP_TOKEN_FILE). */
  readonly auth_token?: string | undefined
  /** File with the ACL token; read at each use (backends consul, consul-catalog). */
  readonly auth_token_file?: string | undefined
  /** Keys in etcd begin without a slash: /registry/a is the key registry/a in etcd (backend etcdv3). */
  readonly etcd_slashless?: boolean | undefined
  /** Separator in key names, instead of / (backend redis). Default: /. */
  readonly separator?: string | undefined
  /** How often to read a store that does not report changes (backend redis without keyspace notifications). Default: 5s. */
  readonly poll_interval?: Duration | undefined
  /** The largest answer of a store, and the most data below the keys; a store that exceeds it counts as failed. Default: 256MiB. */
  readonly max_body?: number | string | undefined
  /** The largest single message of a store: a line of a watch, a value of Redis, a packet of ZooKeeper. Default: 64MiB. */
  readonly max_message?: number | string | undefined
  /** Which instances to show: those whose checks all pass, those with a warning as well, or all (backend consul-catalog). Default: passing. */
  readonly consul_health?: 'passing' | 'passing,warning' | 'any' | undefined
  /** Only instances with this tag; repeat to require several (backend consul-catalog). */
  readonly consul_tag?: readonly string[] | undefined
  /** Only instances with this metadata of the service; may be repeated (backend consul-catalog). */
  readonly consul_meta?: readonly string[] | undefined
  /** The datacenter (backends consul, consul-catalog; default the agent's own). */
  readonly consul_datacenter?: string | undefined
  /** Order instances by their distance from this node; _agent is the queried agent (backend consul-catalog). */
  readonly consul_near?: string | undefined
  /** The namespace, in Consul Enterprise (backends consul, consul-catalog). */
  readonly consul_namespace?: string | undefined
  /** Accept answers from servers that lag behind the leader by up to this; 0: only from the leader (backends consul, consul-catalog). Default: 0. */
  readonly consul_max_stale?: Duration | undefined
  /** A YAML, JSON or TOML file with keys, or a folder of them; may be repeated (backend file). */
  readonly file?: readonly string[] | undefined
  /** Pattern for the files of a folder (backend file). Default: *. */
  readonly filter?: string | undefined
}

/** The settings of a whole run. The inherited settings are those of the default store. */
export interface Settings extends StoreSettings {
  /** Further stores by name. A key that begins with `NAME:` belongs to the store NAME. */
  readonly stores?: Readonly<Record<string, StoreSettings>> | undefined
  /** Run once, and then end. */
  readonly onetime?: boolean | undefined
  /** Run until stopped, and apply changes as the store reports them. */
  readonly watch?: boolean | undefined
  /** Time between full resyncs, without -onetime and -watch. Default: 600. */
  readonly interval?: Duration | undefined
  /** Show pending changes, and change nothing. */
  readonly noop?: boolean | undefined
  /** Write files, but run no check_cmd and no reload_cmd. */
  readonly sync_only?: boolean | undefined
  /** Run no reload_cmd. */
  readonly no_reload?: boolean | undefined
  /** Write files even if a store has lost all of their keys, instead of holding the change. */
  readonly allow_empty?: boolean | undefined
  /** With -onetime: run each reload_cmd, even if its files are unchanged. */
  readonly reload_always?: boolean | undefined
  /** With -onetime or a check: only this resource, such as nginx.toml, and its group; may be repeated. */
  readonly only?: readonly string[] | undefined
  /** How to treat an invalid file in conf.d: fail-fast refuses to start, best-effort serves the other resources (default best-effort, with -onetime fail-fast). */
  readonly failure_mode?: 'best-effort' | 'fail-fast' | undefined
  /** Render from a file written by reconfd snapshot, instead of the stores. */
  readonly replay?: string | undefined
  /** The folder with conf.d and templates. Default: /etc/confd. */
  readonly confdir?: string | undefined
  /** A settings file in TOML, for settings that are set neither here nor in `env`. Default: none. */
  readonly conf_file?: string | undefined
  /** Where owed reloads are recorded (default /var/lib/reconfd for root, else ~/.local/state/reconfd). */
  readonly state_dir?: string | undefined
  /** Put every dest below this folder, whatever its owner: for tests and images. */
  readonly dest_root?: string | undefined
  /** Expand ${NAME} and ${NAME:-default} in dest, src, keys, prefix and for_each of resources. */
  readonly expand_env?: boolean | undefined
  /** Keep the last staged file beside each destination. */
  readonly keep_stage_file?: boolean | undefined
  /** How long a onetime run waits for its store. Default: 10s. */
  readonly timeout?: Duration | undefined
  /** How long it must be quiet before a change is applied, so that a burst is applied once (default: adapts to the changes, from 0 to 600ms). */
  readonly debounce?: Duration | undefined
  /** The longest time that a change waits for quiet. Default: 2s. */
  readonly debounce_max?: Duration | undefined
  /** The minimum time between two runs of a reload_cmd; a run that is due earlier waits. Default: 0. */
  readonly min_reload_interval?: Duration | undefined
  /** Delay each reload by a random time up to this, so that a fleet does not reload at once. Default: 0. */
  readonly splay?: Duration | undefined
  /** How long a check_cmd may run. Default: 60s. */
  readonly check_timeout?: Duration | undefined
  /** How long a reload_cmd may run. Default: 60s. */
  readonly reload_timeout?: Duration | undefined
  /** Serve a status page, /metrics, /healthz and /readyz at this address; :PORT is that port of 127.0.0.1, unix:PATH a Unix socket. */
  readonly http?: string | undefined
  /** Extra host name the page answers to, besides addresses, localhost, the host of -http and the machine's name; may be repeated. */
  readonly http_names?: readonly string[] | undefined
  /** Token that unlocks diffs on the status page (default: generated and kept in the state directory); flags are visible in ps, so use -http-token-file or CONFD_HTTP_TOKEN. */
  readonly http_token?: string | undefined
  /** File with the token. */
  readonly http_token_file?: string | undefined
}
