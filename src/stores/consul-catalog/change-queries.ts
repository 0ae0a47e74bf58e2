// Bells: blocking queries that tell which services of a datacenter a change concerns, so that hundreds of
// services need no query each. The checks name theirs: those whose ModifyIndex has moved. A registration or
// a changed port moves the index of the list of services, whose body does not tell what it was; nodes
// likewise. After these everything that is looked up is due once.
import type { LookUp } from '../../core/catalog.ts'
import { count, listOf, record, text } from '../shape.ts'
import { TokenBucket } from '../token-bucket.ts'
import { NODES_CHANGED, serviceNames, type CatalogApi, type ChangesOf } from './api.ts'

const checks = listOf(record({ Node: text, CheckID: text, ServiceName: text, ModifyIndex: count }))
type Check = ReturnType<typeof checks>[number]

/** Without what checks put out, which may be long, and is not held. */
const withoutOutput = (value: unknown): readonly Check[] =>
  checks(value).map(({ Node, CheckID, ServiceName, ModifyIndex }) => {
    return { Node, CheckID, ServiceName, ModifyIndex }
  })

const CHECKS: ChangesOf<readonly Check[]> = { path: '/v1/health/state/any', shape: withoutOutput }
const SERVICES: ChangesOf<unknown> = { path: '/v1/catalog/services', shape: serviceNames }

/** Of each bell: so many answers in a row at once, then so many a second. That of the checks may be long. */
const BURST = 10
const PER_SECOND = 4

/** What has rung: services by name with the index to read them at, nodes likewise, or anything at all. */
export interface Affected {
  readonly services: ReadonlyMap<string, number>
  readonly nodes: ReadonlyMap<string, number>
  readonly isAnything: boolean
}

const ANYTHING: Affected = { services: new Map(), nodes: new Map(), isAnything: true }
const NOTHING: Affected = { ...ANYTHING, isAnything: false }

/** One bell; each call of `ring` resolves with what has happened since the one before. */
export class ChangeQuery<T> {
  #index = 0
  #former: T | undefined
  readonly #bucket = new TokenBucket(BURST, PER_SECOND)

  /** @param compare what the difference between two answers concerns */
  constructor(
    private readonly api: Pick<CatalogApi, 'changes'>,
    private readonly lookUp: LookUp,
    private readonly what: ChangesOf<T>,
    private readonly compare: (former: T, present: T) => Affected,
  ) {}

  /** At once when it has not been asked before, or not in vain: then anything may have happened. */
  async next(signal: AbortSignal): Promise<Affected> {
    await this.#bucket.take(signal)
    const index = this.#index
    const asked = { index, signal, ...(index === 0 ? { atLeast: Infinity } : {}) }
    const answer = await this.api.changes(this.lookUp, this.what, asked)
    const { value, early, anew } = answer
    const former = this.#former
    this.#index = answer.index
    this.#former = value
    if (index === 0 || anew || former === undefined || value === undefined) return ANYTHING
    return early || answer.index !== index ? this.compare(former, value) : NOTHING
  }

  /** The next answer is for all that may have happened meanwhile. */
  reset(): void {
    this.#index = 0
    this.#former = undefined
  }
}

/** Those of one datacenter. */
export const changeQueriesOf = (api: Pick<CatalogApi, 'changes'>, lookUp: LookUp) =>
  [
    new ChangeQuery(api, lookUp, CHECKS, affectedByChecks),
    new ChangeQuery(api, lookUp, NODES_CHANGED, () => ANYTHING),
    new ChangeQuery(api, lookUp, SERVICES, () => ANYTHING),
  ] as const

export const CHANGE_QUERIES = 3

const checkId = ({ Node, CheckID }: Check): string => `${Node}\0${CheckID}`

/** A check of a node concerns whatever runs there. One that is gone has no index to read at but the leader's. */
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
    // The same check of another service: the former one has lost it.
    if (before !== undefined && before.ServiceName !== check.ServiceName) note(before, Infinity)
  }
  for (const check of known.values()) note(check, Infinity)
  return { services, nodes, isAnything: false }
}
