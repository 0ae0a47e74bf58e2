// Random instants that can be had again: the seed is printed, and RECONFD_SEED sets it.

export const seed = Number(process.env['RECONFD_SEED'] ?? Date.now() % 1_000_000)

/** The long forms of the suites: what an engineer runs before a release. */
export const isLong = process.env['RECONFD_LONG'] === '1'

/** Numbers from 0 up to 1, the same for the same seed (Lehmer's generator, modulus 2^31 - 1). */
export function randomFrom(start: number): () => number {
  const modulus = 2 ** 31 - 1
  let state = (start % (modulus - 1)) + 1
  return () => {
    state = (state * 48_271) % modulus
    return (state - 1) / (modulus - 1)
  }
}

/** Printed past vitest, which would show it only with a failure. */
export function printSeed(what: string): void {
  process.stdout.write(`${what}: RECONFD_SEED=${seed}${isLong ? ' RECONFD_LONG=1' : ''}\n`)
}
