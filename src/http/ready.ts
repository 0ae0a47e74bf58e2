// Whether the files of this machine are what the store says now, and why not.
import type { Status } from '../core/status.ts'

export interface Readiness {
  readonly ready: boolean
  /** Empty when it is ready. */
  readonly reasons: readonly Reason[]
}

export interface Reason {
  /** One of the two. */
  readonly store?: string
  readonly resource?: string
  readonly state: string
  /** ISO 8601. */
  readonly since: string
  readonly why?: string
}

export function readinessOf({ stores, resources }: Status): Readiness {
  const reasons: Reason[] = []
  for (const { name, state, since, fault } of stores) {
    if (state === 'live') continue
    const why = fault === undefined ? {} : { why: fault.message }
    reasons.push({ store: name, state, since, ...why })
  }
  for (const { name, state, since, why } of resources) {
    if (state === 'in sync') continue
    reasons.push({ resource: name, state, since, ...(why === undefined ? {} : { why }) })
  }
  // Before the first configuration is at work there is nothing that could be in sync.
  const started = stores.length > 0 || resources.length > 0
  return { ready: started && reasons.length === 0, reasons }
}
