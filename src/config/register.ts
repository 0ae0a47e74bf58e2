// Builds the settings of `reconfd register` from its flags, the environment and confd.toml.
import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type { Fault } from '../core/fault.ts'
import {
  checkFrom,
  minTtl,
  pathComponentFault,
  splitList,
  type DockerSettings,
  type OwnService,
  type RegisterSettings,
} from '../core/register.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { BackendName, Settings } from '../core/settings.ts'
import { storeSettings } from './assemble.ts'
import { backendOf, merge } from './connection.ts'
import { defined } from './defined.ts'
import type { CommandLine } from './flags.ts'
import { readHttp } from './http.ts'
import type { Values } from './options.ts'
import { registerFlags, type RegisterFlag, type RegisterFlagName } from './register-flags.ts'
import { parseRegistryUri, type ParsedUri } from './registry-uri.ts'
import { isAddress } from './service-file.ts'
import { parseDuration, type ParseResult } from './values.ts'

/** The sources of the settings, weakest first. */
export interface Given {
  readonly file: Values
  readonly environment: Values
  readonly flags: CommandLine
  readonly env: Readonly<Record<string, string | undefined>>
  /** The general settings, built from all sources. */
  readonly settings: Settings
}

/** For each kind of registry, the backend whose connection settings in confd.toml also apply to the registry. */
const BACKENDS: Readonly<Record<string, BackendName>> = {
  etcd: 'etcdv3',
  etcdv2: 'etcdv2',
  skydns2: 'etcdv2',
  consul: 'consul',
  consulkv: 'consul',
  zookeeper: 'zookeeper',
}

/** Builds the settings, or returns all faults in the flags. */
export async function registerSettings(given: Given): Promise<Result<RegisterSettings, Fault[]>> {
  const flags = new RegisterFlags(given.flags.own ?? new Map())
  const { operand, argv } = given.flags
  const uri = readUri(flags, operand)
  const to = uri?.target
  const own = ownService(flags, argv)
  const conf = flags.text('conf')
  const docker = dockerSettings(flags, given.env, operand !== undefined && !own && !conf)
  // If a flag or command for a single service is given and `own` is absent, a fault has already been reported.
  const isFaulty = argv !== undefined || OWN.some((flag) => flags.has(flag))
  if (own === undefined && conf === undefined && docker === undefined && !isFaulty) {
    flags.fault(
      'nothing to register',
      'set -name and -port, a folder of service files with -conf, or -docker',
    )
  }
  const ttl = flags.number('ttl') ?? 0
  const refresh = flags.number('ttl-refresh') ?? ttl / 3
  if (to !== undefined && ttl < minTtl[to.kind]) {
    const least = `${minTtl[to.kind] / 1000}s`
    flags.fault(
      `-ttl is below the minimum of ${to.kind}, which is ${least}`,
      `set -ttl to ${least} or more`,
    )
  } else if (refresh >= ttl) {
    flags.fault('-ttl-refresh is not shorter than -ttl', 'set it to half of -ttl or less')
  }
  const check = {
    interval: flags.number('check-interval') ?? 0,
    timeout: given.flags.values['check-timeout'] ?? given.environment['check-timeout'] ?? 3_000,
    rise: flags.number('rise') ?? 1,
    fall: flags.number('fall') ?? 1,
  }
  const http = await readHttp(merge(given.environment, given.flags.values))
  if (!http.ok) flags.faults.push(http.error)
  const { stateDir, noop, logLevel, logFormat } = given.settings
  const rest = defined({
    host: flags.part('host') ?? hostname(),
    address: flags.address('ip'),
    tags: flags.list('tags'),
    own,
    command: argv,
    conf: conf === undefined ? undefined : resolve(conf),
    docker,
    check,
    ttl,
    refresh,
    resync: flags.number('resync') ?? 0,
    drain: flags.number('drain') ?? 0,
    killTimeout: flags.number('kill-timeout') ?? 0,
    retryAttempts: flags.number('retry-attempts'),
    retryInterval: flags.number('retry-interval'),
    stateDir,
    noop,
    logLevel,
    logFormat,
    http: http.ok ? http.value : undefined,
  })
  if (uri === undefined || flags.faults.length > 0) return err([...flags.faults])
  return ok({ to: uri.target, ...storeAt(uri, given), ...rest })
}

