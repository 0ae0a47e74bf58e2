// What is under way, and how long it may be: by this a watchdog tells a daemon that works or waits from
// one that hangs. Times in milliseconds.

interface Work {
  /** As it is told, such as `the cycle of web.toml`. */
  readonly what: string
  /** The resources that it is for. */
  readonly resources: readonly string[]
  /** How long it may be silent by the timeouts of its commands. */
  readonly allowed: number
  /** When it gave the last sign of life. */
  heard: number
}

export class Underway {
  readonly #works = new Set<Work>()

  /** Notes that something is under way, until it has ended. */
  async during<T>(
    what: string,
    { resources = [], allowed }: Partial<Pick<Work, 'resources'>> & Pick<Work, 'allowed'>,
    work: Promise<T>,
  ): Promise<T> {
    const entry = { what, resources, allowed, heard: performance.now() }
    this.#works.add(entry)
    try {
      return await work
    } finally {
      this.#works.delete(entry)
    }
  }

  /** A sign of life from the work on a resource: one of perhaps many files is rendered, checked, written. */
  heard(resource: string): void {
    for (const work of this.#works) {
      if (work.resources.includes(resource)) work.heard = performance.now()
    }
  }

  /**
   * What is under way for longer than it may, in words.
   * @param patience for what is no command: reading, rendering, writing
   */
  stuck(patience: number, now = performance.now()): string | undefined {
    for (const { what, allowed, heard } of this.#works) {
      const silent = now - heard
      if (silent <= allowed + patience) continue
      return `${what} has not moved for ${seconds(silent)}, where its timeouts allow ${seconds(allowed)}`
    }
    return undefined
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
