// Files that are planned or in place, with their contents. Not events: events carry no values, and these go
// to -diff and to the status page alone, which shows or masks them.
import type { Cause } from './cause.ts'
import type { Write } from './plan.ts'

export interface PlannedFile {
  readonly resource: string
  readonly dest: string
  /** By the resource's own word: its contents are shown to nobody. */
  readonly sensitive: boolean
  readonly write: Write
}

export interface WrittenFile extends PlannedFile {
  /** What made the resource dirty. */
  readonly cause: Cause
  /** It is as it was before the last change: its reload did not succeed. */
  readonly rolledBack?: boolean
}
