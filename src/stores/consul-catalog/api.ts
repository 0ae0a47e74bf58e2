// Queries to Consul's catalog, and the keys made from their answers. See
// https://developer.hashicorp.com/consul/api-docs/health and /consul/api-docs/catalog.
import { setTimeout as delay } from 'node:timers/promises'
import { serviceDir, type LookUp } from '../../core/catalog.ts'
import { compareText, entryOf, type Key } from '../../core/key.ts'
import { FaultError } from '../../core/fault.ts'
import type { CatalogSettings } from '../../core/settings.ts'
import { listed } from '../../core/words.ts'
import { withParameters, type ConsulAnswer, type ConsulHttp, type Query } from '../consul-http.ts'
import {
  anything,
  expecting,
  listOf,
  objectOf,
  Mismatch,
  nullable,
  text,
  type Shape,
} from '../shape.ts'
import { Proxies } from './proxies.ts'
import { isServed, segmentOf } from './served.ts'
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
  /**
   * The query is answered as soon as Consul's index exceeds this index. A query with the index 0 is answered
   * immediately.
   */
  readonly index: number
  readonly signal: AbortSignal
  /** Minimum index of the answer, even if stale answers are allowed. With Infinity, only the leader is asked. */
  readonly atLeast?: number
  /**
   * Whether no query for the same data has ended yet. Until then, queries to other datacenters have a shorter
   * timeout.
   */
  readonly isFirst?: boolean
}

export interface Reading extends Pick<ConsulAnswer<unknown>, 'index' | 'early'> {
  readonly entries: ReadonlyMap<Key, string>
  /** The nodes on which the instances are running, including instances that do not pass the filters. */
  readonly on?: ReadonlySet<string>
  /** A message to the operator. */
  readonly notice?: string | undefined
}

type Parameters = readonly (readonly [name: string, value: string | undefined])[]

/** Runs a query; can be called repeatedly. */
export type Ask = (asked: AskOptions) => Promise<Reading>

/** A permission to read, as in Consul's API. */
interface Right {
  readonly Resource: 'service' | 'node'
  /** The name of the service or node; empty for all services or nodes. */
  readonly Segment: string
}

type Findings = Pick<Reading, 'entries' | 'on' | 'notice'>

interface CatalogQuestion<T> extends Pick<Query<T>, 'about' | 'mayBeMissing'> {
  readonly shape: Shape<T>
  readonly path: string
  /** The name that the path contains. The look-up fails without a request if Consul cannot serve the name. */
  readonly name?: string
  readonly lookUp: LookUp
  /**
   * Permissions that the token needs. If the token lacks one of them, the ACL may have removed results from this
   * answer.
   */
  readonly rights?: (value: T) => readonly Right[]
  /**
   * Returns the notice to report if the ACL has removed some results. If this function is absent or returns
   * undefined, removed results are a fault.
   */
  readonly partly?: (value: T) => string | undefined
  /** For a query that cannot block: milliseconds until the query is repeated. */
  readonly pollAfter?: (value: T | undefined) => number
  /** Converts the answer to keys and values. Throws a Mismatch if the answer is invalid. */
  readonly findings: (value: T) => Findings
}

const ALL_NODES: Right = { Resource: 'node', Segment: '' }

/** Maximum number of services in a datacenter. Limited, because each service may need a query. */
const MOST_SERVICES = 100_000

/**
 * Milliseconds between two queries to an endpoint that cannot block. The last two are limits for the TTL of a prepared
 * query.
 */
const DATACENTERS_EVERY = 30_000
const QUERY_EVERY = 10_000
const LEAST_EVERY = 1000
const MOST_EVERY = 3_600_000

/** Timeouts of queries to other datacenters, in milliseconds. Shorter than the timeouts of local queries. */
const FAR_TIMEOUT = 10_000
const FAR_FIRST_TIMEOUT = 4000

const tagsOfEach = objectOf(nullable(listOf(text)))

/** The tags of each service, by service name. */
export const serviceNames: typeof tagsOfEach = (value) => {
  const found = tagsOfEach(value)
  if ('' in found) throw new Mismatch('has a service without a name')
  if (Object.keys(found).length <= MOST_SERVICES) return found
  throw new Mismatch(`has more than ${MOST_SERVICES} services`)
}

export class CatalogApi {
  readonly #choice: Choice
  /** Whether this agent can report permissions. This does not change while the agent is running. */
  #tellsRights = true
  readonly #proxies = new Proxies()

  /**
   * @param connect returns a client with the current credentials; called for each query, because a token in a file
   *   may be rotated
   */
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

