// What the status page shows, and to whom.
import type { FullStatus } from '../core/status.ts'
import type { RecentChange, RecentReload } from '../observe/recent.ts'
import type { Viewer } from './access.ts'

export interface View {
  readonly status: FullStatus
  /** The newest first, both. */
  readonly changes: readonly RecentChange[]
  readonly reloads: readonly RecentReload[]
  readonly viewer: Viewer
  /** Where the token is found, in words; undefined: there is none. */
  readonly token: string | undefined
}
