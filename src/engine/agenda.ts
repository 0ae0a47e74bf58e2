// The agenda: which resource is to be worked on, and when. Coalesces changes, keeps a resource from
// being worked on twice at once, and brings failed ones back. It has no clock and no timers of its
// own: times come in (milliseconds of a monotonic clock), the next time to look goes out.
import { backoffDelay, type Backoff } from '../core/backoff.ts'

/** Coalescing of changes, in milliseconds. */
export interface Pace {
  /** How long nothing has to change before a further change is acted upon. */
  readonly quiet: number
  /** The longest that a stream of changes can put the work off. */
  readonly max: number
}

interface Entry {
  readonly pace: Pace
  /** When the first change came that was not acted upon; null when there is none. */
  since: number | null
  due: number
  lastChange: number
  busy: boolean
  /** As take() was told last. */
  ready: boolean
  failures: number
}

const RETRY: Backoff = { first: 1000, most: 60_000 }

export class Agenda {
  readonly #entries = new Map<string, Entry>()

  constructor(resources: Iterable<readonly [string, Pace]>) {
    for (const [name, pace] of resources) {
      this.#entries.set(name, {
        pace,
        since: null,
        due: Infinity,
        lastChange: -Infinity,
        busy: false,
        ready: true,
        failures: 0,
      })
    }
  }

  /**
   * Something that these resources depend on has changed. After a quiet time the first change is
   * due at once; those that follow wait until it is quiet again, but not longer than `max`.
   */
  changed(names: Iterable<string>, now: number): void {
    for (const name of names) {
      const entry = this.#entries.get(name)
      if (entry === undefined) continue
      const wasQuiet = now - entry.lastChange >= entry.pace.quiet
      entry.lastChange = now
      entry.since ??= now
      if (wasQuiet) entry.due = now
      else if (entry.due > now)
        entry.due = Math.min(now + entry.pace.quiet, entry.since + entry.pace.max)
    }
  }

  /** These resources, or all, are to be looked at now, changed or not. */
  all(now: number, names: Iterable<string> = this.#entries.keys()): void {
    for (const name of names) {
      const entry = this.#entries.get(name)
      if (entry === undefined) continue
      entry.since ??= now
      entry.due = now
    }
  }

  /**
   * The resources that are due and not being worked on; they count as busy from here on.
   * @param isReady those that are not stay on the agenda, and do not count for `next`
   */
  take(now: number, isReady: (name: string) => boolean = () => true): string[] {
    const names: string[] = []
    for (const [name, entry] of this.#entries) {
      entry.ready = isReady(name)
      if (entry.busy || entry.since === null || entry.due > now || !entry.ready) continue
      entry.busy = true
      entry.since = null
      entry.due = Infinity
      names.push(name)
    }
    return names
  }

  /** The work on a resource is done; changes that came meanwhile are still on the agenda. */
  succeeded(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    entry.busy = false
    entry.failures = 0
  }

  /** It failed: it comes back by itself after the returned milliseconds, or earlier with a change. */
  failed(name: string, now: number): number {
    const entry = this.#entries.get(name)
    if (entry === undefined) return 0
    entry.busy = false
    entry.failures++
    const delay = backoffDelay(entry.failures, RETRY)
    if (entry.since === null) {
      entry.since = now
      entry.due = now + delay
    }
    return delay
  }

  /** When take() will next have something, Infinity when nothing is pending. */
  get next(): number {
    let next = Infinity
    for (const { busy, ready, due } of this.#entries.values()) {
      if (!busy && ready) next = Math.min(next, due)
    }
    return next
  }
}
