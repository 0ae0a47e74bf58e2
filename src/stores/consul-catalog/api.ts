// What is asked of Consul's catalog, and the keys that the answers are.
// https://developer.hashicorp.com/consul/api-docs/health and /consul/api-docs/catalog
import { serviceDir } from '../../core/catalog.ts'
import { compareText, entryOf, type Key } from '../../core/key.ts'
import { FaultError } from '../../core/fault.ts'
import type { CatalogSettings } from '../../core/settings.ts'
import type { Answer, ConsulHttp, Query } from '../consul-http.ts'
import { instancesOf, nodesOf, type Choice, type HealthEntry, type NodeEntry } from './values.ts'

export interface Asked {
  /** Answered once something is beyond it; at once for 0. */
  readonly index: number
  readonly signal: AbortSignal
  /** By the leader, whatever staleness is allowed. */
  readonly fresh?: boolean
}

export interface Reading extends Pick<Answer, 'index' | 'early'> {
  readonly entries: ReadonlyMap<Key, string>
}

/** A question that can be asked again and again. */
export type Ask = (asked: Asked) => Promise<Reading>

/** A right to read, in the words of Consul's API. */
interface Right {
  readonly Resource: 'service' | 'node'
  /** What its name begins with. */
  readonly Segment: string
}

interface Question<T> extends Pick<Query, 'about' | 'form'> {
  readonly path: string
  /** Without these, the answer may be so because of the ACL. */
  readonly rights: (value: T) => readonly Right[]
  readonly entries: (value: T) => ReadonlyMap<Key, string>
}

const ALL_NODES: Right = { Resource: 'node', Segment: '' }

export class CatalogApi {
  readonly #choice: Choice
  readonly #parameters: readonly string[]
  /** It does not change while the agent runs: there is no reason to ask twice. */
  #tellsRights: boolean

  /** @param connect who is asking at the moment: a token in a file may be rotated */
  constructor(
    private readonly connect: () => ConsulHttp,
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
    this.#parameters = [
      ['dc', datacenter],
      ['ns', namespace],
      ['near', near],
    ].flatMap(([name, value]) => (value ? [`${name}=${encodeURIComponent(value)}`] : []))
    // Rights in a namespace are told only by the versions that also tell what was left out.
    this.#tellsRights = namespace === undefined
  }

  /** The instances of one service that are chosen. */
  instances(name: string): Ask {
    return this.#asking<readonly HealthEntry[]>({
      about: `the service ${name}`,
      path: `/v1/health/service/${encodeURIComponent(name)}`,
      form: 'list',
      rights: ({ length }) =>
        length > 0 ? [] : [{ Resource: 'service', Segment: name }, ALL_NODES],
      entries: (value) => instancesOf(value, this.#choice),
    })
  }

  /** The directory of each service there is, with its name and its tags: those of all its instances. */
  readonly names: Ask = this.#asking<Readonly<Record<string, readonly string[]>>>({
    about: 'the list of services',
    path: '/v1/catalog/services',
    form: 'map',
    rights: () => [{ Resource: 'service', Segment: '' }],
    entries: (value) =>
      new Map(
        Object.entries(value)
          .filter(([, tags]) => this.#choice.tags.every((tag) => tags.includes(tag)))
          .map(([name, tags]) => {
            const text = JSON.stringify({ name, tags: [...tags].sort(compareText) })
            return [entryOf(serviceDir(name)), text]
          }),
      ),
  })

  readonly nodes: Ask = this.#asking<readonly NodeEntry[]>({
    about: 'the nodes',
    path: '/v1/catalog/nodes',
    form: 'list',
    rights: () => [ALL_NODES],
    entries: nodesOf,
  })

  /** Throws when the catalog cannot be read; there is nothing to be told of what is in it. */
  async reach(signal: AbortSignal): Promise<void> {
    await this.bells[0]({ index: 0, signal })
  }

  /**
   * Questions whose index moves with everything that can be said of an instance. The filters let
   * nothing through, so the answers are next to nothing; what the ACL does to them does not matter.
   */
  get bells(): readonly [Ask, ...Ask[]] {
    const bell =
      (path: string, form: Query['form'], ...parameters: readonly string[]): Ask =>
      async (asked) => {
        const query = { about: 'changes of the catalog', path, form }
        return {
          ...(await this.#get(this.connect(), query, asked, parameters)),
          entries: new Map(),
        }
      }
    return [
      bell('/v1/health/state/any', 'list', `filter=${encodeURIComponent('CheckID == ""')}`),
      bell('/v1/catalog/nodes', 'list', `filter=${encodeURIComponent('Node == ""')}`),
      bell('/v1/catalog/services', 'map'),
    ]
  }

  #asking<T>(question: Question<T>): Ask {
    const { about, rights, entries } = question
    return async (asked) => {
      for (;;) {
        // One for both: what may be read has to be known of the token that has read.
        const http = this.connect()
        try {
          const answer = await this.#get(http, question, asked)
          const value = answer.value as T
          const mayRead = await this.#mayRead(http, rights(value), asked.signal)
          if (answer.filtered || !mayRead) throw http.denied(about)
          return { index: answer.index, early: answer.early, entries: entries(value) }
        } catch (error) {
          const denied = error instanceof FaultError && error.fault.permanent === true
          // The old token was refused while the new one was on its way.
          if (!denied || this.connect().isAs(http)) throw error
        }
      }
    }
  }

  /** Stale answers are taken while they are young enough; else the leader is asked. */
  async #get(
    http: ConsulHttp,
    { path, about, form }: Pick<Question<never>, 'path' | 'about' | 'form'>,
    { index, signal, fresh = false }: Asked,
    more: readonly string[] = [],
  ): Promise<Answer> {
    const { maxStale } = this.settings
    const parameters = [...this.#parameters, ...more].join('&')
    const whole = parameters === '' ? path : `${path}?${parameters}`
    if (maxStale === 0 || fresh) return http.get(whole, { index, signal, about, form })
    const answer = await http.get(whole, { index, signal, about, form, stale: true })
    if (answer.lastContact <= maxStale) return answer
    return http.get(whole, { index: 0, signal, about, form })
  }

  async #mayRead(
    http: ConsulHttp,
    rights: readonly Right[],
    signal: AbortSignal,
  ): Promise<boolean> {
    if (rights.length === 0 || !this.#tellsRights) return true
    const told = await http.rights(rights, signal)
    this.#tellsRights = told !== undefined
    return told?.includes(false) !== true
  }
}
