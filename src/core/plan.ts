// The plan for one destination. Pure; `-noop` prints the plan.
import type { Fault } from './fault.ts'

/** The desired state of a destination. If metadata is absent here, that of the existing file is kept. */
export interface Desired {
  readonly bytes: Uint8Array
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
}

/** The actual state of a destination. */
export type Observed =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'file'
      readonly bytes: Uint8Array
      readonly mode: number
      readonly uid: number
      readonly gid: number
    }
  | { readonly kind: 'unreadable'; readonly fault: Fault }

/** The resolved state of a destination. uid and gid default to those of the effective user. */
export interface Target {
  readonly bytes: Uint8Array
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
}

export type Plan =
  { readonly kind: 'in-sync' } | { readonly kind: 'blocked'; readonly fault: Fault } | Write

/** A planned change to one destination, with the state that the plan is based on. */
export type Write =
  | {
      readonly kind: 'write'
      readonly why: 'create' | 'content' | 'metadata'
      readonly next: Target
      readonly previous: Observed
    }
  /** Removes a file that `for_each` created and whose key has vanished. */
  | { readonly kind: 'write'; readonly why: 'remove'; readonly previous: Observed }

/** Default mode of a new file. */
export const NEW_FILE_MODE = 0o644

export function plan(desired: Desired, observed: Observed): Plan {
  if (observed.kind === 'unreadable') return { kind: 'blocked', fault: observed.fault }
  const kept =
    observed.kind === 'file' ? observed : { mode: NEW_FILE_MODE, uid: undefined, gid: undefined }
  const uid = desired.uid ?? kept.uid
  const gid = desired.gid ?? kept.gid
  const next: Target = {
    bytes: desired.bytes,
    mode: desired.mode ?? kept.mode,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  }
  if (observed.kind === 'absent') return { kind: 'write', why: 'create', next, previous: observed }
  if (Buffer.compare(observed.bytes, next.bytes) !== 0) {
    return { kind: 'write', why: 'content', next, previous: observed }
  }
  const same = observed.mode === next.mode && observed.uid === uid && observed.gid === gid
  return same ? { kind: 'in-sync' } : { kind: 'write', why: 'metadata', next, previous: observed }
}

/** Plans the return to a previous state: restores the file, or removes it. */
export const planReturn = (former: Observed, now: Observed): Plan =>
  former.kind === 'file' ? plan(former, now) : planRemoval(now)

/** Plans the removal of a file. Only for files that reconfd created. */
export function planRemoval(observed: Observed): Plan {
  if (observed.kind === 'unreadable') return { kind: 'blocked', fault: observed.fault }
  if (observed.kind === 'absent') return { kind: 'in-sync' }
  return { kind: 'write', why: 'remove', previous: observed }
}
