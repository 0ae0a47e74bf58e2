// Remembers in the state folder which keys a registrar has written, for stores that record no owner, so that
// the next run finds them.
import type { RegistryMemory } from './registry.ts'

/**
 * Returns our keys, each with the values by which it is recognised as ours, separated by line breaks; empty if the
 * store records the owner.
 */
export function ledgerIn({ kept }: RegistryMemory): Record<string, string> {
  const { keys } = kept
  if (typeof keys !== 'object' || keys === null) return {}
  const entries = Object.entries(keys).filter(([, proof]) => typeof proof === 'string')
  return Object.fromEntries(entries)
}

/** Runs with limited concurrency. @throws the first failure, after all have ended */
export async function forEach<T>(all: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  const left = all.values()
  const worker = async (): Promise<void> => {
    for (const one of left) await run(one)
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, all.length) }, worker))
}

/** Concurrent requests. */
const CONCURRENCY = 8
