// What is asked of Consul's catalog, and the keys that the answers are.
// https://developer.hashicorp.com/consul/api-docs/health and /consul/api-docs/catalog
import { setTimeout as delay } from 'node:timers/promises'
import { serviceDir, type LookUp } from '../../core/catalog.ts'
import { compareText, entryOf, type Key } from '../../core/key.ts'
import { FaultError } from '../../core/fault.ts'
import type { CatalogSettings } from '../../core/settings.ts'
import { withParameters, type ConsulAnswer, type ConsulHttp, type Query } from '../consul-http.ts'
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
import { Proxies } from './proxies.ts'
import {
  datacenterNames,
  datacentersOf,
  healthEntries,
  instancesOf,
  nodeAnswer,
  nodeEntries,
  nodesOf,
  nodeWithServices,
  queryAnswer,
  type Choice,
} from './values.ts'

export interface AskOptions {
  /** Answered once something is beyond it; at once for 0. */
  readonly index: number
  readonly signal: AbortSignal
  /** How old the answer may be, whatever staleness is allowed: at least of this index; Infinity: the leader's. */
  readonly atLeast?: number
  /** The caller waits for a first answer, to decide whether to go on without it. */
  readonly isFirst?: boolean
}

export interface Reading extends Pick<ConsulAnswer<unknown>, 'index' | 'early'> {
  readonly entries: ReadonlyMap<Key, string>
  /** The nodes that the instances are on, of those that are not chosen as well. */
  readonly on?: ReadonlySet<string>
  /** Something to tell the operator. */
  readonly notice?: string | undefined
}

type Parameters = readonly (readonly [name: string, value: string | undefined])[]

/** A question that can be asked again and again. */
export type Ask = (asked: AskOptions) => Promise<Reading>

/** A right to read, in the words of Consul's API. */
interface Right {
  readonly Resource: 'service' | 'node'
  /** What its name begins with. */
  readonly Segment: string
}

type Findings = Pick<Reading, 'entries' | 'on'>

interface CatalogQuestion<T> extends Pick<Query<T>, 'about' | 'mayBeMissing'> {
  readonly shape: Shape<T>
  readonly path: string
  readonly lookUp: LookUp
  /** Without these, the answer may be so because of the ACL. */
  readonly rights?: (value: T) => readonly Right[]
  /** What is told where the ACL has kept something back and left the rest; absent: that is a fault. */
  readonly partly?: (value: T) => string | undefined
  /** Of one that cannot block: milliseconds until it is worth asking again. */
  readonly pollAfter?: (value: T | undefined) => number
  /** Throws a Mismatch. */
  readonly findings: (value: T) => Findings
}

const ALL_NODES: Right = { Resource: 'node', Segment: '' }

/** Services in a datacenter, by far: each may come to be asked for. */
const MOST_SERVICES = 100_000

/** Milliseconds between two looks at what Consul cannot tell changes of. */
const DATACENTERS_EVERY = 30_000
const QUERY_EVERY = 10_000
const LEAST_EVERY = 1000

/** Milliseconds: another datacenter that does not answer is not waited for as long as an agent is. */
const FAR_TIMEOUT = 10_000
const FAR_FIRST_TIMEOUT = 4000

const tagsOfEach = mapOf(nullable(listOf(text)))

/** The tags of each service. */
export const serviceNames: typeof tagsOfEach = (value) => {
  const found = tagsOfEach(value)
  if ('' in found) throw new Mismatch('has a service without a name')
  if (Object.keys(found).length <= MOST_SERVICES) return found
  throw new Mismatch(`has more than ${MOST_SERVICES} services`)
}

export class CatalogApi {
  readonly #choice: Choice
  /** It does not change while the agent runs: there is no reason to ask twice. */
  #tellsRights = true
  readonly #proxies = new Proxies()

