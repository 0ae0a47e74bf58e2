// The table of settings. One row is the whole definition of an option: its flag, its environment
// variables, its entry in confd.toml, its type and default, and its line in `-help` and the docs.
// Names, meanings and default paths are confd's where confd has them.
import { parseAddress, parseBoolean, parseDuration, parseSize, type Parsed } from './values.ts'
import { err, ok } from '../core/result.ts'
import { nearest } from './nearest.ts'

export type Group = 'Mode' | 'Store' | 'Files' | 'Timing' | 'Output'

export interface Option {
  readonly group: Group
  readonly type: 'boolean' | 'text' | 'list' | 'duration' | 'size' | 'choice' | 'address'
  readonly help: string
  /** As it would be typed. Absent: unset, or computed (then `help` says how). */
  readonly default?: string
  readonly placeholder?: string
  /** Other spellings of the flag. */
  readonly aliases?: readonly string[]
  /** Besides the flag's own name in capitals with CONFD_ before it. The first is confd's own. */
  readonly env?: readonly string[]
  /** Besides the flag's own name; `-` and `_` are the same there. Null: not in confd.toml. */
  readonly toml?: readonly string[] | null
  readonly choices?: readonly string[]
  /** Other names for a choice. */
  readonly synonyms?: Readonly<Record<string, string>>
  /** Of a duration, in milliseconds. */
  readonly least?: number
  /** The value is a credential: it is never repeated in a message. */
  readonly secret?: true
}

