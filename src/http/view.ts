// The input of the status page: what it shows, and to whom.
import type { FullStatus } from '../core/status.ts'
import type { RecentChange, RecentReload, RecentRun } from '../observe/recent.ts'
import type { Viewer } from './access.ts'

/** The view that a URL selects. The URL contains the whole view, so that the page works without scripts. */
export interface Wish {
  /** The resource to show; undefined for the overview. */
  readonly resource?: string
  /** Shows only the resources that this tile counts. */
  readonly tile?: string
  /** Shows only resources with this text in their row. */
  readonly search?: string
}

export interface View {
  readonly status: FullStatus
  /** Newest first, like `reloads`. */
  readonly changes: readonly RecentChange[]
  readonly reloads: readonly RecentReload[]
  /** The last run of each command of a resource. */
  readonly runsOf: (resource: string) => readonly RecentRun[]
  readonly viewer: Viewer
  /** Where to find the token, in words; undefined if there is no token. */
  readonly token: string | undefined
  readonly wish: Wish
  /** Milliseconds since the Unix epoch. */
  readonly now: number
}

/** Ignores unknown and empty parameters. */
export function wishOf(url: string): Wish {
  const given = new URLSearchParams(url.split('?', 2)[1] ?? '')
  const [resource, tile, search] = ['resource', 'state', 'q'].map((name) => given.get(name) ?? '')
  return {
    ...(resource ? { resource } : {}),
    ...(tile ? { tile } : {}),
    ...(search ? { search } : {}),
  }
}

export const addressOf = (resource: string): string => `/?resource=${encodeURIComponent(resource)}`
