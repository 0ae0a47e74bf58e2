// Reads the contents of a registry through its own API and starts `reconfd register`.
import type { ConsulServer, EtcdServer } from './servers.ts'
import type { ZookeeperServer } from './zookeeper.ts'
import { opcode, pathBody, readBody, ZkError } from '../../src/stores/zookeeper/protocol.ts'
import { Running } from '../e2e/support.ts'
import { tempDir } from './process.ts'

/** Values by key, such as `/services/web/id`. */
export type Held = Readonly<Record<string, string>>

/** Returns the keys below a prefix of etcd v3. */
export async function heldByEtcd(server: EtcdServer, prefix = '/services/'): Promise<Held> {
  const key = Buffer.from(prefix).toString('base64')
  const range_end = Buffer.from(prefix.slice(0, -1) + '0').toString('base64')
  const { kvs = [] } = (await server.client.post('kv/range', { key, range_end })) as {
    kvs?: { key: string; value?: string }[]
  }
  const text = (base64: string): string => Buffer.from(base64, 'base64').toString()
  return Object.fromEntries(kvs.map(({ key: k, value = '' }) => [text(k), text(value)]))
}

interface V2Node {
  readonly key?: string
  readonly value?: string
  readonly dir?: boolean
  readonly nodes?: readonly V2Node[]
}

/** Returns the keys below a prefix of etcd v2. */
export async function heldByEtcdV2(server: EtcdServer, prefix = '/services'): Promise<Held> {
  const { text } = await server.v2.http.send('GET', `/v2/keys${prefix}?recursive=true`)
  const { node } = JSON.parse(text) as { node?: V2Node }
  const all = (one: V2Node): (readonly [string, string])[] =>
    one.dir === true ? (one.nodes ?? []).flatMap(all) : [[one.key ?? '', one.value ?? '']]
  return Object.fromEntries(node === undefined ? [] : all(node))
}

/** Returns the keys below a prefix of Consul's KV store. */
export async function heldByConsulKv(server: ConsulServer, prefix = '/services/'): Promise<Held> {
  const { status, text } = await server.client.http.send('GET', `/v1/kv${prefix}?recurse`)
  if (status === 404) return {}
  const all = JSON.parse(text) as readonly { Key: string; Value: string | null }[]
  return Object.fromEntries(
    all.map(({ Key, Value }) => [`/${Key}`, Buffer.from(Value ?? '', 'base64').toString()]),
  )
}

/** Returns the values two levels below a znode. */
export async function heldByZookeeper(
  server: ZookeeperServer,
  prefix = '/services',
): Promise<Held> {
  const session = await server.client.session()
  const children = async (path: string): Promise<readonly string[]> =>
    (await session.request(opcode.getChildren2, readBody(path, false))).strings()
  const held: Record<string, string> = {}
  try {
    await session.request(opcode.sync, pathBody(prefix))
    for (const name of await children(prefix)) {
      for (const id of await children(`${prefix}/${name}`)) {
        const key = `${prefix}/${name}/${id}`
        held[key] = (await session.request(opcode.getData, readBody(key, false))).string()
      }
    }
  } catch (error) {
    // A ZkError means that a znode was deleted in the meantime.
    if (!(error instanceof ZkError)) throw error
  }
  return held
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

/** Returns the instances of a service in Consul; with `passing`, only those that pass their checks. */
export async function instancesIn(
  server: ConsulServer,
  name: string,
  passing = false,
): Promise<readonly Instance[]> {
  const path = `/v1/health/service/${name}${passing ? '?passing' : ''}`
  return JSON.parse(await server.client.call('GET', path)) as readonly Instance[]
}

/** Returns the passing instances of all services in Consul, as keys and values like those in etcd. */
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

/** Starts `reconfd register` with its own state directory, or with that of another run. */
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
