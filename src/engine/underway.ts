// What is under way, and how long it may be: by this a watchdog tells a daemon that works or waits from
// one that hangs. Times in milliseconds.
import { duration } from '../core/words.ts'

export interface Work {
  /** As it is told, such as `the work on web.toml`. */
  readonly what: string
  /** The resources that it is for. */
  readonly resources: readonly string[]
  /** How long it may be silent by the timeouts of its commands. */
  readonly allowed: number
}

interface Entry extends Work {
  /** When it gave the last sign of life. */
  heard: number
}

export class Underway {
  readonly #entries = new Set<Entry>()

  /** Notes that something is under way, until it has ended. */
  async during<T>(work: Work, ends: Promise<T>): Promise<T> {
    const entry = { ...work, heard: performance.now() }
    this.#entries.add(entry)
    try {
      return await ends
    } finally {
      this.#entries.delete(entry)
    }
  }

  /** A sign of life from the work on a resource: one of perhaps many files is rendered, checked, written. */
  heard(resource: string): void {
    for (const entry of this.#entries) {
      if (entry.resources.includes(resource)) entry.heard = performance.now()
    }
  }

  /**
   * What is under way for longer than it may, in words.
   * @param patience for what is no command: reading, rendering, writing
   */
  stuck(patience: number, now = performance.now()): string | undefined {
    for (const { what, allowed, heard } of this.#entries) {
      const silent = now - heard
      if (silent <= allowed + patience) continue
      return `${what} has not moved for ${duration(silent)}, where its timeouts allow ${duration(allowed)}`
    }
    return undefined
  }
}
