// Translates registrator's check variables (SERVICE_CHECK_HTTP and others) into a check that Consul runs and, for all
// other stores, a check that reconfd runs. Pure.
import { parseDuration } from '../../config/values.ts'
import type { CheckKind } from '../../core/register.ts'
import { hostAndPort, type NativeCheck, type Service } from '../service.ts'
import type { ContainerOptions, RemarkHandler } from './options.ts'

export type ServiceChecks = Pick<Service, 'check' | 'native'>

type Attributes = ReadonlyMap<string, string>

/** Default interval in milliseconds, as in registrator. */
const INTERVAL = 10_000
const MIN_INTERVAL = 100
const KINDS = /^check_(?:https?|cmd|script|ttl|tcp|grpc)$/
const STATUSES = ['passing', 'warning', 'critical']

interface Probe {
  /** Absent if only Consul can run this kind of check. */
  readonly what?: CheckKind
  readonly native: NativeCheck
}

/** @param container id of the container */
export function serviceChecks(
  service: Service,
  container: string,
  attributes: Attributes,
  { allowScripts, check: defaults }: ContainerOptions,
  report: RemarkHandler,
): ServiceChecks {
  const script = (attributes.get('check_cmd') || attributes.get('check_script')) ?? ''
  const probe = networkCheck(service, attributes) ?? scriptProbe(service, container, attributes)
  if (probe === undefined) {
    const named = [...attributes.keys()].find(
      (key) => KINDS.test(key) && attributes.get(key) !== '',
    )
    if (named !== undefined)
      report('warn', `${service.name}: SERVICE_${named.toUpperCase()} is invalid`)
    return {}
  }
  if (script !== '' && 'Args' in probe.native && !allowScripts) {
    const why = 'its check is a command, which is not run; set -allow-script-checks to run it here'
    report('warn', `${service.name}: ${why}`)
    return {}
  }
  const duration = (name: string, least: number): number | undefined => {
    const text = attributes.get(name) ?? ''
    if (text === '') return undefined
    const parsed = parseDuration(text)
    if (parsed.ok && parsed.value >= least) return parsed.value
    report(
      'warn',
      `${service.name}: SERVICE_${name.toUpperCase()} is not a duration of ${least}ms or more`,
    )
    return undefined
  }
  const interval = duration('check_interval', MIN_INTERVAL) ?? INTERVAL
  const timeout = duration('check_timeout', 1)
  const after = duration('check_deregister_after', 60_000)
  const status = attributes.get('check_initial_status') ?? ''
  const native = {
    ...probe.native,
    ...('TTL' in probe.native ? {} : { Interval: `${interval}ms` }),
    ...(timeout === undefined ? {} : { Timeout: `${timeout}ms` }),
    ...(after === undefined ? {} : { DeregisterCriticalServiceAfter: `${after}ms` }),
    ...(STATUSES.includes(status) ? { Status: status } : {}),
  }
  if (probe.what === undefined) return { native }
  const passing = status === 'passing' ? { passing: true as const } : {}
  const check = { ...defaults, interval, timeout: timeout ?? defaults.timeout, what: probe.what }
  return { native, check: { ...check, ...passing } }
}

function networkCheck(service: Service, attributes: Attributes): Probe | undefined {
  const given = (name: string): string => attributes.get(name) ?? ''
  const insecure = given('check_tls_skip_verify') !== ''
  for (const scheme of ['http', 'https'] as const) {
    const path = given(`check_${scheme}`)
    if (path === '') continue
    // A path such as `@elsewhere/` must not change the host.
    const url = `${scheme}://${hostAndPort(service)}${path.startsWith('/') ? '' : '/'}${path}`
    const method = given(`check_${scheme}_method`).toUpperCase()
    const how = {
      ...(/^[A-Z]+$/.test(method) ? { method } : {}),
      ...(scheme === 'https' && insecure ? { insecure } : {}),
    }
    const native = {
      HTTP: url,
      ...(how.method === undefined ? {} : { Method: how.method }),
      ...(how.insecure === undefined ? {} : { TLSSkipVerify: true }),
    }
    return URL.canParse(url) ? { what: { kind: 'http', url, ...how }, native } : undefined
  }
  if (['check_cmd', 'check_script', 'check_ttl'].some((name) => given(name) !== ''))
    return undefined
  if (given('check_tcp') !== '') {
    return { what: { kind: 'tcp' }, native: { TCP: hostAndPort(service) } }
  }
  if (given('check_grpc') === '') return undefined
  const tls = given('check_grpc_use_tls') !== ''
  const how = tls ? { GRPCUseTLS: true, ...(insecure ? { TLSSkipVerify: true } : {}) } : {}
  return { what: { kind: 'grpc', tls, insecure }, native: { GRPC: hostAndPort(service), ...how } }
}

function scriptProbe(
  service: Service,
  container: string,
  attributes: Attributes,
): Probe | undefined {
  const { address, port } = service
  const command = attributes.get('check_cmd') ?? ''
  if (command !== '') {
    const exposed = String(service.container?.privatePort ?? port)
    // `check-cmd` comes with registrator's Consul image.
    const native = { Args: ['check-cmd', container.slice(0, 12), exposed, command] }
    return { what: { kind: 'exec', container, command }, native }
  }
  const script = (attributes.get('check_script') ?? '')
    .replaceAll('$SERVICE_IP', address)
    .replaceAll('$SERVICE_PORT', String(port))
  if (script !== '') {
    return {
      what: { kind: 'command', command: script },
      native: { Args: ['/bin/sh', '-c', script] },
    }
  }
  const ttl = parseDuration(attributes.get('check_ttl') ?? '')
  return ttl.ok ? { native: { TTL: `${ttl.value}ms` } } : undefined
}
