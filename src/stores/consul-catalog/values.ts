// What Consul tells of instances and nodes, as the JSON that the keys hold: the same facts give the
// same text, whatever order they come in. What checks put out is left out: it changes all the time.
import { compareText, type Key } from '../../core/key.ts'
import { instanceKey, nodeKey } from '../../core/catalog.ts'
import { count, each, listOf, mapOf, Mismatch, nullable, optional, record, text } from '../shape.ts'

const meta = nullable(mapOf(text))

/** One entry of `/v1/catalog/nodes`. */
const nodeEntry = record({
  ID: optional(text),
  Node: text,
  Address: optional(text),
  Datacenter: optional(text),
  Meta: meta,
})

export const nodeEntries = listOf(nodeEntry)

const check = record({ CheckID: text, Name: optional(text), Status: text })

type Check = ReturnType<typeof check>

/** The answer of `/v1/health/service/:name`, as far as it is used. */
export const healthEntries = listOf(
  record({
    Node: nodeEntry,
    Service: record({
      ID: text,
      Service: text,
      Address: optional(text),
      Port: optional(count),
      Tags: nullable(listOf(text)),
      Meta: meta,
      Weights: nullable(record({ Passing: count, Warning: count })),
    }),
    Checks: nullable(listOf(check)),
  }),
)

type NodeEntries = ReturnType<typeof nodeEntries>
type HealthEntries = ReturnType<typeof healthEntries>

export interface Choice {
  /** Instances in any state; else only those whose checks all pass. */
  readonly anyState: boolean
  /** Every one of them. */
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
  /** The order of the answer, nearest first, is told. */
  readonly near: boolean
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

/**
 * The instances that are chosen. Throws a Mismatch.
 * @param asked the service that was asked for; to Consul names are the same in upper and in lower case
 */
export function instancesOf(
  entries: HealthEntries,
  asked: string,
  choice: Choice,
): Map<Key, string> {
  const found = new Map<Key, string>()
  const seen = new Set<Key>()
  const take = ({ Node, Service, Checks }: HealthEntries[number]): void => {
    const checks = Checks ?? []
    const status = stateOf(checks)
    const { ID, Service: name, Tags, Meta, Weights } = Service
    if (name.toLowerCase() !== asked.toLowerCase()) {
      throw new Mismatch('is not the one that was asked for').within('Service.Service')
    }
    const key = instanceKey(name, Node.Node, ID)
    if (seen.has(key)) throw new Mismatch('is there twice').within('Service.ID')
    seen.add(key)
    const tags = [...(Tags ?? [])].sort(compareText)
    const chosen =
      (choice.anyState || status === 'passing') &&
      choice.tags.every((tag) => tags.includes(tag)) &&
      Object.entries(choice.meta).every(([key, value]) => Meta?.[key] === value)
    if (!chosen) return
    const value = {
      id: ID,
      name,
      address: Service.Address || (Node.Address ?? ''),
      port: Service.Port ?? 0,
      tags,
      meta: sorted(Meta),
      weights: { passing: Weights?.Passing ?? 1, warning: Weights?.Warning ?? 1 },
      node: Node.Node,
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

/** Throws a Mismatch. */
export function nodesOf(entries: NodeEntries): Map<Key, string> {
  const found = new Map<Key, string>()
  const take = ({ ID, Node, Address, Datacenter, Meta }: NodeEntries[number]): void => {
    const key = nodeKey(Node)
    if (found.has(key)) throw new Mismatch('is there twice').within('Node')
    const value = {
      id: ID ?? '',
      node: Node,
      address: Address ?? '',
      datacenter: Datacenter ?? '',
      meta: sorted(Meta),
    }
    found.set(key, JSON.stringify(value))
  }
  each(entries, take)
  return found
}
