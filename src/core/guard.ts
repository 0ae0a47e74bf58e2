// Guards: decide whether a change to a file is held. Pure: compares the last applied render with the next one, and
// describes why a change is held.
import { keyInDatacenter, plainKeyIn } from './catalog.ts'
import { compileGlob } from './glob.ts'
import { covers, selfAndAncestors, toKey, type Key } from './key.ts'
import type { Guard, GuardGroup, Limit } from './resource.ts'
import type { Tallied } from './tally.ts'
import { counted } from './words.ts'

/** The data of one render that a guard compares: the keys that count, and the size of the file in bytes. */
export interface Footprint {
  readonly keys: ReadonlySet<Key>
  readonly size: number
}

/** Why a change is held. Contains keys and numbers, never values. */
export interface Tripped {
  /** Text for the operator; several reasons are separated by `; `. */
  readonly reason: string
  /** Keys that the last render read and the next one did not, in the order of the last render. */
  readonly vanished: readonly Key[]
}

/** Returns the keys that a guard counts: the keys found, and the listed names below which no key was found. */
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
 * Returns why a guard holds a change; undefined if it does not.
 * @param last the last applied render; undefined before the first one
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
    const exceeded = beyond(group, before, inGroup(group, next.keys))
    reasons.push(...exceeded.map((reason) => `${group.pattern}: ${reason}`))
  }
  if (last !== undefined && maxShrink !== undefined) {
    const { size } = last
    if (exceeds(size - next.size, maxShrink, size)) {
      const most = limitText(maxShrink) + (maxShrink.kind === 'count' ? ' bytes' : '')
      reasons.push(
        `the file would shrink from ${size} to ${next.size} bytes, but max_shrink is ${most}`,
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
    reasons.push(`${counted(size, 'key was', 'keys were')} read, but min_keys is ${minKeys}`)
  }
  if (last !== undefined && maxRemoved !== undefined) {
    const lost = gone(last, next).length
    if (exceeds(lost, maxRemoved, last.size)) {
      const of = `${lost} of ${counted(last.size, 'key')}`
      reasons.push(`${of} vanished, but max_removed is ${limitText(maxRemoved)}`)
    }
  }
  return reasons
}

const gone = (last: ReadonlySet<Key>, next: ReadonlySet<Key>): readonly Key[] =>
  [...last].filter((key) => !next.has(key))

/**
 * Returns the keys that a group counts. A pattern without options also matches keys of look-ups with options, such as
 * another datacenter. An instance counts once, even if two look-ups in one datacenter find it.
 */
export function inGroup({ pattern }: GuardGroup, keys: ReadonlySet<Key>): ReadonlySet<Key> {
  const asLookedUp = pattern.includes('@')
  const isIn = matcherOf(pattern)
  const matches = new Set<Key>()
  for (const key of keys) {
    const path = isIn(asLookedUp ? key : plainKeyIn(key))
    if (path === undefined) continue
    // Cuts the key to the length of the match, which may be a directory above the key.
    const depth = path.split('/').length
    matches.add((asLookedUp ? key : keyInDatacenter(key)).split('/', depth).join('/') as Key)
  }
  return matches
}

/** Returns a function that finds the match in a key: the key or a directory above it; undefined if there is none. */
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

/** Reaching the limit exactly is allowed. */
const exceeds = (lost: number, limit: Limit, whole: number): boolean =>
  lost > 0 && (limit.kind === 'count' ? lost > limit.most : lost * 100 > limit.percent * whole)

const limitText = (limit: Limit): string =>
  limit.kind === 'count' ? String(limit.most) : `${limit.percent}%`
