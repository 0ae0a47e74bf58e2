// Converts Consul's instances and nodes to the JSON values of keys. Equal data results in equal values, whatever the
// order in the answer. The values do not contain the output of checks, which changes all the time.
import { datacenterKey, instanceKey, nodeKey, type LookUp } from '../../core/catalog.ts'
import { compareText, type Key } from '../../core/key.ts'
import {
  each,
  integer,
  listOf,
  objectOf,
  Mismatch,
  nullable,
  optional,
  record,
  text,
  textLike,
} from '../shape.ts'
import { lowerCase } from './served.ts'

/** A name that becomes a part of a key. */
const name = textLike(/./s, 'a name')

const meta = nullable(objectOf(text))

const nodeEntry = record({
  ID: optional(text),
  Node: name,
  Address: optional(text),
  TaggedAddresses: meta,
  Datacenter: optional(text),
  Meta: meta,
})

/** The answer from `/v1/catalog/nodes`. */
export const nodeEntries = listOf(nodeEntry)

/** Consul accepts any integer as a port, even -1. */
const port = optional(integer)

const check = record({ CheckID: text, Name: optional(text), Status: text })

const service = record({
  ID: name,
  Service: name,
  Kind: optional(text),
  Address: optional(text),
  TaggedAddresses: nullable(objectOf(record({ Address: optional(text), Port: port }))),
  Port: port,
  Tags: nullable(listOf(text)),
  Meta: meta,
  Weights: nullable(record({ Passing: integer, Warning: integer })),
  Proxy: nullable(record({ DestinationServiceName: optional(text) })),
})

/** The part of the answer from `/v1/health/service/:name` that reconfd uses. */
export const healthEntries = listOf(
  record({ Node: nodeEntry, Service: service, Checks: nullable(listOf(check)) }),
)

/** The answer from `/v1/catalog/node/:name`; null if there is no such node. */
export const nodeAnswer = nullable(
  record({ Node: nodeEntry, Services: nullable(objectOf(service)) }),
)

/** The answer from `/v1/query/:name/execute`. */
export const queryAnswer = record({
  Nodes: nullable(healthEntries),
  DNS: nullable(record({ TTL: optional(text) })),
})

/** The answer from `/v1/catalog/datacenters`. */
export const datacenterNames = listOf(name)

type Check = ReturnType<typeof check>
type Service = ReturnType<typeof service>
type NodeEntry = ReturnType<typeof nodeEntry>
type HealthEntries = ReturnType<typeof healthEntries>

/** The filters for instances, and options that determine the content of their values. */
export interface Choice {
  /** Accepted states; undefined for any. */
  readonly states: readonly string[] | undefined
  /** Required tags. */
  readonly tags: readonly string[]
  /** Required metadata. */
  readonly meta: Readonly<Record<string, string>>
  /** Whether values contain the instance's position in the answer, which begins with the nearest instance. */
  readonly near: boolean
  /** Whether to include proxies that have the same name as the service behind them. */
  readonly proxies: boolean
}

/** The states, the worst first. */
const STATES = ['maintenance', 'critical', 'warning', 'passing'] as const
type State = (typeof STATES)[number]

/**
 * The worst state of all checks of the node and the service, as Consul's own programs determine it. Consul's catalog
 * accepts any text as a status, but only `passing` counts as healthy, so an unknown status is critical.
 */
function stateOf(checks: readonly Check[]): State {
  const states = new Set(
    checks.map(({ CheckID, Status }) =>
      /^_(?:node_maintenance$|service_maintenance:)/.test(CheckID)
        ? 'maintenance'
        : (STATES.find((state) => state === Status) ?? 'critical'),
    ),
  )
  return STATES.find((state) => states.has(state)) ?? 'passing'
}

const sorted = (meta: Readonly<Record<string, string>> | null | undefined): object =>
  Object.fromEntries(Object.entries(meta ?? {}).sort(([a], [b]) => compareText(a, b)))

/** The fields that describe an instance, both in the value of the instance and in the value of a node. */
function instanceOf(service: Service, otherAddress: string): object {
  const { ID, Service: name, Address, Port, Tags, Meta, Weights, Kind, TaggedAddresses } = service
  const addresses = Object.entries(TaggedAddresses ?? {}).sort(([a], [b]) => compareText(a, b))
  return {
    id: ID,
    name,
    address: Address || otherAddress,
    port: Port ?? 0,
    tags: [...(Tags ?? [])].sort(compareText),
    meta: sorted(Meta),
    weights: { passing: Weights?.Passing ?? 1, warning: Weights?.Warning ?? 1 },
    kind: Kind ?? '',
    taggedAddresses: Object.fromEntries(
      addresses.map(([tag, { Address: address = '', Port: port = 0 }]) => [tag, { address, port }]),
    ),
  }
}

