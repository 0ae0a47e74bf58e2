// Reproducible random numbers. `npm test` makes the same choices each time, so that it does not depend on chance
// whether a commit passes. The long forms and `npm run soak` make new choices and print their seed. RECONFD_SEED sets it.

/** True for the long forms of the suites, which run before a release. */
export const isLong = process.env['RECONFD_LONG'] === '1'

const isExploring = isLong || process.env['RECONFD_SOAK_SECONDS'] !== undefined

export const seed = Number(
  process.env['RECONFD_SEED'] ?? (isExploring ? Date.now() % 1_000_000 : 1),
)

/** Returns a generator of numbers from 0 to 1, determined by the seed (Lehmer generator, modulus 2^31 - 1). */
export function randomFrom(start: number): () => number {
  const modulus = 2 ** 31 - 1
  let state = (start % (modulus - 1)) + 1
  return () => {
    state = (state * 48_271) % modulus
    return (state - 1) / (modulus - 1)
  }
}

/** Prints directly to stdout, since vitest would show the seed only with a failure. */
export function printSeed(what: string): void {
  process.stdout.write(`${what}: RECONFD_SEED=${seed}${isLong ? ' RECONFD_LONG=1' : ''}\n`)
}
