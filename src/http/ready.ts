// Whether the files of this machine are what the store says now, and why not.
import type { Status } from '../core/status.ts'

export interface Readiness {
  readonly ready: boolean
  /** Empty when it is ready. */
  readonly reasons: readonly Reason[]
}

export interface Reason {
  /** One of the three; none: it is the daemon that is not there yet. */
  readonly program?: string
  readonly store?: string
  readonly resource?: string
  readonly state: string
  /** ISO 8601. */
  readonly since: string
  readonly why?: string
}

export function readinessOf({ version, started, stores, child, resources }: Status): Readiness {
  // The event that tells of the first configuration brings the version along.
  if (version === '') {
    const why = 'the configuration is not at work yet'
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
