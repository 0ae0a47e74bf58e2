// How containers become services: registrator's variables, names, ids, addresses and checks, and hostile containers.
import { describe, expect, test } from 'vitest'
import type { Container } from '../../src/register/docker/engine.ts'
import type { ContainerOptions } from '../../src/register/docker/options.ts'
import { servicesOf } from '../../src/register/docker/services.ts'

const ID = 'f'.repeat(64)
const checks = { interval: 5_000, timeout: 3_000, rise: 2, fall: 3 }
const options: ContainerOptions = {
  host: 'h',
  address: '10.0.0.1',
  forced: false,
  internal: false,
  explicit: false,
  allowScripts: false,
  check: checks,
}

interface Given {
  readonly name?: string
  readonly image?: string
  readonly env?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly ports?: Readonly<
    Record<string, readonly { HostIp?: string; HostPort?: string }[] | null>
  >
  readonly exposed?: readonly string[]
  readonly mode?: string
  readonly networks?: Readonly<Record<string, { IPAddress?: string; GlobalIPv6Address?: string }>>
  readonly ip?: string
}

const published = { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }] }

const container = ({ ports = published, networks = {}, ...given }: Given = {}): Container => ({
  Id: ID,
  Name: `/${given.name ?? 'c'}`,
  State: { Running: true },
  Config: {
    Image: given.image ?? 'registry:5000/team/web:1.2',
    Hostname: 'inside',
    Env: given.env ?? null,
    Labels: given.labels ?? null,
    ExposedPorts: Object.fromEntries((given.exposed ?? Object.keys(ports)).map((p) => [p, {}])),
  },
  HostConfig: { NetworkMode: given.mode ?? 'bridge' },
  NetworkSettings: { IPAddress: given.ip ?? '172.17.0.2', Ports: ports, Networks: networks },
})

function found(given: Given, more: Partial<ContainerOptions> = {}, joined?: Container) {
  return servicesOf(container(given), joined, { ...options, ...more })
}

const places = (...all: Parameters<typeof found>): string[] =>
  found(...all).services.map(({ name, id, address, port }) => `${name} ${id} ${address} ${port}`)

describe('names and ids', () => {
  test('a service without a name is named after its image', () => {
    expect(places({})).toEqual(['web h:c:80 10.0.0.1 8080'])
    expect(places({ image: 'nginx@sha256:abc' })).toEqual(['nginx h:c:80 10.0.0.1 8080'])
  })

  test('names of several ports get the port number, unless a port has its own name', () => {
    const ports = {
      '443/tcp': [{ HostPort: '8443' }],
      '80/tcp': [{ HostPort: '8080' }],
      '53/udp': [{ HostPort: '5353' }],
    }
    const env = ['SERVICE_NAME=site', 'SERVICE_443_NAME=secure', 'SERVICE_80_ID=mine']
    expect(places({ ports, env })).toEqual([
      'site-53 h:c:53:udp 10.0.0.1 5353',
      'site-80 mine 10.0.0.1 8080',
      'secure h:c:443 10.0.0.1 8443',
    ])
    expect(found({ ports, env }).services[0]?.tags).toEqual(['udp'])
  })

  test('labels win over variables, those of a port over those of all', () => {
    const env = ['SERVICE_80_NAME=of-port', 'SERVICE_NAME=of-all', 'OTHER=x', 'SERVICE_TAGS=a,b']
    expect(places({ env })).toEqual(['of-port h:c:80 10.0.0.1 8080'])
    const { services } = found({ env, labels: { SERVICE_TAGS: 'c\\,d', SERVICE_REGION: 'eu' } })
    expect(services[0]).toMatchObject({ tags: ['c,d'], meta: { region: 'eu' } })
  })

  test('SERVICE_IGNORE of all or of a port, and -explicit', () => {
    const ports = { '80/tcp': [{ HostPort: '1' }], '81/tcp': [{ HostPort: '2' }] }
    expect(places({ env: ['SERVICE_IGNORE=true'] })).toEqual([])
    expect(places({ ports, env: ['SERVICE_81_IGNORE=1'] })).toEqual(['web-80 h:c:80 10.0.0.1 1'])
    expect(places({}, { explicit: true })).toEqual([])
    expect(places({ env: ['SERVICE_NAME=a'] }, { explicit: true })).toHaveLength(1)
  })

  test.each(['../other', 'a/b', '..', '.', 'a\u0000b', 'a\nb', 'x'.repeat(300)])(
    'a name or an id that is not one part of a path is refused: %j',
    (text) => {
      for (const variable of ['SERVICE_NAME', 'SERVICE_ID']) {
        const { services, remarks } = found({ env: [`${variable}=${text}`] })
        expect(services).toEqual([])
        expect(remarks.map(({ level }) => level)).toEqual(['warn'])
      }
    },
  )
})

