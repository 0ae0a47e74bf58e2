// The ledger in the state folder: the keys that a registrar has written, for stores that cannot list them by owner. The
// next run uses the ledger to find its entries.
import type { RegistryMemory } from './registry.ts'

/**
 * Returns our keys. The value of each is the content that proves an entry to be ours, or several such contents
 * separated by line breaks. It is empty if the store records the owner.
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
