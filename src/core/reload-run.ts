// A placement and a run: the two things that the reload protocol keeps apart.
import type { Reloads, RunTerms } from './reload.ts'

/**
 * New contents on their way to the destinations of a unit. A placement begins before its debts are
 * recorded and ends after the last rename, or when it was undone.
 */
export interface Placement {
  /** All resources of the unit. */
  readonly resources: readonly string[]
  /** By resource whose content changes, the reloads it will owe once its files are in place. */
  readonly owing: ReadonlyMap<string, Reloads>
  /** A failed reload of the unit may lead to a rollback, or a verification judges it. */
  readonly isJudged: boolean
  /** Its files are checked in their places: no run may read them before that. */
  readonly isChecked: boolean
}

/** How a placement ended. */
export type PlacementEnd =
  /** By resource, what is owed now. */
  | { readonly kind: 'placed'; readonly owing: ReadonlyMap<string, Reloads> }
  /** New contents stood there for a while and are gone again: a run may have read them. */
  | { readonly kind: 'undone'; readonly owing: ReadonlyMap<string, Reloads> }
  /** Nothing was touched. */
  | { readonly kind: 'untouched' }

/** One run of a reload command for everyone who owes it. */
export interface Run {
  readonly command: string
  readonly terms: RunTerms
  /** By resource, what the run can have read. */
  readonly read: ReadonlyMap<string, Reading>
}

/** What was the newest of a resource when a run started. */
interface Reading {
  /** The number of its placement. */
  readonly placement: number
  /** The number of its debt: a placement, or somebody's asking for a reload. */
  readonly debt: number
}
