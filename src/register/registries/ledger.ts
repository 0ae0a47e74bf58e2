// Keys that a registrar has written, for stores that do not know whose a key is: kept in the state folder, so
// that the next run finds what this one has left.
import type { Memory } from './registry.ts'

/** By key, the values that it has if it is ours; empty where the store knows whose it is. */
export function ledgerIn({ kept }: Memory): Record<string, string> {
  const { keys } = kept
  if (typeof keys !== 'object' || keys === null) return {}
  const entries = Object.entries(keys).filter(([, proof]) => typeof proof === 'string')
  return Object.fromEntries(entries)
}

/** At most so many at once; the first failure is thrown when all have ended. */
export async function forEach<T>(all: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  const left = all.values()
  const worker = async (): Promise<void> => {
    for (const one of left) await run(one)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, worker))
}

/** Requests under way at once. */
const AT_ONCE = 8
