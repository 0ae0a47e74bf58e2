// Files that were put in place, with their contents. Not an event: events carry no values, and this
// goes to the status page alone, which shows or masks them.
import type { Write } from './plan.ts'

export interface WrittenFile {
  readonly resource: string
  readonly dest: string
  /** By the resource's own word: its contents are shown to nobody. */
  readonly sensitive: boolean
  readonly write: Write
  /** It is as it was before the last change: its reload did not succeed. */
  readonly rolledBack?: boolean
}
