// Guards: whether a change of a file may go ahead unasked. Pure: compares what the last applied render read
// and made with what the next one did, and says in words why one is held.
import { keyInDatacenter, plainKeyIn } from './catalog.ts'
import { compileGlob } from './glob.ts'
import { covers, selfAndAncestors, toKey, type Key } from './key.ts'
import type { Guard, GuardGroup, Limit } from './resource.ts'
import type { Tallied } from './tally.ts'
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

/** The keys that count: those found, and of the listed names those in which none was found. */
export function countedKeys(renders: readonly Tallied[]): ReadonlySet<Key> {
  const keys = new Set(renders.flatMap(({ found = [] }) => [...found]))
  const listed = renders.flatMap((one) => [...(one.listed ?? [])])
  if (listed.length === 0) return keys
  const represented = new Set<Key>()
  for (const key of keys) for (const dir of selfAndAncestors(key)) represented.add(dir)
  for (const name of listed) if (!represented.has(name)) keys.add(name)
  return keys
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
  const { maxShrink } = guard
  const vanished = gone(last?.keys ?? new Set(), next.keys)
  const reasons: string[] = []
  if (next.keys.size === 0 && !guard.allowEmpty) {
    reasons.push('no key was found, and allow_empty is not set')
  }
  reasons.push(...beyond(guard, last?.keys, next.keys))
  for (const group of guard.groups) {
    const before = last && inGroup(group, last.keys)
    const told = beyond(group, before, inGroup(group, next.keys))
    reasons.push(...told.map((reason) => `of ${group.pattern} ${reason}`))
  }
  if (last !== undefined && maxShrink !== undefined) {
    const { size } = last
    if (exceeds(size - next.size, maxShrink, size)) {
      const most = inWords(maxShrink) + (maxShrink.kind === 'count' ? ' bytes' : '')
      reasons.push(
        `the file would shrink from ${size} to ${next.size} bytes, max_shrink is ${most}`,
      )
    }
  }
  return reasons.length === 0 ? undefined : { reason: reasons.join('; '), vanished }
}

function beyond(
  { minKeys, maxRemoved }: Pick<Guard, 'minKeys' | 'maxRemoved'>,
  last: ReadonlySet<Key> | undefined,
  next: ReadonlySet<Key>,
): string[] {
  const reasons: string[] = []
  if (minKeys !== undefined && next.size < minKeys) {
    const { size } = next
    reasons.push(`${counted(size, 'key was', 'keys were')} read, min_keys is ${minKeys}`)
  }
  if (last !== undefined && maxRemoved !== undefined) {
    const lost = gone(last, next).length
    if (exceeds(lost, maxRemoved, last.size)) {
      const of = `${lost} of ${counted(last.size, 'key')}`
      reasons.push(`${of} vanished, max_removed is ${inWords(maxRemoved)}`)
    }
  }
  return reasons
}

const gone = (last: ReadonlySet<Key>, next: ReadonlySet<Key>): readonly Key[] =>
  [...last].filter((key) => !next.has(key))

/**
 * What of the keys a group counts. What was looked up with options, such as another datacenter, counts for a
 * pattern without any; the same instance in two such look-ups of a datacenter counts once.
 */
export function inGroup({ pattern }: GuardGroup, keys: ReadonlySet<Key>): ReadonlySet<Key> {
  const asLookedUp = pattern.includes('@')
  const isIn = matcherOf(pattern)
  const matches = new Set<Key>()
  for (const key of keys) {
    const path = isIn(asLookedUp ? key : plainKeyIn(key))
    if (path === undefined) continue
    // As long as the match, which may be a directory above the key.
    const depth = path.split('/').length
    matches.add((asLookedUp ? key : keyInDatacenter(key)).split('/', depth).join('/') as Key)
  }
  return matches
}

/** The key or the directory above it that a pattern matches; undefined: neither. */
function matcherOf(pattern: string): (key: Key) => Key | undefined {
  if (!/[*?[\\]/.test(pattern)) {
    const dir = toKey(pattern)
    return (key) => (covers(dir, key) ? key : undefined)
  }
  const glob = compileGlob(pattern)
  const depth = pattern.split('/').length
  return (key) => {
    const path = key.split('/', depth).join('/') as Key
    return glob.test(path) ? path : undefined
  }
}

/** Exactly as much as the limit is still good. */
const exceeds = (lost: number, limit: Limit, whole: number): boolean =>
  lost > 0 && (limit.kind === 'count' ? lost > limit.most : lost * 100 > limit.percent * whole)

const inWords = (limit: Limit): string =>
  limit.kind === 'count' ? String(limit.most) : `${limit.percent}%`