describe('addresses', () => {
  test('of the port, unless -ip is given', () => {
    const ports = { '80/tcp': [{ HostIp: '192.0.2.7', HostPort: '1' }] }
    expect(places({ ports })).toEqual(['web h:c:80 192.0.2.7 1'])
    expect(places({ ports }, { forced: true })).toEqual(['web h:c:80 10.0.0.1 1'])
    const both = {
      '80/tcp': [
        { HostIp: '::', HostPort: '1' },
        { HostIp: '127.0.0.1', HostPort: '2' },
      ],
    }
    expect(places({ ports: both })).toEqual(['web h:c:80 10.0.0.1 1'])
  })

  test('a port that is not published is left out', () => {
    const { services, remarks } = found({ ports: { '80/tcp': null } })
    expect(services).toEqual([])
    expect(remarks).toEqual([
      { level: 'debug', about: 'c', why: 'port 80: it is not published on this machine' },
    ])
  })

  test('-internal: the container, in the network of its mode or the first by name', () => {
    const internal = { internal: true, forced: true }
    expect(places({ ports: { '80/tcp': null } }, internal)).toEqual(['web h:c:80 172.17.0.2 80'])
    const networks = { b: { IPAddress: '10.2.0.2' }, a: { IPAddress: '10.1.0.2' } }
    expect(places({ networks, ip: '' }, internal)).toEqual(['web h:c:80 10.1.0.2 80'])
    expect(places({ networks, ip: '', mode: 'b' }, internal)).toEqual(['web h:c:80 10.2.0.2 80'])
    const six = { n: { GlobalIPv6Address: 'fd00::2' } }
    expect(places({ networks: six, ip: '' }, internal)).toEqual(['web h:c:80 fd00::2 80'])
    expect(places({ ip: '' }, internal)).toEqual([])
  })

  test('host networking: exposed ports, on this machine', () => {
    const given = { mode: 'host', ports: {}, exposed: ['81/tcp'], ip: '' }
    expect(places(given)).toEqual(['web h:c:81 10.0.0.1 81'])
    expect(places(given, { internal: true })).toEqual(['web h:c:81 10.0.0.1 81'])
  })

  test('the network of another container', () => {
    const joined = container({ name: 'pod', ip: '172.17.0.9' })
    const given = { mode: `container:${ID}`, ports: {}, exposed: ['80/tcp', '90/tcp'], ip: '' }
    expect(places(given, {}, joined)).toEqual([
      'web-80 h:c:80 10.0.0.1 8080',
      'web-90 h:c:90 172.17.0.9 90',
    ])
  })

  test('-useIpFromLabel', () => {
    const labelled = (value: string) => found({ labels: { ip: value } }, { ipLabel: 'ip' })
    expect(labelled('10.9.0.4/24').services[0]?.address).toBe('10.9.0.4')
    expect(labelled('not an address').services).toEqual([])
    expect(found({}, { ipLabel: 'ip' }).services[0]?.address).toBe('10.0.0.1')
  })
})

