// What the status page shows, and to whom.
import type { FullStatus } from '../core/status.ts'
import type { RecentChange, RecentReload, RecentRun } from '../observe/recent.ts'
import type { Viewer } from './access.ts'

/** What a visitor has come to see: by its address, so that the page works without scripts. */
export interface Wish {
  /** The page of this resource; undefined: the overview. */
  readonly resource?: string
  /** Only resources of this tile. */
  readonly tile?: string
  /** Only resources with this text in their row. */
  readonly search?: string
}

export interface View {
  readonly status: FullStatus
  /** The newest first, both. */
  readonly changes: readonly RecentChange[]
  readonly reloads: readonly RecentReload[]
  /** The last run of each command of a resource. */
  readonly runsOf: (resource: string) => readonly RecentRun[]
  readonly viewer: Viewer
  /** Where the token is found, in words; undefined: there is none. */
  readonly token: string | undefined
  readonly wish: Wish
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Unknown parameters are ignored, and so are empty ones. */
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
