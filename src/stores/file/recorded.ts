// Finds the named stores whose keys are in the keys files. A recorded snapshot contains these keys, below the names of
// the stores.
import { compileGlob } from '../../core/glob.ts'
import { storeOf } from '../../core/key.ts'
import type { StoreSettings } from '../../core/settings.ts'
import { readKeysFiles } from './read.ts'

/**
 * Returns the names of the stores. Returns no names if the files cannot be read; the file store reports that fault
 * later.
 */
export async function storesIn({
  files,
  filter,
  limits,
}: StoreSettings): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  try {
    const { entries } = await readKeysFiles(files, compileGlob(filter), limits)
    for (const key of entries.keys()) {
      const name = storeOf(key)
      if (name !== undefined) names.add(name)
    }
  } catch {
    return new Set()
  }
  return names
}
