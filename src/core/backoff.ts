// How long to wait before the next try: doubling, capped, with jitter so that a fleet does not retry in step.

export interface Backoff {
  /** Milliseconds. */
  readonly first: number
  readonly most: number
}

/**
 * The delay before try number `attempt` (1 is the first retry), in milliseconds: between half of and
 * the whole of `first * 2^(attempt-1)`, never above `most`.
 */
export function backoffDelay(
  attempt: number,
  { first, most }: Backoff,
  random = Math.random,
): number {
  const full = Math.min(most, first * 2 ** Math.min(attempt - 1, 30))
  return Math.round(full / 2 + (full / 2) * random())
}
