// Whether a service counts as healthy, from the results of its checks. Pure.
import type { CheckSettings } from '../core/register.ts'

/**
 * - `undecided`: not checked often enough; an entry of an earlier run stays as it is
 * - `starting`: has not succeeded yet; not registered
 * - `healthy`: registered
 * - `unhealthy`: taken out
 */
export interface Health {
  readonly state: 'undecided' | 'starting' | 'healthy' | 'unhealthy'
  /** Results in a row that speak against the state. */
  readonly against: number
}

export const initially = (fresh: boolean): Health => ({
  state: fresh ? 'starting' : 'undecided',
  against: 0,
})

export function after(
  health: Health,
  passed: boolean,
  { rise, fall }: Pick<CheckSettings, 'rise' | 'fall'>,
): Health {
  const { state } = health
  const against = health.against + 1
  switch (state) {
    case 'undecided':
      if (passed) return { state: 'healthy', against: 0 }
      // The first registration takes one success, however long it has been coming up.
      return against >= fall ? { state: 'starting', against: 0 } : { state, against }
    case 'starting':
      return passed ? { state: 'healthy', against: 0 } : health
    case 'healthy':
      if (passed) return { state, against: 0 }
      return against >= fall ? { state: 'unhealthy', against: 0 } : { state, against }
    case 'unhealthy':
      if (!passed) return { state, against: 0 }
      return against >= rise ? { state: 'healthy', against: 0 } : { state, against }
  }
}
