// What a rollback goes back to: by destination, the newest content that was proved (by a reload that
// succeeded), or else what stood there before reconfd first replaced it. Pure.
import type { Observed } from './plan.ts'

/**
 * - a file: it comes back
 * - `none`: nothing stood there, or something that has proved nothing; there is nothing to go back to, and the
 *   new file stays
 * - `made`: nothing stood there, and a for_each template made the file: it is removed again
 */
export type Former = Extract<Observed, { kind: 'file' }> | { readonly kind: 'none' | 'made' }

export type FormerFiles = ReadonlyMap<string, Former>

/**
 * What to go back to once these files are replaced. Of two contents that stood at a destination since it
 * was last proved, the older one counts: the younger one has proved nothing.
 */
export const replacing = (good: FormerFiles, files: FormerFiles): FormerFiles =>
  new Map([...files, ...good])

/** The destinations that a rollback changes. Empty: there is nothing to go back to. */
export function returning(good: FormerFiles): ReadonlyMap<string, Observed> {
  const files = new Map<string, Observed>()
  for (const [dest, former] of good) {
    if (former.kind === 'file') files.set(dest, former)
    if (former.kind === 'made') files.set(dest, { kind: 'absent' })
  }
  return files
}
