// What is asked of Consul's catalog, and the keys that the answers are.
// https://developer.hashicorp.com/consul/api-docs/health and /consul/api-docs/catalog
import type { Key } from '../../core/key.ts'
import type { CatalogSettings } from '../../core/settings.ts'
import type { Answer, ConsulHttp } from '../consul-http.ts'
import { serviceDir } from '../../core/catalog.ts'
import { instancesOf, nodesOf, type Choice, type HealthEntry } from './values.ts'

export interface Reading {
  readonly index: number
  readonly early: boolean
  readonly entries: ReadonlyMap<Key, string>
}

export interface Asked {
  /** Answered once something is beyond it; at once for 0. */
  readonly index: number
  readonly signal: AbortSignal
  /** By the leader, whatever staleness is allowed. */
  readonly fresh?: boolean
}

/** A question that can be asked again and again. */
export type Ask = (asked: Asked) => Promise<Reading>

export class CatalogApi {
  readonly #choice: Choice
  readonly #query: string

  constructor(
    private readonly http: ConsulHttp,
    private readonly settings: CatalogSettings,
  ) {
    const { health, tags, meta, near, datacenter, namespace } = settings
    const pairs = meta.map((pair) => [pair.split('=', 1)[0], pair.slice(pair.indexOf('=') + 1)])
    this.#choice = {
      anyState: health === 'any',
      tags,
      meta: Object.fromEntries(pairs) as Record<string, string>,
      near: near !== undefined,
    }
    const parameters = [
      ['dc', datacenter],
      ['ns', namespace],
      ['near', near],
    ].flatMap(([name, value]) => (value ? [`${name}=${encodeURIComponent(value)}`] : []))
    this.#query = parameters.length === 0 ? '' : `?${parameters.join('&')}`
  }

  /** The instances of one service that are chosen. */
  instances(name: string): Ask {
    const about = `the service ${name}`
    return async (asked) => {
      const path = `/v1/health/service/${encodeURIComponent(name)}`
      const answer = await this.#get(path, about, asked)
      const all = answer.value as readonly HealthEntry[]
      if (all.length === 0) await this.#expectRights(['service', 'node'], name, about, asked)
      return { ...answer, entries: instancesOf(all, this.#choice) }
    }
  }

  /** A key without a value for each service there is. */
  readonly names: Ask = async (asked) => {
    const about = 'the list of services'
    const answer = await this.#get('/v1/catalog/services', about, asked)
    // Consul before 1.11 does not say that it leaves some out.
    await this.#expectRights(['service'], '', about, asked)
    const names = Object.keys(answer.value as object)
    return { ...answer, entries: new Map(names.map((name) => [serviceDir(name), name])) }
  }

  readonly nodes: Ask = async (asked) => {
    const about = 'the nodes'
    const answer = await this.#get('/v1/catalog/nodes', about, asked)
    await this.#expectRights(['node'], '', about, asked)
    return { ...answer, entries: nodesOf(answer.value as Parameters<typeof nodesOf>[0]) }
  }

  /**
   * Questions whose index moves with everything that can be said of an instance, and whose answers
   * are next to nothing: the filters let nothing through.
   */
  get bells(): readonly Ask[] {
    const bell =
      (path: string, filter: string): Ask =>
      async (asked) => {
        const glue = this.#query === '' ? '?' : '&'
        const end = filter === '' ? '' : `${glue}filter=${encodeURIComponent(filter)}`
        const about = 'changes of the catalog'
        return { ...(await this.#get(path, about, asked, end)), entries: new Map() }
      }
    return [
      bell('/v1/health/state/any', 'CheckID == ""'),
      bell('/v1/catalog/nodes', 'Node == ""'),
      bell('/v1/catalog/services', ''),
    ]
  }

  /** Stale answers are taken while they are young enough; else the leader is asked. */
  async #get(path: string, about: string, asked: Asked, end = ''): Promise<Answer<unknown>> {
    const { index, signal, fresh = false } = asked
    const { maxStale } = this.settings
    const whole = path + this.#query + end
    if (maxStale === 0 || fresh) return this.http.get(whole, { index, signal, about })
    const answer = await this.http.get(whole, { index, signal, about, stale: true })
    if (answer.lastContact <= maxStale) return answer
    return this.http.get(whole, { index: 0, signal, about })
  }

  /** Throws when what is not there may have been kept back by the ACL. */
  async #expectRights(
    resources: readonly string[],
    segment: string,
    about: string,
    { signal }: Asked,
  ): Promise<void> {
    const rights = await this.http.rights(
      resources.map((Resource) => ({ Resource, Segment: Resource === 'node' ? '' : segment })),
      signal,
    )
    if (rights?.includes(false) === true) throw this.http.denied(about)
  }
}