const OF_CONTAINERS = [
  'internal',
  'explicit',
  'useIpFromLabel',
  'deregister',
  'allow-script-checks',
] as const

/** The flags that concern the command after `--`. */
const OF_A_COMMAND = ['drain', 'kill-timeout'] as const

/** The flags that describe one service. */
const OWN = ['name', 'port', 'id', 'address', 'meta'] as const

function readUri(flags: RegisterFlags, operand: string | undefined): ParsedUri | undefined {
  const named = flags.text('to')
  if (named !== undefined && operand !== undefined) {
    flags.fault(
      `both -to and ${JSON.stringify(operand)} set the registry`,
      'remove one of them; write the command to run after --',
    )
    return undefined
  }
  const text = named ?? operand
  if (text === undefined) {
    flags.fault('no registry', 'set it with -to, as in -to etcd://127.0.0.1:2379/services')
    return undefined
  }
  const uri = parseRegistryUri(text)
  if (uri.ok) return uri.value
  flags.fault(uri.error.message, uri.error.hint)
  return undefined
}

function ownService(
  flags: RegisterFlags,
  argv: readonly string[] | undefined,
): OwnService | undefined {
  const [name, id, port] = [flags.part('name'), flags.part('id'), flags.number('port')]
  const check = flags.text('check')
  const parsed = check === undefined ? undefined : checkFrom(check)
  if (check !== undefined && parsed === undefined) {
    flags.fault('-check is invalid', 'set it to http://HOST:PORT/PATH, tcp, or a command')
  }
  if (argv?.length === 0) flags.fault('no command after --', 'add a command, or remove --')
  if (argv === undefined) {
    flags.unused(OF_A_COMMAND, 'is for a command', 'add the command after --')
  }
  if (flags.has('name') && flags.has('port')) {
    return name === undefined || port === undefined
      ? undefined
      : defined({
          name,
          id,
          port,
          address: flags.address('address'),
          tags: [],
          meta: flags.meta(),
          check: parsed,
        })
  }
  if (argv !== undefined) {
    flags.fault(
      'a command needs -name and -port',
      'add -name and -port to describe the service of the command',
    )
  }
  for (const flag of OWN) {
    if (!flags.has(flag) || argv !== undefined) continue
    const missing = flag === 'name' ? '-port' : flag === 'port' ? '-name' : '-name and -port'
    flags.fault(`-${flag} needs ${missing}`, `add ${missing} to describe one service`)
    break
  }
  return undefined
}

/** @param implied whether the command line only names a registry, which means `-docker`, as in registrator */
function dockerSettings(
  flags: RegisterFlags,
  env: Given['env'],
  implied: boolean,
): DockerSettings | undefined {
  if (!flags.has('docker') && !implied) {
    flags.unused(OF_CONTAINERS, 'is for containers', 'add -docker to register containers')
    return undefined
  }
  const { DOCKER_HOST = '' } = env
  const engine = flags.text('docker') ?? (DOCKER_HOST || registerFlags.docker.default)
  if (!/^(?:unix:\/\/\/.|(?:tcp|https?):\/\/[^/\s]+\/?$)/.test(engine)) {
    flags.fault(
      `${JSON.stringify(engine)} is not the address of a container engine`,
      'set -docker unix:///var/run/docker.sock, or DOCKER_HOST',
    )
  }
  const ipLabel = flags.text('useIpFromLabel')
  // The variables of Docker's own client.
  const { DOCKER_TLS_VERIFY = '', DOCKER_CERT_PATH = '' } = env
  const hasTls = DOCKER_TLS_VERIFY !== '' && !engine.startsWith('unix:')
  const certificates = DOCKER_CERT_PATH || join(homedir(), '.docker')
  return {
    engine,
    ...(hasTls ? { certificates } : {}),
    internal: flags.has('internal'),
    explicit: flags.has('explicit'),
    ...(ipLabel === undefined ? {} : { ipLabel }),
    allowScripts: flags.has('allow-script-checks'),
    deregister: flags.text('deregister') === 'on-success' ? 'on-success' : 'always',
  }
}

/**
 * Builds the connection, with the credentials and certificates of confd.toml if confd.toml is for this kind of store.
 */
