// The table of flags of `reconfd register`. Flags that registrator also has keep its names and meanings. The settings
// of the store and of the log are general options (options.ts).
import type { CommandFlag } from './command-flag.ts'

export interface RegisterFlag extends CommandFlag {
  readonly type:
    'text' | 'list' | 'boolean' | 'duration' | 'milliseconds' | 'count' | 'attempts' | 'choice'
  /** Minimum of a duration, in milliseconds, or of a number. */
  readonly least?: number
  readonly most?: number
}

export const registerFlags = {
  to: {
    type: 'text',
    placeholder: 'uri',
    help: 'the store: etcd://HOST:PORT/PREFIX, etcdv2://, consul://, consulkv://, zookeeper:// or skydns2://HOST:PORT/DOMAIN; several hosts are separated by commas',
  },
  name: { type: 'text', placeholder: 'name', help: 'register one service with this name' },
  port: {
    type: 'count',
    placeholder: 'number',
    least: 1,
    most: 65_535,
    help: 'port of the service',
  },
  id: { type: 'text', placeholder: 'id', help: 'id of the service (default HOST:NAME:PORT)' },
  address: {
    type: 'text',
    placeholder: 'address',
    help: 'address of the service (default: the value of -ip)',
  },
  meta: {
    type: 'list',
    placeholder: 'key=value',
    help: 'metadata for the service, only in Consul; may be repeated',
  },
  check: {
    type: 'text',
    placeholder: 'what',
    help: 'register the service only while this check succeeds: an http:// or https:// address, tcp (its port accepts connections), or a command',
  },
  'check-interval': {
    type: 'duration',
    default: '5s',
    least: 100,
    placeholder: 'duration',
    help: 'time between two checks; each check may take as long as -check-timeout, whose default for register is 3s',
  },
  rise: {
    type: 'count',
    default: '2',
    least: 1,
    placeholder: 'number',
    help: 'number of consecutive successes that restore an unhealthy service; the first registration requires only one',
  },
  fall: {
    type: 'count',
    default: '3',
    least: 1,
    placeholder: 'number',
    help: 'number of consecutive failures that remove a healthy service',
  },
  drain: {
    type: 'duration',
    default: '0',
    placeholder: 'duration',
    help: 'time between deregistering the service of a command and asking the command to stop',
  },
  'kill-timeout': {
    type: 'duration',
    default: '30s',
    placeholder: 'duration',
    help: 'time that a command has to stop before reconfd kills it',
  },
  conf: {
    type: 'text',
    placeholder: 'folder',
    help: 'register the services in the *.toml files of this folder',
  },
  docker: {
    type: 'text',
    placeholder: 'engine',
    optional: /^(?:unix|tcp|https?):\/\//,
    default: 'unix:///var/run/docker.sock',
    help: 'register the containers of this engine, Docker or podman (default: DOCKER_HOST, or else unix:///var/run/docker.sock)',
  },
  ip: {
    type: 'text',
    placeholder: 'address',
    help: 'address of all services that do not set their own (default: the address of this machine)',
  },
  host: {
    type: 'text',
    placeholder: 'name',
    help: 'name of this machine in ids (default: its host name)',
  },
  internal: {
    type: 'boolean',
    help: "register the containers' own addresses and exposed ports, instead of the published ones",
  },
  explicit: { type: 'boolean', help: 'register only containers that set SERVICE_NAME' },
  tags: { type: 'list', placeholder: 'tags', help: 'tags of all services, separated by commas' },
  useIpFromLabel: {
    type: 'text',
    placeholder: 'label',
    help: 'take the address of a container from this label',
  },
  deregister: {
    type: 'choice',
    default: 'always',
    choices: ['always', 'on-success'],
    placeholder: 'always|on-success',
    help: 'remove the services of a failed container immediately (always), or let them expire (on-success)',
  },
  'allow-script-checks': {
    type: 'boolean',
    help: 'let containers set commands as checks; anybody who can start a container can then run commands on this machine',
  },
  ttl: {
    type: 'duration',
    default: '30s',
    placeholder: 'duration',
    help: 'lifetime of an entry that is not renewed',
  },
  'ttl-refresh': {
    type: 'duration',
    least: 1,
    placeholder: 'duration',
    help: 'time between two renewals (default: a third of -ttl)',
  },
  resync: {
    type: 'duration',
    default: '60s',
    placeholder: 'duration',
    help: 'time between two full resyncs; 0: never',
  },
  'retry-attempts': {
    type: 'attempts',
    placeholder: 'number',
    help: 'number of retries if the store is unreachable at startup, before reconfd exits with 69; the default, -1, means no limit',
  },
  'retry-interval': {
    type: 'milliseconds',
    least: 1,
    placeholder: 'duration',
    help: 'time between the retries of -retry-attempts; a bare number is in milliseconds',
  },
  cleanup: {
    type: 'boolean',
    help: 'accepted for compatibility with registrator, without effect: leftovers of an earlier run are always removed',
  },
  status: { type: 'boolean', help: 'show the state of the registrars that use this -state-dir' },
} as const satisfies Record<string, RegisterFlag>

export type RegisterFlagName = keyof typeof registerFlags
