// The agenda: which unit is to be worked on, and when. Coalesces changes, keeps a unit from being worked on
// twice at once, and brings failed ones back. It has no clock: times come in (milliseconds of a monotonic
// clock), the next time to look goes out. What it costs does not depend on the number of units.
import { backoffDelay, type Backoff } from '../core/backoff.ts'
import { Timetable } from '../core/timetable.ts'
import type { Pending, Unit } from './unit.ts'

const RETRY: Backoff = { first: 1000, most: 60_000 }

export class Agenda {
  readonly #timetable = new Timetable<Unit>()
  /** Due, and not ready when take() last looked. */
  readonly #unready = new Set<Unit>()

  /**
   * Something that the unit depends on has changed. It is due at once, or when nothing more has changed
   * for as long as the unit's rhythm asks for, but no later than `max` after the first such change.
   */
  changed(unit: Unit, now: number): void {
    const { rhythm, pace, pending, state } = unit
    const quiet = rhythm.changed(now, state.kind === 'working')
    const since = pending?.since ?? now
    if (quiet === 0) this.#want(unit, { since, due: now })
    else if (pending === undefined || pending.due > now) {
      this.#want(unit, { since, due: Math.min(now + quiet, since + pace.max) })
    }
  }

  /** The unit is to be looked at now, changed or not. */
  at(unit: Unit, now: number): void {
    this.#want(unit, { since: unit.pending?.since ?? now, due: now })
  }

  /**
   * The units that are due and not being worked on; they are from here on.
   * @param isReady those that are not stay on the agenda until recheck() is called for them
   */
  take(now: number, isReady: (unit: Unit) => boolean): Unit[] {
    return this.#timetable.take(now).filter((unit) => {
      if (isReady(unit)) {
        unit.state = { kind: 'working' }
        return true
      }
      this.#unready.add(unit)
      return false
    })
  }

  /** Units that were not ready may be by now. */
  recheck(): void {
    for (const unit of this.#unready) this.#schedule(unit)
    this.#unready.clear()
  }

  /** The work on a unit is done; a change that came meanwhile is still on the agenda. */
  succeeded(unit: Unit): void {
    unit.failures = 0
    this.#rest(unit)
  }

  /** It failed: it comes back by itself after the returned milliseconds, or earlier with a change. */
  failed(unit: Unit, now: number): number {
    unit.failures++
    const delay = backoffDelay(unit.failures, RETRY)
    this.#rest(unit)
    if (unit.pending === undefined) this.#want(unit, { since: now, due: now + delay })
    return delay
  }

  /** The unit is to be looked at then, or earlier with a change. */
  later(unit: Unit, due: number): void {
    if (unit.pending === undefined) this.#want(unit, { since: due, due })
  }

  /** Forgets a unit that is not configured any more. */
  drop(unit: Unit): void {
    this.#unready.delete(unit)
    this.#timetable.set(unit, Infinity)
  }

  /** When take() will next have something; Infinity when nothing is pending. */
  get next(): number {
    return this.#timetable.next
  }

  #want(unit: Unit, pending: Pending): void {
    if (unit.state.kind === 'working') unit.state = { kind: 'working', pending }
    else {
      unit.state = { kind: 'dirty', pending }
      this.#unready.delete(unit)
      this.#schedule(unit)
    }
  }

  #rest(unit: Unit): void {
    const { pending } = unit
    unit.state = pending === undefined ? { kind: 'clean' } : { kind: 'dirty', pending }
    this.#schedule(unit)
  }

  #schedule(unit: Unit): void {
    this.#timetable.set(unit, unit.pending?.due ?? Infinity)
  }
}
