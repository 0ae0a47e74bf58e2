// The state of one resource, reduced from its events: problems, waits, reloads, the reads of its last render, and
// history. Times are milliseconds since the Unix epoch. Memory is bounded.
import type { Event, EventOf } from '../core/event.ts'
import type { Cause } from '../core/cause.ts'
import type { Reads } from '../core/reads.ts'
import type { ResourceChange, Reload, ResourceHistory } from '../core/status.ts'
import { isoTime } from '../core/words.ts'
import { settlement } from './runtime-words.ts'

const CHANGES_KEPT = 20

/** An event, its time (`at`), and the time of the first of consecutive equal events (`since`). */
interface TimedEvent<K extends Event['kind']> {
  readonly event: EventOf<K>
  readonly at: number
  readonly since: number
}

/** Why the files differ from the rendered templates; the newest of several reasons. */
interface ResourceProblem extends TimedEvent<'failed' | 'held' | 'rolled-back' | 'waits'> {
  readonly kind: 'failed' | 'held'
}

export interface ResourceProgress {
  readonly name: string
  /** Time at which the resource became known. */
  readonly known: number
  /** Whether the resource has finished a cycle, successfully or not. */
  readonly isSeen: boolean
  /** Whether a file was found to differ from its rendered template. With `-noop`, the cycle ends there. */
  readonly isOutOfSync: boolean
  readonly problem?: ResourceProblem | undefined
  /** The first fault of an invalid definition, until conf.d is read again. */
  readonly refused?: TimedEvent<'failed'> | undefined
  /** The value of `refused` before conf.d was last read. */
  readonly previouslyRefused?: TimedEvent<'failed'> | undefined
  /** The part of a store, or the resource of its group, for which the resource waits. */
  readonly awaits?: TimedEvent<'awaits' | 'waits'> | undefined
  /** Time since which the resource has had no problem of its own; absent before its first cycle. */
  readonly good?: number
  /** Number of check commands run. */
  readonly checks: number
  /** The reads of the last render; absent before the first render. */
  readonly reads?: readonly Reads[]
  /** The last attempt of an unfinished reload. The journal decides whether a reload is owed. */
  readonly reload?: TimedEvent<'reload-started' | 'reload-owed' | 'rollback-impossible'> | undefined
  /** Destinations that could not be rolled back, because they have no earlier good content. */
  readonly noWayBack?: readonly string[] | undefined
  readonly lastReload?: Reload
  /** Newest first. */
  readonly changes: readonly ResourceChange[]
  /** Prefix of the SHA-256 of the file in place, by destination. */
  readonly hashes: ReadonlyMap<string, string>
}

type MutableProgress = { -readonly [K in keyof ResourceProgress]: ResourceProgress[K] } & {
  readonly hashes: Map<string, string>
}

export const newResource = (name: string, known: number): MutableProgress => ({
  name,
  known,
  isSeen: false,
  isOutOfSync: false,
  checks: 0,
  changes: [],
  hashes: new Map(),
})

export function noteChange(one: MutableProgress, cause: Cause, time: number): void {
  one.changes = [{ at: isoTime(time), ...cause }, ...one.changes].slice(0, CHANGES_KEPT)
}

/** Adds the history that an earlier run recorded. */
export function restorePast(one: MutableProgress, { changes, lastReload }: ResourceHistory): void {
  one.changes = [...one.changes, ...changes].slice(0, CHANGES_KEPT)
  if (lastReload !== undefined) one.lastReload ??= lastReload
}

/** Applies an event that concerns the resource. */
export function noteEvent(one: MutableProgress, event: Event, time: number): void {
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
      // Keeps a failed attempt visible while the next one is running.
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

/** @param hash null if the destination was removed */
function found(one: MutableProgress, dest: string, hash: string | null): void {
  if (hash === null) one.hashes.delete(dest)
  else one.hashes.set(dest, hash)
}

/** Call when conf.d has been read; a fault in the definition follows as an event. */
export function configured(one: MutableProgress): void {
  one.previouslyRefused = one.refused
  one.refused = undefined
}

function refuse(one: MutableProgress, event: EventOf<'failed'>, time: number): void {
  one.refused ??= { event, at: time, since: one.previouslyRefused?.since ?? time }
  one.isSeen = true
}

function setProblem(
  one: MutableProgress,
  kind: ResourceProblem['kind'],
  event: ResourceProblem['event'],
  time: number,
): void {
  const since = one.problem?.kind === kind ? one.problem.since : time
  one.problem = { kind, event, at: time, since }
  one.awaits = undefined
  one.isSeen = true
}

function noteReload(
  one: MutableProgress,
  event: EventOf<'reloaded' | 'reload-owed'>,
  time: number,
): void {
  const { command, result } = event
  const { exitCode, signal, timedOut, duration } = result
  const succeeded = event.kind === 'reloaded'
  const at = isoTime(time)
  const reload = { at, command, succeeded, exitCode, signal, timedOut, duration }
  one.lastReload = { ...reload, ...settlement(event) }
  if (event.kind === 'reload-owed') {
    one.reload = { event, at: time, since: one.reload?.since ?? time }
  } else {
    one.reload = one.noWayBack = undefined
    one.good = time
  }
}
