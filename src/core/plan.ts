// The plan: what would be done to one destination. Pure; `-noop` is the plan, printed.
import type { Fault } from './fault.ts'

/** What should stand at a destination. Absent metadata: keep what is there. */
export interface Desired {
  readonly bytes: Uint8Array
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
}

/** What stands there now. */
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

/** The final state of a destination: nothing left open. uid and gid absent: the effective user's. */
export interface Target {
  readonly bytes: Uint8Array
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
}

export type Plan =
  { readonly kind: 'in-sync' } | { readonly kind: 'blocked'; readonly fault: Fault } | Write

/** A change of one destination, and what stood there when it was planned. */
export type Write =
  | {
      readonly kind: 'write'
      readonly why: 'create' | 'content' | 'metadata'
      readonly next: Target
      readonly previous: Observed
    }
  /** The file is to go: `for_each` made it, and its key is gone. */
  | { readonly kind: 'write'; readonly why: 'remove'; readonly previous: Observed }

/** Of a file that nothing else is said of. */
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

/** For a file that is to be again as it was, or to be gone again. */
export const planReturn = (former: Observed, now: Observed): Plan =>
  former.kind === 'file' ? plan(former, now) : planRemoval(now)

/** For a file that is not wanted any more; only for one that reconfd has made. */
export function planRemoval(observed: Observed): Plan {
  if (observed.kind === 'unreadable') return { kind: 'blocked', fault: observed.fault }
  if (observed.kind === 'absent') return { kind: 'in-sync' }
  return { kind: 'write', why: 'remove', previous: observed }
}
