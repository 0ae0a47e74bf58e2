// Guards: whether a change may go ahead unasked. Pure: compares what the last applied render read
// and made with what the next one did, and tells the operator in words why one is held.
import type { Key } from './key.ts'
import type { Guard, Limit } from './resource.ts'
import { counted } from './words.ts'

/** What a guard knows of one render: which keys it read, and how many bytes it made. */
export interface Footprint {
  readonly keys: ReadonlySet<Key>
  readonly size: number
}

/** Why a change is held. Names keys and numbers, never a value. */
export interface Tripped {
  /** In words, for the operator; several reasons are separated by `; `. */
  readonly reason: string
  /** The keys that the last render read and the next one did not, in the order of the last. */
  readonly vanished: readonly Key[]
}

/**
 * Whether a guard holds a change.
 * @param last what was applied last; undefined before the first time, when there is nothing that could
 *   vanish or shrink
 */
export function trips(
  guard: Guard,
  last: Footprint | undefined,
  next: Footprint,
): Tripped | undefined {
  const { minKeys, maxRemoved, maxShrink } = guard
  const vanished = [...(last?.keys ?? [])].filter((key) => !next.keys.has(key))
  const reasons: string[] = []
  if (next.keys.size === 0 && !guard.allowEmpty) {
    reasons.push('no key was found, and allow_empty is not set')
  }
  if (minKeys !== undefined && next.keys.size < minKeys) {
    const { size } = next.keys
    reasons.push(`${counted(size, 'key was', 'keys were')} read, min_keys is ${minKeys}`)
  }
  if (last !== undefined) {
    const { keys, size } = last
    if (maxRemoved !== undefined && exceeds(vanished.length, maxRemoved, keys.size)) {
      const of = `${vanished.length} of ${counted(keys.size, 'key')}`
      reasons.push(`${of} vanished, max_removed is ${inWords(maxRemoved)}`)
    }
    if (maxShrink !== undefined && exceeds(size - next.size, maxShrink, size)) {
      const most = inWords(maxShrink) + (maxShrink.kind === 'count' ? ' bytes' : '')
      reasons.push(
        `the file would shrink from ${size} to ${next.size} bytes, max_shrink is ${most}`,
      )
    }
  }
  return reasons.length === 0 ? undefined : { reason: reasons.join('; '), vanished }
}

/** Exactly as much as the limit is still good. */
const exceeds = (lost: number, limit: Limit, whole: number): boolean =>
  lost > 0 && (limit.kind === 'count' ? lost > limit.most : lost * 100 > limit.percent * whole)

const inWords = (limit: Limit): string =>
  limit.kind === 'count' ? String(limit.most) : `${limit.percent}%`
