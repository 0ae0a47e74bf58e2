// Readiness: whether all files match the stores and, if not, why.
import type { Status } from '../core/status.ts'

export interface Readiness {
  readonly ready: boolean
  /** Empty if ready. */
  readonly reasons: readonly Reason[]
}

export interface Reason {
  /** At most one of `program`, `store` and `resource` is set; none of them is set while the daemon is starting. */
  readonly program?: string
  readonly store?: string
  readonly resource?: string
  readonly state: string
  /** ISO 8601. */
  readonly since: string
  readonly why?: string
}

export function readinessOf({ version, started, stores, child, resources }: Status): Readiness {
  // The version is empty until the first configuration is loaded.
  if (version === '') {
    const why = 'the configuration has not been loaded yet'
    return { ready: false, reasons: [{ state: 'waiting', since: started, why }] }
  }
  const reasons: Reason[] = []
  for (const { name, state, since, fault } of stores) {
    if (state === 'live') continue
    const why = fault === undefined ? {} : { why: fault.message }
    reasons.push({ store: name, state, since, ...why })
  }
  if (child !== undefined && child.state !== 'up') {
    const { program, state, since, why } = child
    reasons.push({ program, state, since, ...(why === undefined ? {} : { why }) })
  }
  for (const { name, state, since, why } of resources) {
    if (state === 'in sync') continue
    reasons.push({ resource: name, state, since, ...(why === undefined ? {} : { why }) })
  }
  return { ready: reasons.length === 0, reasons }
}
