// The cause of a render: changed keys, or changed files that the templates depend on.
import type { Key } from './key.ts'
import type { Changes } from './mirror.ts'

/** The first changed keys and files, and the number of the others. Usually either `keys` or `files` is empty. */
export interface Cause {
  readonly keys: readonly Key[]
  readonly files: readonly string[]
  readonly more: number
}

/** Maximum number of keys, and of files, that a cause names. */
export const CAUSES_NAMED = 10

export const noCause: Cause = { keys: [], files: [], more: 0 }

export const isNoCause = ({ keys, files }: Cause): boolean => keys.length + files.length === 0

/** Returns a cause that names the first of the changed keys and counts the others. */
export const causeOf = (changes: Changes): Cause => bounded([...changes.keys()], [])

export const causeOfFiles = (files: Iterable<string>): Cause => bounded([], [...files])

/** Merges the causes of two changes that the same render handles. */
export function mergeCauses(a: Cause, b: Cause): Cause {
  if (isNoCause(a)) return b
  if (isNoCause(b)) return a
  const keys = [...new Set([...a.keys, ...b.keys])]
  const files = [...new Set([...a.files, ...b.files])]
  return bounded(keys, files, a.more + b.more)
}

function bounded(keys: readonly Key[], files: readonly string[], more = 0): Cause {
  const rest = Math.max(0, keys.length - CAUSES_NAMED) + Math.max(0, files.length - CAUSES_NAMED)
  return {
    keys: keys.slice(0, CAUSES_NAMED),
    files: files.slice(0, CAUSES_NAMED),
    more: more + rest,
  }
}
