// The placements and runs that the reload protocol schedules.
import type { Reloads, RunTerms } from './reload.ts'

/**
 * The placement of new files at the destinations of a unit. A placement begins before its debts are recorded. It ends
 * after the last rename, after group_check_cmd, or after it has been undone.
 */
export interface Placement {
  /** All resources of the unit. */
  readonly resources: readonly string[]
  /** The reloads owed once the files are in place, by changed resource. */
  readonly owing: ReadonlyMap<string, Reloads>
  /** Whether the unit has a verify_cmd, or a failed reload of the unit may lead to a rollback. */
  readonly isJudged: boolean
  /** Whether its files are checked in place (group_check_cmd). No run may read the files before this check. */
  readonly isChecked: boolean
}

/** The end of a placement. */
export type PlacementEnd =
  /** `owing`: the owed reloads, by resource. */
  | { readonly kind: 'placed'; readonly owing: ReadonlyMap<string, Reloads> }
  /** New content was in place for a while and was removed again; a run may have read it. */
  | { readonly kind: 'undone'; readonly owing: ReadonlyMap<string, Reloads> }
  /** Nothing was changed. */
  | { readonly kind: 'untouched' }

/** One run of a reload command for all resources that owe it. */
export interface Run {
  readonly command: string
  readonly terms: RunTerms
  /** The state that the run may have read, by resource. */
  readonly read: ReadonlyMap<string, ReadState>
}

/** The newest placement and debt of a resource when a run started. */
interface ReadState {
  /** Number of the placement. */
  readonly placement: number
  /** Number of the debt, which results from a placement or from a request for a reload. */
  readonly debt: number
}