  /** The instances of one service that pass the filters. */
  instances(dir: Key, name: string, lookUp: LookUp): Ask {
    const choice = this.#choiceOf(lookUp)
    return this.#asking({
      about: `the service ${name}`,
      path: `/v1/health/service/${segmentOf(name)}`,
      name,
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
   * The entries of all services that the token can read and that pass the tag filter. The value of each entry
   * contains the name of the service and the tags of all its instances.
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
          : 'the token can read only some services: lists of services omit the others',
      findings: (value) => {
        const omitted = new Set(Object.keys(value).filter((name) => !isServed(name)))
        const entries = new Map(
          Object.entries(value)
            .filter(([name]) => !omitted.has(name))
            .map(([name, tags]) => ({ name, tags: [...(tags ?? [])].sort(compareText) }))
            .filter(({ tags }) => this.#choice.tags.every((tag) => tags.includes(tag)))
            .map((one) => [entryOf(serviceDir(one.name, lookUp)), JSON.stringify(one)]),
        )
        return { entries, notice: omissionOf([...omitted]) }
      },
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

  /** One node with its services. */
  node(key: Key, name: string, lookUp: LookUp): Ask {
    return this.#asking({
      about: `the node ${name}`,
      path: `/v1/catalog/node/${segmentOf(name)}`,
      name,
      lookUp,
      shape: nodeAnswer,
      rights: (value) => [
        { Resource: 'service', Segment: '' },
        ...(value === null ? [{ Resource: 'node', Segment: name } as const] : []),
      ],
      findings: (value) => ({ entries: nodeWithServices(value, key, name) }),
    })
  }

  /**
   * The result of a prepared query, according to the permissions of the query's own token or, if the query has none, of
   * reconfd's token.
   */
  query(dir: Key, name: string, lookUp: LookUp): Ask {
    // The prepared query itself filters the instances.
    const choice = { ...this.#choiceOf(lookUp), states: undefined, tags: [], meta: {} }
    return this.#asking({
      about: `the prepared query ${name}`,
      path: `/v1/query/${segmentOf(name)}/execute`,
      name,
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

  /** Throws if the catalog cannot be read. */
  async reach(signal: AbortSignal): Promise<void> {
    await this.changes({}, NODES_CHANGED, { index: 0, signal })
  }

  /**
   * Runs a query whose index changes whenever the catalog changes, and returns the raw answer. The answer only shows
   * when to read the catalog again, so results that the ACL has removed do not matter.
   */
  async changes<T>(
    lookUp: LookUp,
    what: ChangesOf<T>,
    asked: AskOptions,
  ): Promise<ConsulAnswer<T>> {
    const query = { about: 'changes to the catalog', ...what }
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
        wait = Math.min(Math.max(LEAST_EVERY, pollAfter(value)), MOST_EVERY)
      })
    }
  }

  async #ask<T>(
    question: CatalogQuestion<T>,
    asked: AskOptions,
    seen: (value: T) => void = () => undefined,
  ): Promise<Reading> {
    const { about, name, lookUp, rights = () => [], findings: told } = question
    const { partly = () => undefined } = question
    if (name !== undefined && !isServed(name)) throw this.connect().unserved(about)
    const parameters = this.#parametersOf(lookUp)
    const { pollAfter } = question
    for (;;) {
      // The query and the check of permissions must use the same token.
      const http = this.connect()
      try {
        const query = { ...question, isPolled: pollAfter !== undefined }
        const answer = await this.#get(http, query, asked, parameters, lookUp.dc)
        // The value is undefined only if `mayBeMissing` is set.
        const value = answer.value as T
        const mayRead = await this.#mayRead(http, rights(value), lookUp, asked.signal)
        const isWhole = !answer.filtered && mayRead
        const notice = isWhole ? undefined : partly(value)
        if (!isWhole && notice === undefined) throw http.denied(about)
        const { index, early } = answer
        const wrong = (what: string): FaultError => http.notConsul(what)
        seen(value)
        const found = expecting(wrong, () => told(value))
        return { index, early, ...found, notice: notice ?? found.notice }
      } catch (error) {
        const denied = error instanceof FaultError && error.fault.permanent === true
        // If the token was rotated meanwhile, retry with the new one.
        if (!denied || this.connect().isAs(http)) throw error
      }
    }
  }

  /** Accepts a stale answer if it is recent enough; otherwise asks the leader. */
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
    // No check is needed in a namespace: all versions of Consul that can check permissions there also report whether
    // the ACL has removed results (ConsulAnswer.filtered).
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

/** The filter matches nothing, because only the index of the answer is needed. */
export const NODES_CHANGED: ChangesOf<unknown> = {
  path: '/v1/catalog/nodes',
  shape: listOf(anything),
  filter: 'Node == ""',
}

function omissionOf(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined
  const quoted = names.map((name) => JSON.stringify(name))
  return `lists of services omit names that Consul's HTTP API cannot serve: ${listed(quoted, 3)}`
}

/** The accepted states; undefined if any state is accepted. */
const statesOf = (health: string): readonly string[] | undefined =>
  health === 'any' ? undefined : health.split(',')

/** Converts a Go duration such as `1m30s` to milliseconds. Returns undefined if the duration is missing or zero. */
function durationOf(text: string | undefined): number | undefined {
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
  const parts = [...(text ?? '').matchAll(/([\d.]+)(h|ms|m|s)/g)]
  const sum = parts.reduce((all, [, n, unit]) => all + Number(n) * (units[unit ?? ''] ?? 0), 0)
  return sum > 0 ? sum : undefined
}
