// What Consul tells of instances and nodes, as the JSON that the keys hold: the same facts give the
// same text, whatever order they come in. What checks put out is left out: it changes all the time.
import { datacenterKey, instanceKey, nodeKey, type LookUp } from '../../core/catalog.ts'
import { compareText, type Key } from '../../core/key.ts'
import {
  count,
  each,
  listOf,
  mapOf,
  Mismatch,
  nullable,
  optional,
  record,
  text,
  textLike,
} from '../shape.ts'

/** Part of a key. */
const name = textLike(/./s, 'a name')

const meta = nullable(mapOf(text))

const nodeEntry = record({
  ID: optional(text),
  Node: name,
  Address: optional(text),
  TaggedAddresses: meta,
  Datacenter: optional(text),
  Meta: meta,
})

/** The answer of `/v1/catalog/nodes`. */
export const nodeEntries = listOf(nodeEntry)

const check = record({ CheckID: text, Name: optional(text), Status: text })

const service = record({
  ID: name,
  Service: name,
  Kind: optional(text),
  Address: optional(text),
  TaggedAddresses: nullable(mapOf(record({ Address: optional(text), Port: optional(count) }))),
  Port: optional(count),
  Tags: nullable(listOf(text)),
  Meta: meta,
  Weights: nullable(record({ Passing: count, Warning: count })),
  Proxy: nullable(record({ DestinationServiceName: optional(text) })),
})

/** The answer of `/v1/health/service/:name`, as far as it is used. */
export const healthEntries = listOf(
  record({ Node: nodeEntry, Service: service, Checks: nullable(listOf(check)) }),
)

/** The answer of `/v1/catalog/node/:name`; null where there is none. */
export const nodeAnswer = nullable(record({ Node: nodeEntry, Services: nullable(mapOf(service)) }))

/** The answer of `/v1/query/:name/execute`. */
export const queryAnswer = record({
  Nodes: nullable(healthEntries),
  DNS: nullable(record({ TTL: optional(text) })),
})

/** The answer of `/v1/catalog/datacenters`. */
export const datacenterNames = listOf(name)

type Check = ReturnType<typeof check>
type Service = ReturnType<typeof service>
type NodeEntry = ReturnType<typeof nodeEntry>
type HealthEntries = ReturnType<typeof healthEntries>

export interface Choice {
  /** The states that an instance may be in; undefined: any. */
  readonly states: readonly string[] | undefined
  /** Every one of them. */
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
  /** The order of the answer, nearest first, is told. */
  readonly near: boolean
  /** Proxies that go by the name of the service they are for. */
  readonly proxies: boolean
}

/** Worst first. */
const STATES = ['maintenance', 'critical', 'warning', 'passing'] as const
type State = (typeof STATES)[number]

/** Of all checks, of the node and of the service, the worst; as Consul's own programs put it. */
function stateOf(checks: readonly Check[]): State {
  const states = new Set(
    checks.map(({ CheckID, Status }) =>
      /^_(?:node_maintenance$|service_maintenance:)/.test(CheckID) ? 'maintenance' : Status,
    ),
  )
  return STATES.find((state) => states.has(state)) ?? 'passing'
}

const sorted = (meta: Readonly<Record<string, string>> | null | undefined): object =>
  Object.fromEntries(Object.entries(meta ?? {}).sort(([a], [b]) => compareText(a, b)))

/** What is told of an instance wherever it is listed. */
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

/** A proxy of the mesh under the name of the very service that it is for. */
const isOwnProxy = ({ Kind, Proxy, Service: name }: Service): boolean =>
  Kind === 'connect-proxy' && Proxy?.DestinationServiceName === name

const isChosen = ({ Tags, Meta }: Service, state: string, choice: Choice): boolean =>
  choice.states?.includes(state) !== false &&
  choice.tags.every((tag) => Tags?.includes(tag)) &&
  Object.entries(choice.meta).every(([key, value]) => Meta?.[key] === value)

/**
 * The instances that are chosen. Throws a Mismatch.
 * @param dir where they are as keys
 * @param asked the service that was asked for; to Consul names are the same in upper and in lower case
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
    if (asked !== undefined && Service.Service.toLowerCase() !== asked.toLowerCase()) {
      throw new Mismatch('is not the one that was asked for').within('Service.Service')
    }
    const key = instanceKey(dir, Node.Node, Service.ID)
    if (seen.has(key)) throw new Mismatch('is there twice').within('Service.ID')
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

/** Throws a Mismatch. */
export function nodesOf(entries: readonly NodeEntry[], lookUp: LookUp): Map<Key, string> {
  const found = new Map<Key, string>()
  const take = (node: NodeEntry): void => {
    const key = nodeKey(node.Node, lookUp)
    if (found.has(key)) throw new Mismatch('is there twice').within('Node')
    found.set(key, JSON.stringify(plainNode(node)))
  }
  each(entries, take)
  return found
}

/** A node with what is registered on it, in the order of the ids. Throws a Mismatch. */
export function nodeWithServices(
  answer: ReturnType<typeof nodeAnswer>,
  key: Key,
  asked: string,
): Map<Key, string> {
  if (answer === null || answer === undefined) return new Map()
  const { Node, Services } = answer
  if (Node.Node.toLowerCase() !== asked.toLowerCase()) {
    throw new Mismatch('is not the one that was asked for').within('Node.Node')
  }
  const services = Object.values(Services ?? {})
    .sort((a, b) => compareText(a.ID, b.ID))
    .map((service) => instanceOf(service, Node.Address ?? ''))
  return new Map([[key, JSON.stringify({ ...plainNode(Node), services })]])
}

export const datacentersOf = (names: readonly string[]): Map<Key, string> =>
  new Map(names.map((name) => [datacenterKey(name), '']))
