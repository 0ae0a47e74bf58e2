// What Consul tells of instances and nodes, as the JSON that the keys hold: the same facts give the
// same text, whatever order they come in. What checks put out is left out: it changes all the time.
import { compareText, type Key } from '../../core/key.ts'
import { instanceKey, nodeKey } from '../../core/catalog.ts'

interface Check {
  readonly CheckID: string
  readonly Name: string
  readonly Status: string
}

/** One entry of `/v1/catalog/nodes`. */
export interface NodeEntry {
  readonly ID?: string
  readonly Node: string
  readonly Address: string
  readonly Datacenter?: string
  readonly Meta?: Readonly<Record<string, string>> | null
}

/** One entry of `/v1/health/service/:name`, as far as it is used. */
export interface HealthEntry {
  readonly Node: NodeEntry
  readonly Service: {
    readonly ID: string
    readonly Service: string
    readonly Address?: string
    readonly Port?: number
    readonly Tags?: readonly string[] | null
    readonly Meta?: Readonly<Record<string, string>> | null
    readonly Weights?: { readonly Passing: number; readonly Warning: number } | null
  }
  readonly Checks: readonly Check[] | null
}

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

/** The instances that are chosen. */
export function instancesOf(entries: readonly HealthEntry[], choice: Choice): Map<Key, string> {
  const found = new Map<Key, string>()
  for (const { Node, Service, Checks } of entries) {
    const checks = Checks ?? []
    const status = stateOf(checks)
    const { ID, Service: name, Tags, Meta, Weights } = Service
    const tags = [...(Tags ?? [])].sort(compareText)
    const chosen =
      (choice.anyState || status === 'passing') &&
      choice.tags.every((tag) => tags.includes(tag)) &&
      Object.entries(choice.meta).every(([key, value]) => Meta?.[key] === value)
    if (!chosen) continue
    const value = {
      id: ID,
      name,
      address: Service.Address || Node.Address,
      port: Service.Port ?? 0,
      tags,
      meta: sorted(Meta),
      weights: { passing: Weights?.Passing ?? 1, warning: Weights?.Warning ?? 1 },
      node: Node.Node,
      datacenter: Node.Datacenter ?? '',
      status,
      checks: checks
        .map((check) => ({ id: check.CheckID, name: check.Name, status: check.Status }))
        .sort((a, b) => compareText(a.id, b.id)),
      ...(choice.near ? { order: found.size } : {}),
    }
    found.set(instanceKey(name, Node.Node, ID), JSON.stringify(value))
  }
  return found
}

export function nodesOf(entries: readonly NodeEntry[]): Map<Key, string> {
  return new Map(
    entries.map(({ ID, Node, Address, Datacenter, Meta }) => [
      nodeKey(Node),
      JSON.stringify({
        id: ID ?? '',
        node: Node,
        address: Address,
        datacenter: Datacenter ?? '',
        meta: sorted(Meta),
      }),
    ]),
  )
}
