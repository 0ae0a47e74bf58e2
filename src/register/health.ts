// Derives the health of a service from the results of its checks. Pure.
import type { CheckSettings } from '../core/register.ts'

/**
 * - `undecided`: not enough results yet; an entry of an earlier run stays in the store
 * - `starting`: no success yet; not registered
 * - `healthy`: registered
 * - `unhealthy`: deregistered
 */
export interface Health {
  readonly state: 'undecided' | 'starting' | 'healthy' | 'unhealthy'
  /** Consecutive results that contradict the state. */
  readonly against: number
}

export const initialHealth = (fresh: boolean): Health => ({
  state: fresh ? 'starting' : 'undecided',
  against: 0,
})

export function nextHealth(
  health: Health,
  passed: boolean,
  { rise, fall }: Pick<CheckSettings, 'rise' | 'fall'>,
): Health {
  const { state } = health
  const against = health.against + 1
  switch (state) {
    case 'undecided':
      if (passed) return { state: 'healthy', against: 0 }
      // Unlike an unhealthy service, a starting one needs only a single success.
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