export const options = {
  onetime: { group: 'Mode', type: 'boolean', help: 'run once and exit' },
  watch: {
    group: 'Mode',
    type: 'boolean',
    help: 'run until stopped, applying changes as the store tells of them',
  },
  interval: {
    group: 'Mode',
    type: 'duration',
    default: '600',
    least: 1,
    placeholder: 'seconds',
    help: 'time between full resyncs, when neither -onetime nor -watch is given',
  },
  noop: { group: 'Mode', type: 'boolean', help: 'only show pending changes' },
  'sync-only': {
    group: 'Mode',
    type: 'boolean',
    help: 'write files, but run no check_cmd and no reload_cmd',
  },
  'detailed-exitcode': {
    group: 'Mode',
    type: 'boolean',
    help: 'exit with 2 when changes were made, or are pending with -noop',
  },
  'no-reload': { group: 'Mode', type: 'boolean', help: 'run no reload_cmd' },
  'check-config': {
    group: 'Mode',
    type: 'boolean',
    toml: null,
    env: [],
    help: 'the same as reconfd check',
  },
  preflight: {
    group: 'Mode',
    type: 'boolean',
    toml: null,
    env: [],
    help: 'check, and then see whether every node, key, destination and command is there',
  },
  validate: {
    group: 'Mode',
    type: 'boolean',
    toml: null,
    env: [],
    help: 'check, and then render everything and see what output_format and check_cmd say; writes nothing; with -file from the keys of that file',
  },
  backend: {
    group: 'Store',
    type: 'choice',
    placeholder: 'name',
    choices: ['etcdv3', 'etcdv2', 'consul', 'consul-catalog', 'zookeeper', 'redis', 'file', 'env'],
    synonyms: { etcd: 'etcdv3' },
    help: 'where the keys are: etcdv3 (or etcd), etcdv2, consul, consul-catalog, zookeeper, redis, file, env (default file when -file is given, else etcdv3)',
  },
  node: {
    group: 'Store',
    type: 'list',
    placeholder: 'address',
    env: ['CONFD_NODES'],
    toml: ['nodes'],
    help: 'a node of the store; repeat for failover (default: the store on this machine)',
  },
  'srv-domain': {
    group: 'Store',
    type: 'text',
    placeholder: 'domain',
    help: 'the nodes are in the SRV record _BACKEND._tcp.DOMAIN in the DNS (etcd for both etcds), looked up again when they fail',
  },
  'srv-record': {
    group: 'Store',
    type: 'text',
    placeholder: 'name',
    help: 'the nodes are in this SRV record in the DNS',
  },
  prefix: { group: 'Store', type: 'text', placeholder: 'path', help: 'put before every key' },
  scheme: {
    group: 'Store',
    type: 'choice',
    default: 'http',
    choices: ['http', 'https'],
    help: 'for nodes that do not say: http or https',
  },
  'client-cert': {
    group: 'Store',
    type: 'text',
    placeholder: 'file',
    help: 'TLS client certificate',
  },
  'client-key': { group: 'Store', type: 'text', placeholder: 'file', help: 'TLS client key' },
  'client-ca-keys': {
    group: 'Store',
    type: 'text',
    placeholder: 'file',
    env: ['CONFD_CLIENT_CAKEYS'],
    toml: ['client_cakeys'],
    help: 'certificates of the authorities to trust',
  },
  'client-server-name': {
    group: 'Store',
    type: 'text',
    placeholder: 'name',
    help: "the name or address that the server's certificate has to be for, when it is not the node's",
  },
  'client-insecure': {
    group: 'Store',
    type: 'boolean',
    help: "take any certificate of the server's, whoever it is: for trying things out",
  },
  username: { group: 'Store', type: 'text', placeholder: 'name', help: 'to authenticate as' },
  password: {
    group: 'Store',
    type: 'text',
    secret: true,
    placeholder: 'text',
    help: 'to authenticate with; better as -password-file or CONFD_PASSWORD, since flags can be seen in ps',
  },
  'password-file': {
    group: 'Store',
    type: 'text',
    placeholder: 'file',
    help: 'the password is in this file, which is read whenever it is needed',
  },
  'basic-auth': {
    group: 'Store',
    type: 'boolean',
    help: "confd's; not needed here: -username is sent as the store wants it",
  },
  'auth-token': {
    group: 'Store',
    type: 'text',
    secret: true,
    placeholder: 'text',
    help: 'the ACL token; absent: CONSUL_HTTP_TOKEN, or what is in CONSUL_HTTP_TOKEN_FILE (backends consul, consul-catalog)',
  },
  'auth-token-file': {
    group: 'Store',
    type: 'text',
    placeholder: 'file',
    help: 'the ACL token is in this file, which is read whenever it is needed (backends consul, consul-catalog)',
  },
  separator: {
    group: 'Store',
    type: 'text',
    default: '/',
    placeholder: 'text',
    help: 'what stands between the parts of a name, in place of / (backend redis)',
  },
  'poll-interval': {
    group: 'Store',
    type: 'duration',
    default: '5s',
    least: 1,
    help: 'how often a store that does not tell of changes is read (backend redis without keyspace notifications)',
  },
  'max-body': {
    group: 'Store',
    type: 'size',
    default: '256MiB',
    placeholder: 'size',
    help: 'the largest answer of a store, and the most that it may hold below the keys: more is a failure of the store',
  },
  'max-message': {
    group: 'Store',
    type: 'size',
    default: '64MiB',
    placeholder: 'size',
    help: 'the largest single message of a store: a line of a watch, a value of Redis, a packet of ZooKeeper',
  },
  'consul-health': {
    group: 'Store',
    type: 'choice',
    default: 'passing',
    placeholder: 'which',
    choices: ['passing', 'passing,warning', 'any'],
    help: 'which instances of services there are: those whose checks all pass, those with a warning as well, or any (backend consul-catalog)',
  },
  'consul-tag': {
    group: 'Store',
    type: 'list',
    placeholder: 'tag',
    help: 'only instances with this tag; repeat for several that all are needed (backend consul-catalog)',
  },
  'consul-meta': {
    group: 'Store',
    type: 'list',
    placeholder: 'name=value',
    help: 'only instances with this in the metadata of the service; may be repeated (backend consul-catalog)',
  },
  'consul-datacenter': {
    group: 'Store',
    type: 'text',
    placeholder: 'name',
    help: "the datacenter; absent: the agent's own (backends consul, consul-catalog)",
  },
  'consul-near': {
    group: 'Store',
    type: 'text',
    placeholder: 'node',
    help: 'instances are in the order of their distance from this node; _agent is the one that is asked (backend consul-catalog)',
  },
  'consul-namespace': {
    group: 'Store',
    type: 'text',
    placeholder: 'name',
    help: 'the namespace, in Consul Enterprise (backends consul, consul-catalog)',
  },
  'consul-max-stale': {
    group: 'Store',
    type: 'duration',
    default: '0',
    help: 'answers of servers that are behind the leader by up to this are taken; 0: only the leader answers (backends consul, consul-catalog)',
  },
  file: {
    group: 'Store',
    type: 'list',
    placeholder: 'path',
    env: ['CONFD_FILE', 'CONFD_FILES'],
    toml: ['file', 'files'],
    help: 'a YAML, JSON or TOML file with keys, or a folder of them; may be repeated (backend file)',
  },
  replay: {
    group: 'Mode',
    type: 'text',
    placeholder: 'file',
    toml: null,
    help: 'render from a file that reconfd snapshot has written, in place of all stores',
  },
  filter: {
    group: 'Store',
    type: 'text',
    default: '*',
    placeholder: 'glob',
    help: 'which files of a folder are read (backend file)',
  },
  confdir: {
    group: 'Files',
    type: 'text',
    default: '/etc/confd',
    placeholder: 'folder',
    help: 'the folder with conf.d and templates',
  },
  'conf-file': {
    group: 'Files',
    type: 'text',
    default: '/etc/confd/confd.toml',
    placeholder: 'file',
    aliases: ['config-file'],
    env: ['CONFD_CONFIG_FILE'],
    toml: null,
    help: 'settings in TOML; may be missing unless it is named here',
  },
  'state-dir': {
    group: 'Files',
    type: 'text',
    placeholder: 'folder',
    help: 'where reloads that are still owed are written down (default /var/lib/reconfd for root, else ~/.local/state/reconfd)',
  },
  'dest-root': {
    group: 'Files',
    type: 'text',
    placeholder: 'folder',
    help: 'put every dest below this folder, whoever its owner is: for tests and images',
  },
  'keep-stage-file': { group: 'Files', type: 'boolean', help: 'keep staged files' },
  timeout: {
    group: 'Timing',
    type: 'duration',
    default: '10s',
    least: 1,
    help: 'how long a onetime run waits for its store',
  },
  debounce: {
    group: 'Timing',
    type: 'duration',
    default: '100ms',
    help: 'quiet time to wait for after a change, so that a burst is applied once',
  },
  'debounce-max': {
    group: 'Timing',
    type: 'duration',
    default: '2s',
    help: 'a change waits no longer than this',
  },
  'min-reload-interval': {
    group: 'Timing',
    type: 'duration',
    default: '0',
    help: 'the least time between two reloads; one that is due earlier waits',
  },
  splay: {
    group: 'Timing',
    type: 'duration',
    default: '0',
    help: 'a reload waits a random time up to this, so that a fleet does not reload at once',
  },
  'check-timeout': {
    group: 'Timing',
    type: 'duration',
    default: '60s',
    least: 1,
    help: 'how long a check_cmd may run',
  },
  'reload-timeout': {
    group: 'Timing',
    type: 'duration',
    default: '60s',
    least: 1,
    help: 'how long a reload_cmd may run',
  },
  'log-level': {
    group: 'Output',
    type: 'choice',
    default: 'info',
    placeholder: 'level',
    choices: ['debug', 'info', 'warn', 'error', 'fatal', 'panic'],
    synonyms: { warning: 'warn' },
    help: 'debug, info, warn, error, fatal or panic',
  },
  'log-format': {
    group: 'Output',
    type: 'choice',
    default: 'text',
    placeholder: 'format',
    choices: ['text', 'json'],
    help: 'text or json',
  },
  diff: {
    group: 'Output',
    type: 'boolean',
    help: 'show what changes in each file; mind that this prints values',
  },
  http: {
    group: 'Output',
    type: 'address',
    placeholder: 'host:port',
    help: 'serve a status page, /metrics, /healthz and /readyz there; :PORT is that port of 127.0.0.1',
  },
  'http-name': {
    group: 'Output',
    type: 'list',
    placeholder: 'name',
    env: ['CONFD_HTTP_NAMES'],
    toml: ['http_names', 'http-names'],
    help: 'a name that the status page may be asked for by, beside addresses, localhost, that of -http and that of the machine; may be repeated',
  },
  'http-token': {
    group: 'Output',
    type: 'text',
    secret: true,
    placeholder: 'text',
    help: 'who gives it sees diffs on the status page from other machines too; visible in ps, so better as CONFD_HTTP_TOKEN',
  },
  'http-token-file': {
    group: 'Output',
    type: 'text',
    placeholder: 'file',
    help: 'a file that holds the token',
  },
  report: {
    group: 'Output',
    type: 'text',
    placeholder: 'file',
    help: 'write what a onetime run has done as JSON',
  },
  version: {
    group: 'Output',
    type: 'boolean',
    toml: null,
    env: [],
    help: 'print the version and exit',
  },
  help: {
    group: 'Output',
    type: 'boolean',
    toml: null,
    env: [],
    aliases: ['h'],
    help: 'print this and exit',
  },
} as const satisfies Record<string, Option>

