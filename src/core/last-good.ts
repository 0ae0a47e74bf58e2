// The files that a rollback restores: for each destination the newest proved content, or, if none was ever proved, the
// file that reconfd first replaced. Pure.
import type { Observed } from './plan.ts'

/**
 * - a file: a rollback restores it
 * - `none`: there was no file, or only an unproved one; the new file stays
 * - `made`: there was no file, and a for_each template created one; a rollback removes it
 */
export type Former = Extract<Observed, { kind: 'file' }> | { readonly kind: 'none' | 'made' }

export type FormerFiles = ReadonlyMap<string, Former>

/**
 * Updates the rollback files when `files` are replaced. For a destination that was replaced twice since it was last
 * proved, the older content is kept, because the newer content is unproved.
 */
export const afterReplacing = (good: FormerFiles, files: FormerFiles): FormerFiles =>
  new Map([...files, ...good])

/** The destinations that a rollback changes, with the content to restore. Empty if a rollback is impossible. */
export function restoredFiles(good: FormerFiles): ReadonlyMap<string, Observed> {
  const files = new Map<string, Observed>()
  for (const [dest, former] of good) {
    if (former.kind === 'file') files.set(dest, former)
    if (former.kind === 'made') files.set(dest, { kind: 'absent' })
  }
  return files
}