describe('checks', () => {
  const checked = (env: readonly string[], more: Partial<ContainerOptions> = {}) => {
    const { services, remarks } = found({ env }, more)
    const { check, native } = services[0] ?? {}
    return { check, native, warned: remarks.length }
  }

  test('HTTP', () => {
    const env = [
      'SERVICE_CHECK_HTTP=/health',
      'SERVICE_CHECK_HTTP_METHOD=head',
      'SERVICE_CHECK_INTERVAL=15s',
      'SERVICE_CHECK_TIMEOUT=2',
      'SERVICE_CHECK_DEREGISTER_AFTER=10m',
      'SERVICE_CHECK_INITIAL_STATUS=passing',
    ]
    expect(checked(env)).toEqual({
      check: {
        ...checks,
        what: { kind: 'http', url: 'http://10.0.0.1:8080/health', method: 'HEAD' },
        interval: 15_000,
        timeout: 2_000,
        passing: true,
      },
      native: {
        HTTP: 'http://10.0.0.1:8080/health',
        Method: 'HEAD',
        Interval: '15000ms',
        Timeout: '2000ms',
        DeregisterCriticalServiceAfter: '600000ms',
        Status: 'passing',
      },
      warned: 0,
    })
  })

  test('a path cannot lead to another host', () => {
    const { check } = checked(['SERVICE_CHECK_HTTP=@elsewhere:9/x'])
    expect(check?.what).toEqual({ kind: 'http', url: 'http://10.0.0.1:8080/@elsewhere:9/x' })
  })

  test('HTTPS, TCP, gRPC and TTL', () => {
    expect(
      checked(['SERVICE_CHECK_HTTPS=/h', 'SERVICE_CHECK_TLS_SKIP_VERIFY=true']).native,
    ).toMatchObject({ HTTP: 'https://10.0.0.1:8080/h', TLSSkipVerify: true, Interval: '10000ms' })
    expect(checked(['SERVICE_CHECK_TCP=true'])).toMatchObject({
      check: { what: { kind: 'tcp' } },
      native: { TCP: '10.0.0.1:8080' },
    })
    expect(checked(['SERVICE_CHECK_GRPC=true', 'SERVICE_CHECK_GRPC_USE_TLS=true'])).toMatchObject({
      check: { what: { kind: 'grpc', tls: true, insecure: false } },
      native: { GRPC: '10.0.0.1:8080', GRPCUseTLS: true },
    })
    const ttl = checked(['SERVICE_CHECK_TTL=30s'])
    expect(ttl).toEqual({ check: undefined, native: { TTL: '30000ms' }, warned: 0 })
  })

  test('commands only where they are allowed', () => {
    for (const variable of ['SERVICE_CHECK_SCRIPT', 'SERVICE_CHECK_CMD']) {
      const refused = checked([`${variable}=touch /tmp/x`])
      expect(refused).toEqual({ check: undefined, native: undefined, warned: 1 })
    }
    const allowed = { allowScripts: true }
    const script = 'SERVICE_CHECK_SCRIPT=curl $SERVICE_IP:$SERVICE_PORT'
    expect(checked([script], allowed)).toMatchObject({
      check: { what: { kind: 'command', command: 'curl 10.0.0.1:8080' } },
      native: { Args: ['/bin/sh', '-c', 'curl 10.0.0.1:8080'] },
    })
    expect(checked(['SERVICE_CHECK_CMD=true'], allowed)).toMatchObject({
      check: { what: { kind: 'exec', container: ID, command: 'true' } },
      native: { Args: ['check-cmd', ID.slice(0, 12), '80', 'true'] },
    })
  })

  test('an invalid duration is reported, and the default used', () => {
    const { check, warned } = checked(['SERVICE_CHECK_TCP=1', 'SERVICE_CHECK_INTERVAL=often'])
    expect([check?.interval, warned]).toEqual([10_000, 1])
  })
})
