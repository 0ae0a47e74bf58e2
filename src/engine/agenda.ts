// The agenda schedules the cycles of units: it coalesces changes, never hands out a unit whose cycle is running, and
// retries failed cycles with backoff. It has no clock of its own: callers pass monotonic times in milliseconds and
// set a timer for `next`. The cost of an operation hardly depends on the number of units.
import { backoffDelay, type Backoff } from '../core/backoff.ts'
import { Timetable } from '../core/timetable.ts'
import type { Pending, Unit } from './unit.ts'

const RETRY: Backoff = { first: 1000, most: 60_000 }

export class Agenda {
  readonly #timetable = new Timetable<Unit>()
  /** Due units that take() did not return because they were not ready. */
  readonly #unready = new Set<Unit>()

  /**
   * Call when an input of the unit changes. Makes the unit due immediately, or after a quiet time (core/pace.ts), but
   * no later than `pace.max` after the first change that no cycle has handled.
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

  /** Makes the unit due now, even if nothing has changed. */
  at(unit: Unit, now: number): void {
    this.#want(unit, { since: unit.pending?.since ?? now, due: now })
  }

  /**
   * Takes the due units. Call succeeded() or failed() when the cycle of a taken unit has ended.
   * @param isReady returns whether a due unit may start; if not, the unit waits for recheck()
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

  /** Reschedules the due units that take() did not return because they were not ready. */
  recheck(): void {
    for (const unit of this.#unready) this.#schedule(unit)
    this.#unready.clear()
  }

  /** Call when the cycle of the unit has succeeded. A change that arrived during the cycle stays on the agenda. */
  succeeded(unit: Unit): void {
    unit.failures = 0
    this.#rest(unit)
  }

  /**
   * Call when the cycle of the unit has failed. Returns the milliseconds until the retry; a change makes the unit due
   * earlier.
   */
  failed(unit: Unit, now: number): number {
    unit.failures++
    const delay = backoffDelay(unit.failures, RETRY)
    this.#rest(unit)
    if (unit.pending === undefined) this.#want(unit, { since: now, due: now + delay })
    return delay
  }

  /** Makes the unit due at this time, or earlier if it changes. */
  later(unit: Unit, due: number): void {
    if (unit.pending === undefined) this.#want(unit, { since: due, due })
  }

  /** Forgets a unit that is no longer configured. */
  drop(unit: Unit): void {
    this.#unready.delete(unit)
    this.#timetable.set(unit, Infinity)
  }

  /** Time at which a unit will next be due; Infinity if none is scheduled. */
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