  /** @param connect who is asking at the moment: a token in a file may be rotated */
  constructor(
    private readonly connect: () => ConsulHttp,
    private readonly settings: CatalogSettings,
  ) {
    const { health, tags, meta, near } = settings
    const pairs = meta.map((pair) => [pair.split('=', 1)[0], pair.slice(pair.indexOf('=') + 1)])
    this.#choice = {
      states: statesOf(health),
      tags,
      meta: Object.fromEntries(pairs) as Record<string, string>,
      near: near !== undefined,
      proxies: false,
    }
  }

  /** The instances of one service that are chosen. */
  instances(dir: Key, name: string, lookUp: LookUp): Ask {
    const choice = this.#choiceOf(lookUp)
    return this.#asking({
      about: `the service ${name}`,
      path: `/v1/health/service/${encodeURIComponent(name)}`,
      lookUp,
      shape: healthEntries,
      rights: ({ length }) =>
        length > 0 ? [] : [{ Resource: 'service', Segment: name }, ALL_NODES],
      findings: (value) => ({
        entries: instancesOf(value, dir, name, choice),
        on: new Set(value.map(({ Node }) => Node.Node)),
      }),
    })
  }

  /**
   * The directory of each service there is, with its name and its tags: those of all its instances. A token
   * that is good for some of them sees these.
   */
  names(lookUp: LookUp): Ask {
    const ask = this.#asking({
      about: 'the list of services',
      path: '/v1/catalog/services',
      lookUp,
      shape: serviceNames,
      rights: () => [{ Resource: 'service', Segment: '' }],
      partly: (value) =>
        Object.keys(value).length === 0
          ? undefined
          : 'the token may read some of the services only: the others are in no list of services',
      findings: (value) => ({
        entries: new Map(
          Object.entries(value)
            .map(([name, tags]) => ({ name, tags: [...(tags ?? [])].sort(compareText) }))
            .filter(({ tags }) => this.#choice.tags.every((tag) => tags.includes(tag)))
            .map((one) => [entryOf(serviceDir(one.name, lookUp)), JSON.stringify(one)]),
        ),
      }),
    })
    if (lookUp.proxies === true) return ask
    return async (asked) => {
      const reading = await ask(asked)
      const path = withParameters('/v1/internal/ui/services', this.#parametersOf(lookUp))
      const entries = await this.#proxies.without(
        reading.entries,
        this.connect(),
        path,
        asked.signal,
      )
      return { ...reading, entries }
    }
  }

  nodes(lookUp: LookUp): Ask {
    return this.#asking({
      about: 'the nodes',
      path: '/v1/catalog/nodes',
      lookUp,
      shape: nodeEntries,
      rights: () => [ALL_NODES],
      findings: (value) => ({ entries: nodesOf(value, lookUp) }),
    })
  }

  /** One node with what is registered on it. */
  node(key: Key, name: string, lookUp: LookUp): Ask {
    return this.#asking({
      about: `the node ${name}`,
      path: `/v1/catalog/node/${encodeURIComponent(name)}`,
      lookUp,
      shape: nodeAnswer,
      rights: (value) => [
        { Resource: 'service', Segment: '' },
        ...(value === null ? [{ Resource: 'node', Segment: name } as const] : []),
      ],
      findings: (value) => ({ entries: nodeWithServices(value, key, name) }),
    })
  }

  /** What a prepared query gives. Its own token, or ours, decides what that is. */
  query(dir: Key, name: string, lookUp: LookUp): Ask {
    // What the query chooses is Consul's business.
    const choice = { ...this.#choiceOf(lookUp), states: undefined, tags: [], meta: {} }
    return this.#asking({
      about: `the prepared query ${name}`,
      path: `/v1/query/${encodeURIComponent(name)}/execute`,
      lookUp,
      shape: queryAnswer,
      pollAfter: (value) => durationOf(value?.DNS?.TTL) ?? QUERY_EVERY,
      findings: ({ Nodes }) => ({ entries: instancesOf(Nodes ?? [], dir, undefined, choice) }),
    })
  }

  readonly datacenters: Ask = this.#asking({
    about: 'the list of datacenters',
    path: '/v1/catalog/datacenters',
    lookUp: {},
    shape: datacenterNames,
    pollAfter: () => DATACENTERS_EVERY,
    findings: (value) => ({ entries: datacentersOf(value) }),
  })

  /** Throws when the catalog cannot be read; there is nothing to be told of what is in it. */
  async reach(signal: AbortSignal): Promise<void> {
    await this.changes({}, NODES_CHANGED, { index: 0, signal })
  }

  /**
   * A question whose index moves with what can be said of instances, and its answer as it is. What the ACL does
   * to it does not matter: it is asked when to read, not what.
   */
  async changes<T>(
    lookUp: LookUp,
    what: ChangesOf<T>,
    asked: AskOptions,
  ): Promise<ConsulAnswer<T>> {
    const query = { about: 'changes of the catalog', ...what }
    return this.#get(this.connect(), query, asked, [
      ['dc', lookUp.dc ?? this.settings.datacenter],
      ['ns', lookUp.namespace ?? this.settings.namespace],
      ['filter', what.filter],
    ])
  }

  #choiceOf({ health, near, proxies }: LookUp): Choice {
    return {
      ...this.#choice,
      ...(health === undefined ? {} : { states: statesOf(health) }),
      ...(near === undefined ? {} : { near: true }),
      proxies: proxies === true,
    }
  }

  #parametersOf({ dc, namespace, near, filter }: LookUp): Parameters {
    const { settings } = this
    return [
      ['dc', dc ?? settings.datacenter],
      ['ns', namespace ?? settings.namespace],
      ['near', near ?? settings.near],
      ['filter', filter],
    ]
  }

  #asking<T>(question: CatalogQuestion<T>): Ask {
    const { pollAfter } = question
    if (pollAfter === undefined) return (asked) => this.#ask(question, asked)
    let wait = 0
    return async (asked) => {
      if (asked.index > 0) await delay(wait, undefined, { signal: asked.signal })
      wait = LEAST_EVERY
      return this.#ask(question, asked, (value) => {
        wait = Math.max(LEAST_EVERY, pollAfter(value))
      })
    }
  }

  async #ask<T>(
    question: CatalogQuestion<T>,
    asked: AskOptions,
    seen: (value: T) => void = () => undefined,
  ): Promise<Reading> {
    const { about, lookUp, rights = () => [], partly = () => undefined, findings: told } = question
    const parameters = this.#parametersOf(lookUp)
    const { pollAfter } = question
    for (;;) {
      // One for both: what may be read has to be known of the token that has read.
      const http = this.connect()
      try {
        const query = { ...question, isPolled: pollAfter !== undefined }
        const answer = await this.#get(http, query, asked, parameters, lookUp.dc)
        // Undefined only where it may be missing.
        const value = answer.value as T
        const mayRead = await this.#mayRead(http, rights(value), lookUp, asked.signal)
        const isWhole = !answer.filtered && mayRead
        const notice = isWhole ? undefined : partly(value)
        if (!isWhole && notice === undefined) throw http.denied(about)
        const { index, early } = answer
        const wrong = (what: string): FaultError => http.notConsul(what)
        seen(value)
        return { index, early, notice, ...expecting(wrong, () => told(value)) }
      } catch (error) {
        const denied = error instanceof FaultError && error.fault.permanent === true
        // The old token was refused while the new one was on its way.
        if (!denied || this.connect().isAs(http)) throw error
      }
    }
  }

  /** Stale answers are taken while they are young enough; else the leader is asked. */
  async #get<T>(
    http: ConsulHttp,
    question: Pick<Query<T>, 'about' | 'isPolled'> & ChangesOf<T>,
    { index, signal, atLeast = 0, isFirst = false }: AskOptions,
    parameters: Parameters,
    dc?: string,
  ): Promise<ConsulAnswer<T>> {
    const { path, about, shape, isPolled = false } = question
    const far = { timeout: isFirst ? FAR_FIRST_TIMEOUT : FAR_TIMEOUT }
    const query = { index, signal, about, shape, isPolled, ...(dc === undefined ? {} : far) }
    const whole = withParameters(path, parameters)
    return http.getWithin(whole, query, this.settings.maxStale, atLeast)
  }

  async #mayRead(
    http: ConsulHttp,
    rights: readonly Right[],
    { dc, namespace = this.settings.namespace }: LookUp,
    signal: AbortSignal,
  ): Promise<boolean> {
    // Rights in a namespace are told only by the versions that also tell what was left out.
    if (rights.length === 0 || namespace !== undefined || !this.#tellsRights) return true
    const told = await http.rights(rights, dc ?? this.settings.datacenter, signal)
    this.#tellsRights = told !== undefined
    return told?.includes(false) !== true
  }
}

export interface ChangesOf<T> {
  readonly path: string
  readonly shape: Shape<T>
  readonly filter?: string
}

/** Lets nothing through: of the answer only its index is wanted. */
export const NODES_CHANGED: ChangesOf<unknown> = {
  path: '/v1/catalog/nodes',
  shape: listOf(anything),
  filter: 'Node == ""',
}

/** Undefined: any. */
const statesOf = (health: string): readonly string[] | undefined =>
  health === 'any' ? undefined : health.split(',')

/** Milliseconds of one of Go's durations, such as `1m30s`; undefined for none. */
function durationOf(text: string | undefined): number | undefined {
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
  const parts = [...(text ?? '').matchAll(/([\d.]+)(h|ms|m|s)/g)]
  const sum = parts.reduce((all, [, n, unit]) => all + Number(n) * (units[unit ?? ''] ?? 0), 0)
  return sum > 0 ? sum : undefined
}
