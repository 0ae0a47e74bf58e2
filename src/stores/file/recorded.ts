// Which stores' keys files hold beside their own: a snapshot has those of named stores below their names.
import { compileGlob } from '../../core/glob.ts'
import { storeOf } from '../../core/key.ts'
import type { StoreSettings } from '../../core/settings.ts'
import { readKeysFiles } from './read.ts'

/** The names of the stores; none when the files cannot be read, which the file store itself will tell. */
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
