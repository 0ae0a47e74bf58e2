// The difference between two full sets of keys.
import type { Key } from '../core/key.ts'

export interface Delta {
  readonly put: ReadonlyMap<Key, string>
  readonly del: ReadonlySet<Key>
}

export function difference(
  before: ReadonlyMap<Key, string>,
  after: ReadonlyMap<Key, string>,
): Delta {
  const put = new Map<Key, string>()
  const del = new Set<Key>()
  for (const [key, value] of after) if (before.get(key) !== value) put.set(key, value)
  for (const key of before.keys()) if (!after.has(key)) del.add(key)
  return { put, del }
}

export const isEmptyDelta = ({ put, del }: Delta): boolean => put.size === 0 && del.size === 0
