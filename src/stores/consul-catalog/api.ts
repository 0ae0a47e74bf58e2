// What is asked of Consul's catalog, and the keys that the answers are.
// https://developer.hashicorp.com/consul/api-docs/health and /consul/api-docs/catalog
import { serviceDir } from '../../core/catalog.ts'
import { compareText, entryOf, type Key } from '../../core/key.ts'
import { FaultError } from '../../core/fault.ts'
import type { CatalogSettings } from '../../core/settings.ts'
import type { Answer, ConsulHttp, Query } from '../consul-http.ts'
import {
  anything,
  expecting,
  listOf,
  mapOf,
  Mismatch,
  nullable,
  text,
  type Shape,
} from '../shape.ts'
import { healthEntries, instancesOf, nodeEntries, nodesOf, type Choice } from './values.ts'

export interface Asked {
  /** Answered once something is beyond it; at once for 0. */
  readonly index: number
  readonly signal: AbortSignal
  /** By the leader, whatever staleness is allowed. */
  readonly fresh?: boolean
}

export interface Reading extends Pick<Answer<unknown>, 'index' | 'early'> {
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

interface Question<T> extends Pick<Query<T>, 'about' | 'shape'> {
  readonly path: string
  /** Without these, the answer may be so because of the ACL. */
  readonly rights: (value: T) => readonly Right[]
  /** Throws a Mismatch. */
  readonly entries: (value: T) => ReadonlyMap<Key, string>
}

const ALL_NODES: Right = { Resource: 'node', Segment: '' }

/** Services in a datacenter, by far: each may come to be asked for. */
const MOST_SERVICES = 100_000

const tagsOfEach = mapOf(nullable(listOf(text)))

/** The tags of each service. */
const names: typeof tagsOfEach = (value) => {
  const found = tagsOfEach(value)
  if (Object.keys(found).length <= MOST_SERVICES) return found
  throw new Mismatch(`has more than ${MOST_SERVICES} services`)
}

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
    return this.#asking({
      about: `the service ${name}`,
      path: `/v1/health/service/${encodeURIComponent(name)}`,
      shape: healthEntries,
      rights: ({ length }) =>
        length > 0 ? [] : [{ Resource: 'service', Segment: name }, ALL_NODES],
      entries: (value) => instancesOf(value, name, this.#choice),
    })
  }

  /** The directory of each service there is, with its name and its tags: those of all its instances. */
  readonly names: Ask = this.#asking({
    about: 'the list of services',
    path: '/v1/catalog/services',
    shape: names,
    rights: () => [{ Resource: 'service', Segment: '' }],
    entries: (value) =>
      new Map(
        Object.entries(value)
          .map(([name, tags]) => ({ name, tags: [...(tags ?? [])].sort(compareText) }))
          .filter(({ tags }) => this.#choice.tags.every((tag) => tags.includes(tag)))
          .map((service) => [entryOf(serviceDir(service.name)), JSON.stringify(service)]),
      ),
  })

  readonly nodes: Ask = this.#asking({
    about: 'the nodes',
    path: '/v1/catalog/nodes',
    shape: nodeEntries,
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
      (path: string, shape: Shape<unknown>, ...parameters: readonly string[]): Ask =>
      async (asked) => {
        const query = { about: 'changes of the catalog', path, shape }
        return {
          ...(await this.#get(this.connect(), query, asked, parameters)),
          entries: new Map(),
        }
      }
    const list = listOf(anything)
    return [
      bell('/v1/health/state/any', list, `filter=${encodeURIComponent('CheckID == ""')}`),
      bell('/v1/catalog/nodes', list, `filter=${encodeURIComponent('Node == ""')}`),
      bell('/v1/catalog/services', names),
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
          // Undefined only where it may be missing.
          const value = answer.value as T
          const mayRead = await this.#mayRead(http, rights(value), asked.signal)
          if (answer.filtered || !mayRead) throw http.denied(about)
          const { index, early } = answer
          const wrong = (what: string): FaultError => http.notConsul(what)
          return { index, early, entries: expecting(wrong, () => entries(value)) }
        } catch (error) {
          const denied = error instanceof FaultError && error.fault.permanent === true
          // The old token was refused while the new one was on its way.
          if (!denied || this.connect().isAs(http)) throw error
        }
      }
    }
  }

  /** Stale answers are taken while they are young enough; else the leader is asked. */
  async #get<T>(
    http: ConsulHttp,
    { path, about, shape }: Pick<Question<T>, 'path' | 'about' | 'shape'>,
    { index, signal, fresh = false }: Asked,
    more: readonly string[] = [],
  ): Promise<Answer<T>> {
    const { maxStale } = this.settings
    const parameters = [...this.#parameters, ...more].join('&')
    const whole = parameters === '' ? path : `${path}?${parameters}`
    if (maxStale === 0 || fresh) return http.get(whole, { index, signal, about, shape })
    const answer = await http.get(whole, { index, signal, about, shape, stale: true })
    if (answer.lastContact <= maxStale) return answer
    return http.get(whole, { index: 0, signal, about, shape })
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
