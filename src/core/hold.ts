// Decides whether a change that removes keys is held. Even without a guard, a change is held if the last applied render
// found keys in a store, and the new render finds none there. Keys that come back one by one are not judged at each
// step: once a change is held, a later change passes when all counts are restored, or have not changed for a while.
// Pure: times are passed in, as milliseconds since the Unix epoch.
import { inGroup, trips, type Footprint, type Tripped } from './guard.ts'
import { covers, storeOf, type Key } from './key.ts'
import { SETTLE, type Guard } from './resource.ts'
import { emptied, type Supplies } from './supply.ts'
import { duration, listed } from './words.ts'

/** One file with a guard. */
export interface GuardedRender {
  readonly dest: string
  readonly guard: Guard
  /** Undefined before the first applied render. */
  readonly last: Footprint | undefined
  readonly next: Footprint
}

/** The data that decides whether a change to a resource is held. */
export interface Evidence {
  readonly files: readonly GuardedRender[]
  /** Number of keys that each store contributed, over all templates without `allow_empty`. */
  readonly supplies: { readonly last: Supplies | undefined; readonly next: Supplies }
  /** Returns the full keys of the resource's templates. Called only if the reason for a hold names these keys. */
  readonly keys: () => readonly Key[]
}

/** State of a held change with at least one count below that of the last applied render. */
export interface Short {
  /** The most recent counts. */
  readonly counts: readonly number[]
  /** Time when the counts last changed. */
  readonly since: number
}

export interface HoldVerdict extends Tripped {
  readonly by: 'guard' | 'default'
  /** The file whose guard holds the change; absent if no guard of a single file does. */
  readonly dest?: string
  readonly short?: Short
  /** Milliseconds after which the change passes if no count changes. */
  readonly passesIn?: number
}

/**
 * Returns why a change is held; undefined if it passes.
 * @param former the state of the resource's held change; undefined if none is held
 */
export function judge(
  evidence: Evidence,
  former: Short | undefined,
  now: number,
): HoldVerdict | undefined {
  const counts = countsOf(evidence)
  const isShort = counts.some(({ last, next }) => next < last)
  const short = isShort ? shortSince(former, counts, now) : undefined
  const tripped = trippedBy(evidence)
  if (tripped !== undefined) return short === undefined ? tripped : { ...tripped, short }
  if (former === undefined || short === undefined) return undefined
  const settle = settleOf(evidence)
  const passesIn = short.since + settle - now
  if (passesIn <= 0) return undefined
  const reason = `keys are coming back: the change passes once their number has not changed for ${duration(settle)}`
  const by = evidence.files.length === 0 ? 'default' : 'guard'
  return { by, reason, vanished: stillGone(evidence), short, passesIn }
}

const settleOf = ({ files }: Evidence): number =>
  files.length === 0 ? SETTLE : Math.max(...files.map(({ guard }) => guard.settle))

/** Returns the keys that are still missing. Templates without a guard do not record keys by name. */
const stillGone = ({ files }: Evidence): readonly Key[] =>
  files.flatMap(({ last, next }) => [...(last?.keys ?? [])].filter((key) => !next.keys.has(key)))

interface Count {
  readonly last: number
  readonly next: number
}

/** All counts, in an order that depends only on the configuration. */
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
    // A store that is no longer read, or may be empty, does not count.
    return { last, next: supplies.next.get(root)?.keys ?? last }
  })
  return [...ofFiles, ...ofStores]
}

function shortSince(former: Short | undefined, counts: readonly Count[], now: number): Short {
  const next = counts.map((count) => count.next)
  const isSame =
    former?.counts.length === next.length && next.every((count, n) => count === former.counts[n])
  // The minimum guards against a clock that was set back.
  const since = isSame ? Math.min(former.since, now) : now
  return { counts: next, since }
}

function trippedBy({ files, supplies, keys }: Evidence): HoldVerdict | undefined {
  for (const { dest, guard, last, next } of files) {
    const tripped = trips(guard, last, next)
    if (tripped !== undefined) return { by: 'guard', dest, ...tripped }
  }
  const [root] = emptied(supplies.last ?? new Map(), supplies.next)
  if (root === undefined) return undefined
  const own = keys().filter((key) =>
    root === '/' ? storeOf(key) === undefined : covers(root, key),
  )
  const reason =
    `no keys are left under ${listed(own, NAMED)}, where the last applied render found some, ` +
    'and allow_empty is not set'
  return { by: 'default', reason, vanished: [] }
}

/** Maximum number of keys that a reason names. */
const NAMED = 5
