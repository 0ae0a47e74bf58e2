// Finds the named stores whose keys are in the keys files: a snapshot contains them below their names.
import { compileGlob } from '../../core/glob.ts'
import { storeOf } from '../../core/key.ts'
import type { StoreSettings } from '../../core/settings.ts'
import { readKeysFiles } from './read.ts'

/** The names of the stores; none if the files cannot be read, which the file store reports later. */
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
