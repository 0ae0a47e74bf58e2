// Where one resource stands, reduced from its events: its problems, what it waits for, its reloads, what its
// last render looked up, its past. Times are milliseconds since 1970. What is kept is bounded.
import type { Event, EventOf } from '../core/event.ts'
import type { Cause } from '../core/cause.ts'
import type { Reads } from '../core/reader.ts'
import type { Change, Reload, ResourceHistory } from '../core/status.ts'
import { isoTime } from '../core/words.ts'
import { settledHow } from './runtime-words.ts'

const CHANGES_KEPT = 20

/** An event, when it came, and since when there have been only events like it. */
interface Noted<K extends Event['kind']> {
  readonly event: EventOf<K>
  readonly at: number
  readonly since: number
}

/** Why its files are not what its templates say now; of several reasons the newest. */
interface Problem extends Noted<'failed' | 'held' | 'rolled-back' | 'waits'> {
  readonly kind: 'failed' | 'held'
}

export interface ResourceProgress {
  readonly name: string
  /** Since when. */
  readonly known: number
  /** It has been through a cycle, well or badly. */
  readonly isSeen: boolean
  /** A difference was found: with `-noop` that is all that becomes of it. */
  readonly isOutOfSync: boolean
  readonly problem?: Problem | undefined
  /** Its definition in conf.d is not right; the first fault of it. Lasts until conf.d is read again. */
  readonly refused?: Noted<'failed'> | undefined
  /** The same of the reading of conf.d before. */
  readonly formerlyRefused?: Noted<'failed'> | undefined
  /** The part of a store, or the resource of its group, that it waits for. */
  readonly awaits?: Noted<'awaits' | 'waits'> | undefined
  /** Since when it has had no problem of its own; absent before it was first looked at. */
  readonly good?: number
  /** How many check commands have run. */
  readonly checks: number
  /** Absent before its first render. */
  readonly reads?: readonly Reads[]
  /** The last try of a reload that has not succeeded yet. The journal knows whether one is owed. */
  readonly reload?: Noted<'reload-started' | 'reload-owed' | 'rollback-impossible'> | undefined
  /** The destinations without an earlier good content, where its reload failed too often. */
  readonly noWayBack?: readonly string[] | undefined
  readonly lastReload?: Reload
  /** The newest first. */
  readonly changes: readonly Change[]
  /** By destination the start of the SHA-256 of what is in place. */
  readonly hashes: ReadonlyMap<string, string>
}

type Growing = { -readonly [K in keyof ResourceProgress]: ResourceProgress[K] } & {
  readonly hashes: Map<string, string>
}

export const newResource = (name: string, known: number): Growing => ({
  name,
  known,
  isSeen: false,
  isOutOfSync: false,
  checks: 0,
  changes: [],
  hashes: new Map(),
})

export function noteChange(one: Growing, cause: Cause, time: number): void {
  one.changes = [{ at: isoTime(time), ...cause }, ...one.changes].slice(0, CHANGES_KEPT)
}

/** Adds what an earlier daemon knew of its past. */
export function restorePast(one: Growing, { changes, lastReload }: ResourceHistory): void {
  one.changes = [...one.changes, ...changes].slice(0, CHANGES_KEPT)
  if (lastReload !== undefined) one.lastReload ??= lastReload
}

/** Takes in an event that concerns the resource. */
export function noteEvent(one: Growing, event: Event, time: number): void {
  switch (event.kind) {
    case 'rendered':
      one.reads = event.reads
      return
    case 'in-sync':
      one.hashes.set(event.dest, event.hash)
      return
    case 'out-of-sync':
      one.isOutOfSync = true
      return
    case 'checked':
      one.checks++
      return
    case 'written':
      return found(one, event.dest, event.why === 'remove' ? null : event.hash)
    case 'applied':
      one.good = one.problem === undefined ? (one.good ?? time) : time
      one.problem = one.awaits = undefined
      one.isSeen = true
      return
    case 'failed':
      if (event.at === 'configuration') return refuse(one, event, time)
      return setProblem(one, 'failed', event, time)
    case 'held':
      return setProblem(one, 'held', event, time)
    case 'rolled-back':
      for (const [dest, hash] of event.files) found(one, dest, hash)
      return setProblem(one, 'failed', event, time)
    case 'waits':
      if (event.because !== 'waiting') return setProblem(one, event.because, event, time)
      one.awaits = { event, at: time, since: one.awaits?.since ?? time }
      return
    case 'awaits':
      one.awaits = { event, at: time, since: one.awaits?.since ?? time }
      return
    case 'reload-started':
      // A try that failed stays in sight while the next one runs.
      one.reload ??= { event, at: time, since: time }
      return
    case 'reloaded':
    case 'reload-owed':
      return noteReload(one, event, time)
    case 'rollback-impossible':
      one.noWayBack = event.dests
      one.reload = { event, at: time, since: one.reload?.since ?? time }
      return
  }
}

/** @param hash null when the destination was removed */
function found(one: Growing, dest: string, hash: string | null): void {
  if (hash === null) one.hashes.delete(dest)
  else one.hashes.set(dest, hash)
}

/** conf.d has been read; if the definition is not right, that follows. */
export function configured(one: Growing): void {
  one.formerlyRefused = one.refused
  one.refused = undefined
}

function refuse(one: Growing, event: EventOf<'failed'>, time: number): void {
  one.refused ??= { event, at: time, since: one.formerlyRefused?.since ?? time }
  one.isSeen = true
}

function setProblem(
  one: Growing,
  kind: Problem['kind'],
  event: Problem['event'],
  time: number,
): void {
  const since = one.problem?.kind === kind ? one.problem.since : time
  one.problem = { kind, event, at: time, since }
  one.awaits = undefined
  one.isSeen = true
}

function noteReload(one: Growing, event: EventOf<'reloaded' | 'reload-owed'>, time: number): void {
  const { command, result } = event
  const { exitCode, signal, timedOut, duration } = result
  const succeeded = event.kind === 'reloaded'
  const at = isoTime(time)
  const how = settledHow(event)
  const reload = { at, command, succeeded, exitCode, signal, timedOut, duration }
  one.lastReload = { ...reload, ...(how === undefined ? {} : { how }) }
  if (event.kind === 'reload-owed') {
    one.reload = { event, at: time, since: one.reload?.since ?? time }
  } else {
    one.reload = one.noWayBack = undefined
    one.good = time
  }
}
