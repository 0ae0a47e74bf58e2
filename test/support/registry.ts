// What a registry holds, read by its own API, and the program that registers.
import type { ConsulServer, EtcdServer } from './servers.ts'
import { Running } from '../e2e/support.ts'
import { tempDir } from './process.ts'

/** By key, such as `/services/web/id`: the value. */
export type Held = Readonly<Record<string, string>>

/** The keys below a prefix of etcd v3. */
export async function heldByEtcd(server: EtcdServer, prefix = '/services/'): Promise<Held> {
  const key = Buffer.from(prefix).toString('base64')
  const range_end = Buffer.from(prefix.slice(0, -1) + '0').toString('base64')
  const { kvs = [] } = (await server.client.post('kv/range', { key, range_end })) as {
    kvs?: { key: string; value?: string }[]
  }
  const text = (base64: string): string => Buffer.from(base64, 'base64').toString()
  return Object.fromEntries(kvs.map(({ key: k, value = '' }) => [text(k), text(value)]))
}

interface Instance {
  readonly Service: {
    readonly ID: string
    readonly Service: string
    readonly Address: string
    readonly Port: number
    readonly Tags: readonly string[]
    readonly Meta: Readonly<Record<string, string>>
  }
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string }[]
}

/** The instances of Consul's services, by name. */
export async function instancesIn(
  server: ConsulServer,
  name: string,
  passing = false,
): Promise<readonly Instance[]> {
  const path = `/v1/health/service/${name}${passing ? '?passing' : ''}`
  return JSON.parse(await server.client.call('GET', path)) as readonly Instance[]
}

/** Passing services of Consul, as those of etcd. */
export async function heldByConsul(server: ConsulServer): Promise<Held> {
  const names = JSON.parse(await server.client.call('GET', '/v1/catalog/services')) as object
  const held: Record<string, string> = {}
  for (const name of Object.keys(names)) {
    if (name === 'consul') continue
    for (const { Service } of await instancesIn(server, name, true)) {
      held[`/services/${name}/${Service.ID}`] = `${Service.Address}:${Service.Port}`
    }
  }
  return held
}

/** `reconfd register` with a state folder of its own, or that of another run. */
export function startRegister(
  args: readonly string[],
  { state = tempDir('register'), env = {} }: { state?: string; env?: Record<string, string> } = {},
): Running & { readonly state: string } {
  const all = ['register', ...args.slice(0, commandAt(args)), '-state-dir', state]
  const log = ['-log-format', 'json', '-log-level', 'debug', ...args.slice(commandAt(args))]
  return Object.assign(new Running([...all, ...log], env), { state })
}

function commandAt(args: readonly string[]): number {
  const at = args.indexOf('--')
  return at < 0 ? args.length : at
}
