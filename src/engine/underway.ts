// Tracks current work and its time limits, so that a watchdog can distinguish a busy daemon from a hanging one. Times
// are in milliseconds.
import { duration } from '../core/words.ts'

export interface Work {
  /** For messages, such as `the work on web.toml`. */
  readonly what: string
  /** The resources that the work affects. */
  readonly resources: readonly string[]
  /** Maximum time without progress, derived from the timeouts of the commands. */
  readonly allowed: number
}

interface Entry extends Work {
  /** Time of the last progress. */
  heard: number
}

export class Underway {
  readonly #entries = new Set<Entry>()

  /** Tracks work until its promise settles. */
  async during<T>(work: Work, ends: Promise<T>): Promise<T> {
    const entry = { ...work, heard: performance.now() }
    this.#entries.add(entry)
    try {
      return await ends
    } finally {
      this.#entries.delete(entry)
    }
  }

  /** Records progress of the work on a resource. Call when one of its files was rendered, checked or written. */
  heard(resource: string): void {
    for (const entry of this.#entries) {
      if (entry.resources.includes(resource)) entry.heard = performance.now()
    }
  }

  /**
   * Describes work that has made no progress for longer than its limits allow. Returns undefined if there is no such
   * work.
   * @param patience additional time for work outside commands: reading, rendering, writing
   */
  stuck(patience: number, now = performance.now()): string | undefined {
    for (const { what, allowed, heard } of this.#entries) {
      const silent = now - heard
      if (silent <= allowed + patience) continue
      return `${what} has made no progress for ${duration(silent)}; its timeouts allow ${duration(allowed)}`
    }
    return undefined
  }
}
