// The outcome of one cycle of a unit. The worker decides what follows.
import type { Cause } from '../core/cause.ts'
import type { Fault } from '../core/fault.ts'
import type { Missing } from '../feeds/demands.ts'
import type { Hold } from './guards.ts'

export type Outcome =
  /** `changed`: the resources whose files were placed, or would be without -noop. */
  | { readonly kind: 'done'; readonly changed: readonly string[] }
  /** The change to one resource is held; no file of the unit is placed. */
  | { readonly kind: 'held'; readonly resource: string; readonly hold: Hold }
  /** A template looked up keys that have not been read yet; no file was touched. */
  | { readonly kind: 'waiting'; readonly resource: string; readonly missing: Missing }
  /** The rendered content was rolled back earlier and has not changed since. */
  | { readonly kind: 'rejected'; readonly resource: string; readonly fault: Fault }
  | Failed

export interface Failed {
  readonly kind: 'failed'
  readonly resource: string
  readonly at: 'render' | 'observe' | 'stage' | 'check' | 'swap' | 'state'
  readonly fault: Fault
}

export const failed = (at: Failed['at'], resource: string, fault: Fault): Failed => ({
  kind: 'failed',
  resource,
  at,
  fault,
})

/** The causes that made resources dirty, by resource. */
export type Causes = ReadonlyMap<string, Cause>
