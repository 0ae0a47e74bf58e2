// The current configuration: its units, and an index of the resources that a change affects. It replaces the previous
// configuration synchronously, so that no key change is missed in between.
import type { Key } from '../core/key.ts'
import type { Pace } from '../core/pace.ts'
import type { Resource } from '../core/resource.ts'
import type { Tree } from '../core/tree.ts'
import { Concerns } from './concerns.ts'
import type { Parts } from './parts.ts'
import { unitsOf, type Unit } from './unit.ts'
import type { Views } from './views.ts'
import type { Sources } from './work.ts'

/** The result of loading conf.d once. */
export interface Configuration extends Sources {
  readonly resources: readonly Resource[]
  /** The coalescing times of resources that do not set their own. */
  readonly pace: Pace
}

export interface Current extends Configuration {
  readonly units: readonly Unit[]
  readonly unitOf: ReadonlyMap<string, Unit>
  readonly concerns: Concerns
}

/** @param retired units of previous configurations that are still working; new work on the same files waits for them */
export function currentOf(
  configuration: Configuration,
  previous: Current | undefined,
  retired: ReadonlySet<Unit>,
  parts: Parts,
): Current {
  const { resources, renderer, feeds, pace } = configuration
  const units = unitsOf(resources, pace, retired)
  const unitOf = new Map(units.flatMap((unit) => unit.names.map((name) => [name, unit] as const)))
  const storeOf = (key: Key): string => feeds.nameOf(key)
  const concerns = new Concerns(resources, renderer, storeOf, previous?.concerns.views)
  keepVanished(concerns.views, feeds.tree, previous, parts)
  claimPlain(resources, previous, parts)
  return { ...configuration, units, unitOf, concerns }
}

/**
 * Starts the hold-down of keys that vanished during a restart, or while their store was reopened for a new
 * configuration.
 */
function keepVanished(
  views: Views,
  tree: Tree,
  previous: Current | undefined,
  { clock, kept }: Parts,
): void {
  const now = clock.now()
  if (previous === undefined) kept.begin(views)
  else if (views.mayHold) views.expect(views.all(previous.feeds.tree, now), now)
  views.found(tree)
}

/**
 * Releases the claims of the previous configuration, and claims the destinations of plain templates. The destinations
 * of for_each templates are claimed once they are rendered (plan-unit.ts).
 */
function claimPlain(
  resources: readonly Resource[],
  previous: Current | undefined,
  { claims }: Parts,
): void {
  for (const name of previous?.unitOf.keys() ?? []) claims.claim(name, new Set())
  for (const { name, templates } of resources) {
    const plain = templates.filter(({ forEach }) => forEach === undefined)
    claims.claim(name, new Set(plain.map(({ dest }) => dest)))
  }
}
