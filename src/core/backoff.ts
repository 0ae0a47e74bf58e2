// Exponential backoff with a maximum delay, and with jitter so that the machines of a fleet do not retry in step.

export interface Backoff {
  /** Milliseconds. */
  readonly first: number
  readonly most: number
}

/**
 * The delay before retry number `attempt` (1 is the first), in milliseconds: between 50 % and 100 % of
 * `first * 2^(attempt-1)`, at most `most`.
 */
export function backoffDelay(
  attempt: number,
  { first, most }: Backoff,
  random = Math.random,
): number {
  const full = Math.min(most, first * 2 ** Math.min(attempt - 1, 30))
  return Math.round(full / 2 + (full / 2) * random())
}
