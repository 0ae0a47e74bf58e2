// Derives the status of one resource for `reconfd status` and `reconfd why`.
import { sumOf } from '../core/supply.ts'
import { printable } from '../core/escape.ts'
import { briefly } from '../core/fault.ts'
import type { Reads } from '../core/reads.ts'
import {
  lateness,
  type ReadNames,
  type ResourceHistory,
  type ResourceState,
  type StoreStatus,
} from '../core/status.ts'
import { isoTime, listed, toSecond } from '../core/words.ts'
import type { ResourceProgress } from './resource-progress.ts'

/** Maximum number of names for each kind of read. */
const READS_NAMED = 100

/**
 * @param stores the stores that the resource reads
 * @param owed time since which a reload is owed, from the journal
 */
export function historyOf(
  one: ResourceProgress,
  stores: readonly StoreStatus[],
  owed: number | undefined,
): ResourceHistory {
  const [lastChange] = one.changes
  const { since, ...state } = stateOf(one, stores, owed)
  return {
    name: one.name,
    ...state,
    since: isoTime(since),
    ...(owed === undefined ? {} : { owedSince: isoTime(owed) }),
    ...(lastChange === undefined ? {} : { lastChange }),
    ...(one.lastReload === undefined ? {} : { lastReload: one.lastReload }),
    hashes: Object.fromEntries(one.hashes),
    ...(one.reads === undefined ? {} : { reads: readNames(one.reads) }),
    changes: one.changes,
  }
}

interface DerivedState {
  readonly state: ResourceState
  readonly since: number
  readonly why?: string
}

/** Determines the state of a resource. If several states apply, returns the worst. */
function stateOf(
  one: ResourceProgress,
  stores: readonly StoreStatus[],
  owed: number | undefined,
): DerivedState {
  const { refused, problem, awaits, good } = one
  if (refused !== undefined) {
    const why = `invalid definition: ${briefly(refused.event.fault)}`
    const reload = owed === undefined ? '' : `\n${reloadWhy(one)}`
    return { state: 'failed', since: refused.since, why: why + reload }
  }
  if (problem !== undefined) {
    const { kind, since } = problem
    const reload = kind === 'failed' && owed !== undefined ? `\n${reloadWhy(one)}` : ''
    return { state: kind, since, why: problemWhy(one.name, problem) + reload }
  }
  if (owed !== undefined) return { state: 'owed', since: owed, why: reloadWhy(one) }
  const away = stores.find(({ state }) => state === 'stale' || state === 'waiting')
  const why = away?.fault === undefined ? [] : [briefly(away.fault)]
  if (awaits !== undefined) {
    const all = [awaitsWhy(awaits.event), ...why]
    return { state: 'waiting', since: awaits.since, why: all.join('; ') }
  }
  const changes = stores.map(({ since }) => Date.parse(since))
  if (good === undefined) {
    const since = Math.min(one.known, ...changes)
    return { state: 'waiting', since, why: why[0] ?? 'not processed yet' }
  }
  if (away !== undefined) {
    const [fault] = why
    const stale = { state: 'stale', since: Date.parse(away.since) } as const
    return fault === undefined ? stale : { ...stale, why: fault }
  }
  const late = stores.find(({ state }) => state === 'behind')
  if (late !== undefined) {
    const { since, lag = 0 } = late
    return { state: 'behind', since: Date.parse(since), why: lateness(lag) }
  }
  return { state: 'in sync', since: Math.max(good, ...changes) }
}

function problemWhy(name: string, { event }: NonNullable<ResourceProgress['problem']>): string {
  switch (event.kind) {
    case 'failed':
      return `${event.at} failed: ${briefly(event.fault)}`
    case 'held': {
      const { dest, reason, vanished, more } = event
      const gone = vanished.length === 0 ? '' : `; vanished: ${listed(vanished, Infinity, more)}`
      return `${dest} stays as it is: ${reason} (${consent(name)})${gone}`
    }
    case 'rolled-back':
      return (
        `rolled back: ${printable(event.fault.message)}\n` +
        `the last good content of ${listed([...event.files.keys()])} is in place; the rejected content is not ` +
        `retried until it changes (to retry it now: reconfd accept ${name})`
      )
    case 'waits':
      return groupWhy(event.for, event.because)
  }
}

const BECAUSE = { failed: 'has failed', held: 'is held', waiting: 'waits' } as const

const consent = (name: string): string => `to apply this change: reconfd accept ${name}`

const groupWhy = (other: string, because: keyof typeof BECAUSE): string =>
  `its files stay as they are: ${other}, of the same group, ${BECAUSE[because]}` +
  (because === 'held' ? ` (to apply its change: reconfd accept ${other})` : '')

function awaitsWhy(event: NonNullable<ResourceProgress['awaits']>['event']): string {
  if (event.kind === 'waits') return groupWhy(event.for, event.because)
  const { keys, more, store } = event
  return `for the first read of ${listed(keys, Infinity, more)} from ${store}`
}

function reloadWhy({ reload, noWayBack }: ResourceProgress): string {
  const back =
    noWayBack === undefined
      ? ''
      : `there is no earlier good content of ${listed(noWayBack)} to restore; `
  if (reload === undefined) return `${back}reload is owed`
  const { event, at } = reload
  if (event.kind === 'reload-started') return `${back}reload is running: ${event.command}`
  const next =
    event.retryIn === null ? '' : `, next try at ${toSecond(isoTime(at + event.retryIn))}`
  const which = event.kind === 'reload-owed' ? `try ${event.attempts} failed` : 'failed'
  return `${back}reload ${which}${next}: ${briefly(event.fault)}`
}

/** The unique reads of all templates of a resource, sorted and limited. */
function readNames(reads: readonly Reads[]): ReadNames {
  let more = 0
  const merged = (of: (one: Reads) => ReadonlySet<string>): string[] => {
    const names = new Set<string>()
    for (const one of reads) {
      for (const name of of(one)) {
        if (names.size < READS_NAMED) names.add(name)
        else if (!names.has(name)) more++
      }
    }
    return [...names].sort()
  }
  const names = {
    keys: merged(({ keys }) => keys),
    trees: merged(({ trees }) => trees),
    listings: merged(({ listings }) => listings),
    patterns: merged(({ patterns }) => patterns),
    files: merged(({ files }) => files),
  }
  let found = 0
  for (const { keys, names: listed } of sumOf(reads.map(({ supplies }) => supplies)).values())
    found += keys === 0 ? listed : keys
  return { ...names, more, found }
}
