// What becomes of a change that takes keys away: it passes, or it is held. A store that gave keys to the last
// applied render and gives none any more holds a resource without any guard. Keys that come back one by one
// are not judged at each step: once a change is held, another one passes when no count is short any more, or
// when the counts have stood still. Pure: times come in, as milliseconds since 1970.
import { inGroup, trips, type Footprint, type Tripped } from './guard.ts'
import { covers, storeOf, type Key } from './key.ts'
import { SETTLE, type Guard } from './resource.ts'
import { emptied, type Supplies } from './supply.ts'
import { duration, listed } from './words.ts'

/** One file of a resource that has a guard. */
export interface GuardedRender {
  readonly dest: string
  readonly guard: Guard
  /** Undefined before the first time. */
  readonly last: Footprint | undefined
  readonly next: Footprint
}

/** What a change of a resource is judged by. */
export interface Evidence {
  readonly files: readonly GuardedRender[]
  /** Of the templates that may not lose all keys of a store. */
  readonly supplies: { readonly last: Supplies | undefined; readonly next: Supplies }
  /** The full keys that its templates name. */
  readonly keys: readonly Key[]
}

/** A change was held, and a count was short of that of the last applied render. */
export interface Short {
  /** What was counted when it was looked at last. */
  readonly counts: readonly number[]
  /** Since when it is these. */
  readonly since: number
}

export interface Held extends Tripped {
  readonly by: 'guard' | 'default'
  /** Absent when it is about the whole resource. */
  readonly dest?: string
  readonly short?: Short
  /** Milliseconds after which it passes if nothing changes meanwhile. */
  readonly passesIn?: number
}

/**
 * Why a change is held; undefined: it passes.
 * @param former what was short when the last change of the resource was held; undefined: none is held
 */
export function judge(
  evidence: Evidence,
  former: Short | undefined,
  now: number,
): Held | undefined {
  const counts = countsOf(evidence)
  const isShort = counts.some(({ last, next }) => next < last)
  const short = isShort ? shortSince(former, counts, now) : undefined
  const tripped = trippedBy(evidence)
  if (tripped !== undefined) return short === undefined ? tripped : { ...tripped, short }
  if (former === undefined || short === undefined) return undefined
  const settle = settleOf(evidence)
  const passesIn = short.since + settle - now
  if (passesIn <= 0) return undefined
  const reason = `keys are coming back: it passes once their number has not changed for ${duration(settle)}`
  const by = evidence.files.length === 0 ? 'default' : 'guard'
  return { by, reason, vanished: stillGone(evidence), short, passesIn }
}

const settleOf = ({ files }: Evidence): number =>
  files.length === 0 ? SETTLE : Math.max(...files.map(({ guard }) => guard.settle))

/** Of templates without a guard the keys are not known by name. */
const stillGone = ({ files }: Evidence): readonly Key[] =>
  files.flatMap(({ last, next }) => [...(last?.keys ?? [])].filter((key) => !next.keys.has(key)))

interface Count {
  readonly last: number
  readonly next: number
}

/** Everything that can be short, in an order that depends on the configuration only. */
function countsOf({ files, supplies }: Evidence): readonly Count[] {
  const ofFiles = files.flatMap(({ guard, last, next }): Count[] => {
    const before = last?.keys ?? new Set<Key>()
    const groups = guard.groups.map((group) => ({
      last: inGroup(group, before).size,
      next: inGroup(group, next.keys).size,
    }))
    return [{ last: before.size, next: next.keys.size }, ...groups]
  })
  const roots = [...(supplies.last?.keys() ?? [])].sort()
  const ofStores = roots.map((root) => {
    const last = supplies.last?.get(root)?.keys ?? 0
    // A store that is not asked any more, or may supply nothing, is not short of anything.
    return { last, next: supplies.next.get(root)?.keys ?? last }
  })
  return [...ofFiles, ...ofStores]
}

function shortSince(former: Short | undefined, counts: readonly Count[], now: number): Short {
  const next = counts.map((count) => count.next)
  const isSame =
    former?.counts.length === next.length && next.every((count, n) => count === former.counts[n])
  // A clock that was set back does not make it wait for longer.
  const since = isSame ? Math.min(former.since, now) : now
  return { counts: next, since }
}

function trippedBy({ files, supplies, keys }: Evidence): Held | undefined {
  for (const { dest, guard, last, next } of files) {
    const tripped = trips(guard, last, next)
    if (tripped !== undefined) return { by: 'guard', dest, ...tripped }
  }
  const [root] = emptied(supplies.last ?? new Map(), supplies.next)
  if (root === undefined) return undefined
  const own = keys.filter((key) => (root === '/' ? storeOf(key) === undefined : covers(root, key)))
  const reason =
    `no key is left of ${listed(own, NAMED)}, where the last applied render found some, ` +
    'and allow_empty is not set'
  return { by: 'default', reason, vanished: [] }
}

/** How many keys a reason names; the others are counted. */
const NAMED = 5