export type OptionName = keyof typeof options

type ValueOf<O extends Option> = O extends { choices: readonly (infer C)[] }
  ? C
  : {
      boolean: boolean
      text: string
      list: readonly string[]
      duration: number
      size: number
      choice: string
      address: string
    }[O['type']]

/** The values of all options that were given, by flag name. Durations in milliseconds, sizes in bytes. */
export type Values = { readonly [N in OptionName]?: ValueOf<(typeof options)[N]> }

export const optionNames = Object.keys(options) as readonly OptionName[]
export const optionOf = (name: OptionName): Option => options[name]

/** The environment variables of an option: the documented one first, then other spellings. */
export function envNames(name: OptionName): readonly string[] {
  const { env } = optionOf(name)
  if (env?.length === 0) return []
  return [...new Set([...(env ?? []), `CONFD_${name.toUpperCase().replaceAll('-', '_')}`])]
}

/** The entries of confd.toml of an option: the documented one first, then other spellings. */
export function tomlNames(name: OptionName): readonly string[] {
  const { toml } = optionOf(name)
  if (toml === null) return []
  return [...new Set([...(toml ?? []), name, name.replaceAll('-', '_')])]
}

/**
 * Options of confd that reconfd knows of and does not have, and what to do instead.
 * Silence would be worse: a run that ignores `-secret-keyring` writes something else.
 */
