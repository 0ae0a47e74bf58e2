// Planned and written files with their contents. They are not emitted as events, because events carry no values. They
// go only to -diff and to the status page, which masks the contents for remote viewers.
import type { Cause } from './cause.ts'
import type { Write } from './plan.ts'

export interface PlannedFile {
  readonly resource: string
  readonly dest: string
  /** Whether the resource is `sensitive`. If so, the contents of its files are never shown. */
  readonly sensitive: boolean
  readonly write: Write
}

export interface WrittenFile extends PlannedFile {
  /** The cause of the render. */
  readonly cause: Cause
  /** Whether this is a rollback after a failed reload. */
  readonly rolledBack?: boolean
}
