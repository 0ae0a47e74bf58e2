// A unit is one resource by itself, or all resources of a group, which change together or not at all. This object
// contains everything known about a unit while reconfd is running; state/ stores the data that outlives the process. A
// unit goes through these stages: dirty -> rendered -> planned -> placed -> reloading -> proved.
import { longestRun } from '../apply/command.ts'
import { noCause, mergeCauses, type Cause } from '../core/cause.ts'
import { storeOf, type Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import { QUIET, Rhythm, type Pace } from '../core/pace.ts'
import { configuredReloads, type ConfiguredReloads } from '../core/reload.ts'
import { resourceKeys, type Resource } from '../core/resource.ts'
import type { Missing } from '../feeds/demands.ts'

/** A cycle that is scheduled. Times are milliseconds of a monotonic clock. */
export interface Pending {
  /** Time of the first change that no cycle has handled. */
  readonly since: number
  readonly due: number
}

export type State =
  | { readonly kind: 'clean' }
  | { readonly kind: 'dirty'; readonly pending: Pending }
  /** In a cycle; `pending` is set if the unit has changed again. */
  | { readonly kind: 'working'; readonly pending?: Pending | undefined }

/** Changes since the tree of the current render was taken. */
export interface Meanwhile {
  readonly keys: Changes[]
  readonly files: Set<string>
}

/** A unit's wait for the first read of the keys that its templates looked up. */
export interface Wait {
  readonly missing: Missing
  /** Number of times that the missing keys became known, but the next render looked up other unknown keys. */
  readonly rounds: number
  /** True once the missing keys are known. */
  isOver: boolean
}

/** An operator's decision on the next change to a resource. */
export interface Consent {
  /** Hash of the content that may pass. */
  accepted?: string | undefined
}

export class Unit {
  /** The `keys` of the unit's resources, including prefix and store. */
  readonly keys: readonly Key[]
  /** The configured reloads, by resource. */
  readonly reloads: ReadonlyMap<string, ConfiguredReloads>
  /** All distinct reload commands of the unit's resources. */
  readonly commands: readonly string[]
  readonly pace: Pace
  readonly rhythm: Rhythm
  /** True if a failed reload may lead to a rollback, or if verify_cmd decides whether a reload has succeeded. */
  readonly isJudged: boolean
  /** Whether `reload_attempts` failed reloads lead to a rollback. */
  readonly mayGoBack: boolean
  /** Whether the unit's files are checked in place (group_check_cmd). */
  readonly isChecked: boolean
  /** True if the unit's files change together even if reconfd crashes. The previous files are then recorded. */
  readonly isAtomic: boolean
  /** Longest time in milliseconds for which a cycle may report no progress, because a check reports only its end. */
  readonly longestCheck: number

  state: State = { kind: 'clean' }
  /** Failed cycles in a row. */
  failures = 0
  /** Changes that no cycle has handled, by resource. */
  readonly causes = new Map<string, Cause>()
  meanwhile: Meanwhile | undefined
  wait: Wait | undefined
  /** The stores and datacenters that were missing in the last render of each resource, as text. */
  readonly without = new Map<string, string>()
  /** Decisions of operators, by resource. */
  readonly consents = new Map<string, Consent>()
  /** Settles when the current work on the unit's files ends. Work on the same files never overlaps. */
  turn: Promise<unknown> = Promise.resolve()
  /** True while reloads owed since an earlier run wait for the end of the unit's first cycle. */
  holdsInherited = false

  /**
   * @param name the resource's name, or `group NAME`
   * @param pace the coalescing times of resources that do not set their own
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

  /** Whether the unit is rendered even if the store that contains this key cannot be read. */
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

  /** The scheduled cycle; undefined if there is none. */
  get pending(): Pending | undefined {
    return this.state.kind === 'clean' ? undefined : this.state.pending
  }

  /** Runs work on the unit's files after all earlier work on them. */
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

  /** Adds a cause for the next cycle. Several causes of one cycle are merged. */
  addCause(resource: string, cause: Cause): void {
    this.causes.set(resource, mergeCauses(this.causes.get(resource) ?? noCause, cause))
  }

  /** Takes the causes of the cycle that begins now. Later ones belong to the next cycle. */
  takeCauses(): ReadonlyMap<string, Cause> {
    const taken = new Map(this.causes)
    this.causes.clear()
    return taken
  }
}

/**
 * Returns the units of a configuration. They inherit consents and causes from previous units with the same resources,
 * and wait for the work of previous units on the same files.
 */
export function unitsOf(
  resources: readonly Resource[],
  pace: Pace,
  previous: Iterable<Unit> = [],
): Unit[] {
  const members = new Map<string, Resource[]>()
  for (const resource of resources) {
    const name = resource.group === undefined ? resource.name : `group ${resource.group}`
    members.set(name, [...(members.get(name) ?? []), resource])
  }
  const owners = ownersOf(previous)
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

/**
 * Returns the coalescing times of a unit: the longest of its resources. If neither a resource nor `pace` sets a quiet
 * time, the quiet time of the unit adapts to the rate of changes.
 */
function paceOf(resources: readonly Resource[], pace: Pace): Pace {
  const quiets = resources.map(({ quiet }) => quiet ?? pace.quiet)
  const max = Math.max(...resources.map(({ quietMax }) => quietMax ?? pace.max))
  const isAdaptive = quiets.every((quiet) => quiet === undefined)
  return { quiet: isAdaptive ? undefined : Math.max(...quiets.map((quiet) => quiet ?? QUIET)), max }
}

/** Returns the units by resource name and by destination. */
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