function storeAt({ target, nodes, tls }: ParsedUri, given: Given) {
  const backend = BACKENDS[target.kind] as BackendName
  const isFor = backendOf(given.file) === backend
  const values = merge(isFor ? given.file : {}, given.environment, given.flags.values)
  // The URI replaces settings that locate the store.
  const isElsewhere = ([name]: readonly [string, unknown]): boolean => name.startsWith('srv-')
  const rest = Object.fromEntries(Object.entries(values).filter((one) => !isElsewhere(one)))
  const own: Values = {
    ...rest,
    backend,
    node: [...nodes],
    ...(tls ? { scheme: 'https' as const } : {}),
  }
  const { connection, limits } = storeSettings(own, 'watch', given.env)
  return { connection: { ...connection, nodes }, limits }
}

/** Parses the flags; collects all faults in `faults`. */
class RegisterFlags {
  readonly faults: Fault[] = []

  constructor(private readonly given: ReadonlyMap<string, readonly string[]>) {
    for (const [name, { choices = [] }] of Object.entries<RegisterFlag>(registerFlags)) {
      const text = given.get(name)?.at(-1)
      if (text === undefined || choices.length === 0 || choices.includes(text)) continue
      this.fault(
        `-${name}: "${text}" is not ${choices.join(' or ')}`,
        `write -${name} ${choices[0]}`,
      )
    }
  }

  fault(message: string, hint: string): void {
    this.faults.push({ kind: 'config', message, hint })
  }

  has(name: RegisterFlagName): boolean {
    return this.given.has(name)
  }

  /** Reports a fault for the first of these flags that is given, because the flags have no effect. */
  unused(names: readonly RegisterFlagName[], why: string, instead: string): void {
    const name = names.find((one) => this.has(one))
    if (name !== undefined) this.fault(`-${name} ${why}`, `${instead}, or remove -${name}.`)
  }

  text(name: RegisterFlagName): string | undefined {
    const text = this.given.get(name)?.at(-1)
    return text === '' ? undefined : text
  }

  /** Returns the value or the default of a flag that takes a number or a duration. Durations are in milliseconds. */
  number(name: RegisterFlagName): number | undefined {
    const spec = registerFlags[name] as RegisterFlag
    const given = this.given.get(name)?.at(-1)
    const text = given ?? spec.default
    if (text === undefined) return undefined
    const parsed = numberFrom(spec, text)
    if (parsed.ok) return parsed.value
    this.fault(`-${name}: "${text}" is not ${parsed.error}`, `write -${name} <${spec.placeholder}>`)
    return undefined
  }

  /** Returns a name or an id, which must be a single path component. */
  part(name: RegisterFlagName): string | undefined {
    const text = this.given.get(name)?.at(-1)
    const why = text === undefined ? undefined : pathComponentFault(text)
    if (why === undefined) return text
    this.fault(`-${name} ${why}`, 'choose a value that can be one component of a path in the store')
    return undefined
  }

  address(name: RegisterFlagName): string | undefined {
    const text = this.text(name)?.replace(/^\[(.*)\]$/, '$1')
    if (text === undefined || isAddress(text)) return text
    this.fault(
      `-${name}: "${text}" is not an address`,
      'write an IP address or a host name, without a port',
    )
    return undefined
  }

  list(name: RegisterFlagName): readonly string[] {
    return (this.given.get(name) ?? []).flatMap(splitList)
  }

  meta(): Readonly<Record<string, string>> {
    const pairs = this.list('meta').map((pair): [string, string] => {
      const at = pair.indexOf('=')
      if (at < 1) this.fault(`-meta: "${pair}" is not key=value`, 'write -meta region=eu')
      return [pair.slice(0, at), pair.slice(at + 1)]
    })
    return Object.fromEntries(pairs)
  }
}

function numberFrom(
  { type, least = 0, most = Infinity }: RegisterFlag,
  text: string,
): ParseResult<number> {
  if (type === 'duration') return atLeast(parseDuration(text), least)
  // In registrator, a bare number means milliseconds.
  if (type === 'milliseconds')
    return atLeast(parseDuration(/^\d+$/.test(text) ? `${text}ms` : text), least)
  if (type === 'attempts' && text === '-1') return ok(-1)
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (number >= least && number <= most) return ok(number)
  return err(
    most === Infinity
      ? `a whole number, ${least} or more`
      : `a whole number from ${least} to ${most}`,
  )
}

function atLeast(parsed: ParseResult<number>, least: number): ParseResult<number> {
  return parsed.ok && parsed.value < least ? err(`a duration of ${least}ms or more`) : parsed
}