export const unsupported: Readonly<Record<string, string | undefined>> = {
  'secret-keyring': undefined,
  'auth-type': undefined,
  'app-id': undefined,
  'user-id': undefined,
  'role-id': undefined,
  'secret-id': undefined,
  path: undefined,
  table: undefined,
}

/** Backends of confd that reconfd does not have. */
const unsupportedBackends = /^(vault|dynamodb|rancher|ssm|secretsmanager|acm|stackengine)$/

/** Turns the text of one value into the value; a list's text is one element. */
export function parseValue(option: Option, text: string): Parsed<string | boolean | number> {
  if (option.type === 'boolean') return parseBoolean(text)
  if (option.type === 'duration') return parseDuration(text, option.least)
  if (option.type === 'size') return parseSize(text)
  if (option.type === 'address') return parseAddress(text)
  if (option.type !== 'choice') return ok(text)
  const choices = option.choices ?? []
  const synonyms = new Map(Object.entries(option.synonyms ?? {}))
  const value = synonyms.get(text) ?? text
  if (choices.includes(value)) return ok(value)
  if (option === options.backend && unsupportedBackends.test(text)) {
    return err(`supported by reconfd yet; there are ${choices.join(', ')}`)
  }
  const near = nearest(text, choices)
  return err(`one of ${choices.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`)
}
