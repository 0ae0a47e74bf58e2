// Change queries: blocking queries that report the services affected by a change in a datacenter, so that hundreds of
// services do not need a query each. A check contains the name of its service, so the changed ModifyIndex of a check
// identifies the service to read. A registration or a changed port only increments the index of the list of services,
// and a changed node only increments the index of the list of nodes. After such a change, everything that templates
// look up must be read once.
import type { LookUp } from '../../core/catalog.ts'
import { count, listOf, record, text } from '../shape.ts'
import { TokenBucket } from '../token-bucket.ts'
import { NODES_CHANGED, serviceNames, type CatalogApi, type ChangesOf } from './api.ts'

const checks = listOf(record({ Node: text, CheckID: text, ServiceName: text, ModifyIndex: count }))
type Check = ReturnType<typeof checks>[number]

/** Drops the output of checks, which may be long. */
const withoutOutput = (value: unknown): readonly Check[] =>
  checks(value).map(({ Node, CheckID, ServiceName, ModifyIndex }) => {
    return { Node, CheckID, ServiceName, ModifyIndex }
  })

const CHECKS: ChangesOf<readonly Check[]> = { path: '/v1/health/state/any', shape: withoutOutput }
const SERVICES: ChangesOf<unknown> = { path: '/v1/catalog/services', shape: serviceNames }

/**
 * Rate limit of each change query: the size of a burst and the number of queries per second. Low, because the answer
 * with all checks may be long.
 */
const BURST = 10
const PER_SECOND = 4

/** The services and nodes affected by a change. */
export interface Affected {
  /** The minimum index of an acceptable answer, by service name. */
  readonly services: ReadonlyMap<string, number>
  /** The minimum index at which to read the services of a node, by node name. */
  readonly nodes: ReadonlyMap<string, number>
  /** Whether any service or node may have changed, so that all of them must be read. */
  readonly isAnything: boolean
}

const ANYTHING: Affected = { services: new Map(), nodes: new Map(), isAnything: true }
const NOTHING: Affected = { ...ANYTHING, isAnything: false }

/** One repeated query. Each call of next() resolves with the changes since the previous call. */
export class ChangeQuery<T> {
  #index = 0
  #former: T | undefined
  readonly #bucket = new TokenBucket(BURST, PER_SECOND)

  /** @param compare returns the services and nodes that the difference between two answers affects */
  constructor(
    private readonly api: Pick<CatalogApi, 'changes'>,
    private readonly lookUp: LookUp,
    private readonly what: ChangesOf<T>,
    private readonly compare: (former: T, present: T) => Affected,
  ) {}

  /** The first call resolves immediately with `isAnything`, and so does the first call after reset(). */
  async next(signal: AbortSignal): Promise<Affected> {
    await this.#bucket.take(signal)
    const index = this.#index
    const asked = { index, signal, ...(index === 0 ? { atLeast: Infinity } : {}) }
    const answer = await this.api.changes(this.lookUp, this.what, asked)
    const { value, early, isReset } = answer
    const former = this.#former
    this.#index = answer.index
    this.#former = value
    if (index === 0 || isReset || former === undefined || value === undefined) return ANYTHING
    return early || answer.index !== index ? this.compare(former, value) : NOTHING
  }

  /** Makes next() report that anything may have changed. */
  reset(): void {
    this.#index = 0
    this.#former = undefined
  }
}

/** The change queries of one datacenter. */
export const changeQueriesOf = (api: Pick<CatalogApi, 'changes'>, lookUp: LookUp) =>
  [
    new ChangeQuery(api, lookUp, CHECKS, affectedByChecks),
    new ChangeQuery(api, lookUp, NODES_CHANGED, () => ANYTHING),
    new ChangeQuery(api, lookUp, SERVICES, () => ANYTHING),
  ] as const

export const CHANGE_QUERIES = 3

const checkId = ({ Node, CheckID }: Check): string => `${Node}\0${CheckID}`

/**
 * A check of a node affects all services on that node. A removed check has no index, so its service is read from the
 * leader.
 */
function affectedByChecks(former: readonly Check[], present: readonly Check[]): Affected {
  const services = new Map<string, number>()
  const nodes = new Map<string, number>()
  const note = ({ Node, ServiceName }: Check, index: number): void => {
    const [named, name] = ServiceName === '' ? [nodes, Node] : [services, ServiceName]
    named.set(name, Math.max(index, named.get(name) ?? 0))
  }
  const known = new Map(former.map((check) => [checkId(check), check]))
  for (const check of present) {
    const id = checkId(check)
    const before = known.get(id)
    known.delete(id)
    if (before?.ModifyIndex !== check.ModifyIndex) note(check, check.ModifyIndex)
    // The check has moved to another service, so both services are affected.
    if (before !== undefined && before.ServiceName !== check.ServiceName) note(before, Infinity)
  }
  for (const check of known.values()) note(check, Infinity)
  return { services, nodes, isAnything: false }
}
