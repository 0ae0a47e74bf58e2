// The table of flags of `reconfd register`, with registrator's names and meanings where registrator has them.
// Settings of the store and the log are the general ones (options.ts).
import type { CommandFlag } from './command-flag.ts'

export interface RegisterFlag extends CommandFlag {
  readonly type:
    'text' | 'list' | 'boolean' | 'duration' | 'milliseconds' | 'count' | 'attempts' | 'choice'
  /** Minimum: milliseconds for a duration, or a number. */
  readonly least?: number
  readonly most?: number
}

export const registerFlags = {
  to: {
    type: 'text',
    placeholder: 'uri',
    help: 'the store: etcd://HOST:PORT/PREFIX, etcdv2://, consul://, consulkv://, zookeeper:// or skydns2://HOST:PORT/DOMAIN; several hosts are separated by commas',
  },
  name: { type: 'text', placeholder: 'name', help: 'register one service of this name' },
  port: { type: 'count', placeholder: 'number', least: 1, most: 65_535, help: 'its port' },
  id: { type: 'text', placeholder: 'id', help: 'its id (default HOST:NAME:PORT)' },
  address: {
    type: 'text',
    placeholder: 'address',
    help: 'its address (default: that of -ip)',
  },
  meta: {
    type: 'list',
    placeholder: 'key=value',
    help: 'metadata of it, in Consul; may be repeated',
  },
  check: {
    type: 'text',
    placeholder: 'what',
    help: 'register it only while this succeeds: an http:// or https:// address, tcp (its port accepts), or a command',
  },
  'check-interval': {
    type: 'duration',
    default: '5s',
    least: 100,
    placeholder: 'duration',
    help: 'time between two checks; each may take -check-timeout, which is 3s here if it is not given',
  },
  rise: {
    type: 'count',
    default: '2',
    least: 1,
    placeholder: 'number',
    help: 'successes in a row that put an unhealthy service back; the first registration takes one',
  },
  fall: {
    type: 'count',
    default: '3',
    least: 1,
    placeholder: 'number',
    help: 'failures in a row that take a healthy service out',
  },
  drain: {
    type: 'duration',
    default: '0',
    placeholder: 'duration',
    help: 'time between deregistering the service of a command and telling the command to stop',
  },
  'kill-timeout': {
    type: 'duration',
    default: '30s',
    placeholder: 'duration',
    help: 'time that a command has to stop, before it is killed',
  },
  conf: {
    type: 'text',
    placeholder: 'folder',
    help: 'register the services that the *.toml files of this folder describe',
  },
  docker: {
    type: 'text',
    placeholder: 'engine',
    optional: /^(?:unix|tcp|https?):\/\//,
    default: 'unix:///var/run/docker.sock',
    help: 'register the containers of this engine, Docker or podman (default DOCKER_HOST, else unix:///var/run/docker.sock)',
  },
  ip: {
    type: 'text',
    placeholder: 'address',
    help: "the address of all services that do not say another one (default: this machine's own)",
  },
  host: {
    type: 'text',
    placeholder: 'name',
    help: "the name of this machine in ids (default: the machine's)",
  },
  internal: {
    type: 'boolean',
    help: 'of containers: their own addresses and exposed ports, instead of published ones',
  },
  explicit: { type: 'boolean', help: 'only containers that set SERVICE_NAME' },
  tags: { type: 'list', placeholder: 'tags', help: 'tags of all services, separated by commas' },
  useIpFromLabel: {
    type: 'text',
    placeholder: 'label',
    help: 'of containers: the address is what this label holds',
  },
  deregister: {
    type: 'choice',
    default: 'always',
    choices: ['always', 'on-success'],
    placeholder: 'always|on-success',
    help: 'what a failed container has registered goes at once, or after a TTL',
  },
  'allow-script-checks': {
    type: 'boolean',
    help: 'let containers name commands as checks; whoever starts one can then run commands here',
  },
  ttl: {
    type: 'duration',
    default: '30s',
    placeholder: 'duration',
    help: 'how long an entry stays that nobody renews',
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
    help: 'time between two readings of everything; 0: never',
  },
  'retry-attempts': {
    type: 'attempts',
    placeholder: 'number',
    help: 'give up (exit 69) when the store cannot be reached at the start after so many further tries; -1, the default: never',
  },
  'retry-interval': {
    type: 'milliseconds',
    least: 1,
    placeholder: 'duration',
    help: 'time between these tries; a bare number is in milliseconds',
  },
  cleanup: {
    type: 'boolean',
    help: "registrator's; not needed here: what an earlier run has left is always removed",
  },
  status: { type: 'boolean', help: 'show what the registrars with this -state-dir do' },
} as const satisfies Record<string, RegisterFlag>

export type RegisterFlagName = keyof typeof registerFlags