/** Whether a service is a mesh proxy with the same name as the service behind it. */
const isOwnProxy = ({ Kind, Proxy, Service: name }: Service): boolean =>
  Kind === 'connect-proxy' && Proxy?.DestinationServiceName === name

const isChosen = ({ Tags, Meta }: Service, state: string, choice: Choice): boolean =>
  choice.states?.includes(state) !== false &&
  choice.tags.every((tag) => Tags?.includes(tag)) &&
  Object.entries(choice.meta).every(([key, value]) => Meta?.[key] === value)

/**
 * Returns the instances that pass the filters. Throws a Mismatch if the answer is invalid.
 * @param dir the directory of the keys that stand for the instances
 * @param asked the requested name, which may differ in case from the service's own name; undefined for a prepared
 *   query
 */
export function instancesOf(
  entries: HealthEntries,
  dir: Key,
  asked: string | undefined,
  choice: Choice,
): Map<Key, string> {
  const found = new Map<Key, string>()
  const seen = new Set<Key>()
  const take = ({ Node, Service, Checks }: HealthEntries[number]): void => {
    const checks = Checks ?? []
    const status = stateOf(checks)
    if (asked !== undefined && lowerCase(Service.Service) !== lowerCase(asked)) {
      throw new Mismatch('differs from the requested name').within('Service.Service')
    }
    const key = instanceKey(dir, Node.Node, Service.ID)
    if (seen.has(key)) throw new Mismatch('appears twice').within('Service.ID')
    seen.add(key)
    if (!isChosen(Service, status, choice)) return
    if (!choice.proxies && isOwnProxy(Service)) return
    const value = {
      ...instanceOf(Service, Node.Address ?? ''),
      node: Node.Node,
      nodeAddress: Node.Address ?? '',
      nodeTaggedAddresses: sorted(Node.TaggedAddresses),
      nodeMeta: sorted(Node.Meta),
      datacenter: Node.Datacenter ?? '',
      status,
      checks: checks
        .map((check) => ({ id: check.CheckID, name: check.Name ?? '', status: check.Status }))
        .sort((a, b) => compareText(a.id, b.id)),
      ...(choice.near ? { order: found.size } : {}),
    }
    found.set(key, JSON.stringify(value))
  }
  each(entries, take)
  return found
}

const plainNode = ({
  ID,
  Node,
  Address,
  TaggedAddresses,
  Datacenter,
  Meta,
}: NodeEntry): object => ({
  id: ID ?? '',
  node: Node,
  address: Address ?? '',
  taggedAddresses: sorted(TaggedAddresses),
  datacenter: Datacenter ?? '',
  meta: sorted(Meta),
})

/** Returns the values of nodes by key. Throws a Mismatch if a node appears twice. */
export function nodesOf(entries: readonly NodeEntry[], lookUp: LookUp): Map<Key, string> {
  const found = new Map<Key, string>()
  const take = (node: NodeEntry): void => {
    const key = nodeKey(node.Node, lookUp)
    if (found.has(key)) throw new Mismatch('appears twice').within('Node')
    found.set(key, JSON.stringify(plainNode(node)))
  }
  each(entries, take)
  return found
}

/** Returns a node together with its services, which are sorted by id. Throws a Mismatch if the answer is invalid. */
export function nodeWithServices(
  answer: ReturnType<typeof nodeAnswer>,
  key: Key,
  asked: string,
): Map<Key, string> {
  if (answer === null || answer === undefined) return new Map()
  const { Node, Services } = answer
  if (lowerCase(Node.Node) !== lowerCase(asked)) {
    throw new Mismatch('differs from the requested name').within('Node.Node')
  }
  const services = Object.values(Services ?? {})
    .sort((a, b) => compareText(a.ID, b.ID))
    .map((service) => instanceOf(service, Node.Address ?? ''))
  return new Map([[key, JSON.stringify({ ...plainNode(Node), services })]])
}

export const datacentersOf = (names: readonly string[]): Map<Key, string> =>
  new Map(names.map((name) => [datacenterKey(name), '']))
