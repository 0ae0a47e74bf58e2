// A unit: what changes together, or not at all. One resource by itself, or all resources of a group. All
// that is known of it while the program runs is in this one object; what outlives the program is in
// state/. Its way: dirty -> rendered -> planned -> placed -> reloading -> proved.
import { longestRun } from '../apply/command.ts'
import { noCause, mergeCauses, type Cause } from '../core/cause.ts'
import { storeOf, type Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import { QUIET, Rhythm, type Pace } from '../core/pace.ts'
import { configuredReloads, type ConfiguredReloads } from '../core/reload.ts'
import { resourceKeys, type Resource } from '../core/resource.ts'
import type { Missing } from '../feeds/demands.ts'

/** Work that is wanted; times are those of a monotonic clock. */
export interface Pending {
  /** When the first change came that was not acted upon. */
  readonly since: number
  readonly due: number
}

export type State =
  | { readonly kind: 'clean' }
  | { readonly kind: 'dirty'; readonly pending: Pending }
  /** In a cycle; `pending`: changed again meanwhile. */
  | { readonly kind: 'working'; readonly pending?: Pending | undefined }

/** What has changed since the tree was taken that is being rendered. */
export interface Meanwhile {
  readonly keys: Changes[]
  readonly files: Set<string>
}

/** The first reading of something that its templates have come to look up. */
export interface Wait {
  readonly missing: Missing
  /** How often something was missing, became known, and something else was missing then. */
  readonly rounds: number
  /** All of it is known by now. */
  isOver: boolean
}

/** What an operator has decided on a resource's next change. */
export interface Consent {
  /** The hash of the content that may pass. */
  accepted?: string | undefined
}

export class Unit {
  /** The keys that it reads; full keys. */
  readonly keys: readonly Key[]
  /** By resource. */
  readonly reloads: ReadonlyMap<string, ConfiguredReloads>
  /** All its reload commands. */
  readonly commands: readonly string[]
  readonly pace: Pace
  readonly rhythm: Rhythm
  /** A failed reload may lead to a rollback, or a verification judges it. */
  readonly isJudged: boolean
  /** A reload that fails too often brings back its last good files. */
  readonly mayGoBack: boolean
  /** Its files are checked in their places. */
  readonly isChecked: boolean
  /** Its files change together, over a crash as well: what stood there before is recorded. */
  readonly isAtomic: boolean
  /** The longest that a cycle of it is silent, in milliseconds: each check is logged when it has ended. */
  readonly longestCheck: number

  state: State = { kind: 'clean' }
  /** Failed cycles in a row. */
  failures = 0
  /** By resource, what has changed and was not acted upon yet. */
  readonly causes = new Map<string, Cause>()
  meanwhile: Meanwhile | undefined
  wait: Wait | undefined
  /** By resource, the stores and datacenters that it was rendered without last, as they are told. */
  readonly without = new Map<string, string>()
  /** By resource. */
  readonly consents = new Map<string, Consent>()
  /** The end of what is being done with its files: one thing at a time. */
  turn: Promise<unknown> = Promise.resolve()
  /** It holds reloads that an earlier life of the program owes until its first cycle has ended. */
  holdsInherited = false

  /**
   * @param name of its resource, or `group NAME`
   * @param pace where the resources have none of their own
   */
  constructor(
    readonly name: string,
    readonly resources: readonly Resource[],
    pace: Pace,
  ) {
    this.keys = resourceKeys(resources)
    this.reloads = new Map(resources.map((one) => [one.name, configuredReloads(one)]))
    this.commands = [...new Set([...this.reloads.values()].flatMap(({ all }) => [...all.keys()]))]
    this.pace = paceOf(resources, pace)
    this.rhythm = new Rhythm(this.pace.quiet)
    this.isJudged = [...this.reloads.values()].some(({ areJudged }) => areJudged)
    this.mayGoBack = resources.some(
      ({ reload, templates }) =>
        reload.onFailure === 'rollback' &&
        templates.some(({ reloadCmd }) => reloadCmd !== undefined),
    )
    this.isChecked = resources.some(({ groupCheck }) => groupCheck !== undefined)
    this.isAtomic = this.isChecked || resources.some(({ group }) => group !== undefined)
    this.longestCheck = longestCheck(resources)
  }

  /** Whether it is rendered while the store of a full key cannot be read. */
  isOptional(key: Key): boolean {
    const store = storeOf(key)
    if (store === undefined) return false
    return this.resources
      .filter((resource) => resourceKeys([resource]).some((own) => storeOf(own) === store))
      .every(({ optionalStores }) => optionalStores?.has(store) === true)
  }

  get names(): readonly string[] {
    return this.resources.map(({ name }) => name)
  }

  /** The work that is wanted; undefined: none. */
  get pending(): Pending | undefined {
    return this.state.kind === 'clean' ? undefined : this.state.pending
  }

  /** One thing at a time with a unit's files. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.turn.then(work)
    this.turn = turn.catch(() => undefined)
    return turn
  }

  consentOf(resource: string): Consent {
    let consent = this.consents.get(resource)
    if (consent === undefined) this.consents.set(resource, (consent = {}))
    return consent
  }

  /** Notes what made a resource dirty; several causes before one cycle are all the cause. */
  addCause(resource: string, cause: Cause): void {
    this.causes.set(resource, mergeCauses(this.causes.get(resource) ?? noCause, cause))
  }

  /** What a cycle that begins now acts upon; what comes later is the next one's cause. */
  takeCauses(): ReadonlyMap<string, Cause> {
    const taken = new Map(this.causes)
    this.causes.clear()
    return taken
  }
}

/**
 * The units of a configuration. What a former unit of the same name knows is carried over; work on files
 * that both have ends before the new one touches them.
 */
export function unitsOf(
  resources: readonly Resource[],
  pace: Pace,
  former: Iterable<Unit> = [],
): Unit[] {
  const members = new Map<string, Resource[]>()
  for (const resource of resources) {
    const name = resource.group === undefined ? resource.name : `group ${resource.group}`
    members.set(name, [...(members.get(name) ?? []), resource])
  }
  const owners = ownersOf(former)
  return [...members].map(([name, own]) => {
    const unit = new Unit(name, own, pace)
    const before = new Set(
      own.flatMap((one) => claimsOf(one).flatMap((what) => owners.get(what) ?? [])),
    )
    unit.turn = Promise.all([...before].map(({ turn }) => turn))
    for (const { consents, causes } of before) {
      const isOwn = ([resource]: readonly [string, unknown]): boolean => unit.reloads.has(resource)
      for (const [resource, consent] of [...consents].filter(isOwn)) {
        unit.consents.set(resource, consent)
      }
      for (const [resource, cause] of [...causes].filter(isOwn)) unit.addCause(resource, cause)
    }
    return unit
  })
}

/** The longest of all; it adapts to the changes unless a quiet time is set. */
function paceOf(resources: readonly Resource[], pace: Pace): Pace {
  const quiets = resources.map(({ quiet }) => quiet ?? pace.quiet)
  const max = Math.max(...resources.map(({ quietMax }) => quietMax ?? pace.max))
  const isAdaptive = quiets.every((quiet) => quiet === undefined)
  return { quiet: isAdaptive ? undefined : Math.max(...quiets.map((quiet) => quiet ?? QUIET)), max }
}

/** By resource name and by destination. */
function ownersOf(units: Iterable<Unit>): ReadonlyMap<string, Unit[]> {
  const owners = new Map<string, Unit[]>()
  for (const unit of units) {
    for (const what of unit.resources.flatMap(claimsOf)) {
      owners.set(what, [...(owners.get(what) ?? []), unit])
    }
  }
  return owners
}

const claimsOf = ({ name, templates }: Resource): string[] => [
  name,
  ...templates.map(({ dest }) => dest),
]

const longestCheck = (resources: readonly Resource[]): number =>
  Math.max(
    0,
    ...resources.flatMap(({ groupCheck, templates }) => [
      ...(groupCheck === undefined ? [] : [longestRun(groupCheck.timeout)]),
      ...templates.flatMap(({ checkCmd, checkTimeout }) =>
        checkCmd === undefined ? [] : [longestRun(checkTimeout)],
      ),
    ]),
  )
