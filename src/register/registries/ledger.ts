// The ledger in the state directory: the keys that a registrar has written, for stores that cannot list them by owner.
// The next run uses the ledger to find its entries.
import type { RegistryMemory } from './registry.ts'

/**
 * Returns our keys, each with the values that prove an entry to be ours, separated by line breaks. The string of a key
 * is empty if the store itself records the owner.
 */
export function ledgerIn({ kept }: RegistryMemory): Record<string, string> {
  const { keys } = kept
  if (typeof keys !== 'object' || keys === null) return {}
  const entries = Object.entries(keys).filter(([, proof]) => typeof proof === 'string')
  return Object.fromEntries(entries)
}

/** Calls `run` for all items, with limited concurrency. @throws the first failure; other calls may still be running */
export async function forEach<T>(all: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  const left = all.values()
  const worker = async (): Promise<void> => {
    for (const one of left) await run(one)
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, all.length) }, worker))
}

/** Maximum number of concurrent calls. */
const CONCURRENCY = 8
