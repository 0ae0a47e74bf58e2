// The time that a template sees. This time advances only if the rest of the output has changed. So rendering the same
// keys again, as a resync does, gives the same file, even if the template prints `datetime`.
import { createHash } from 'node:crypto'

/** The hash of the last output, and the time that its render saw. */
interface Seen {
  readonly at: Date
  readonly hash: string
}

/** Gives templates the time and records whether they have used it. */
export class RenderClock {
  asked = false

  constructor(private readonly at: Date) {}

  readonly now = (): Date => {
    this.asked = true
    return this.at
  }
}

/** Maximum number of remembered renders. Without this limit, items of for_each that come and go would fill the memory. */
const MAX_KNOWN = 10_000

export class Times {
  readonly #known = new Map<string, Seen>()

  /**
   * Renders with the time of the previous output; if the output has changed, renders again with the current time.
   * @param id identifies the template and item
   * @param outputOf returns the output of a render
   */
  async steady<T>(
    id: string,
    render: (clock: RenderClock) => Promise<T>,
    outputOf: (made: T) => readonly Uint8Array[],
  ): Promise<T> {
    const before = this.#known.get(id)
    const first = new Date()
    const clock = new RenderClock(before?.at ?? first)
    const made = await render(clock)
    if (!clock.asked) {
      this.#known.delete(id)
      return made
    }
    const hash = hashOf(outputOf(made))
    if (before === undefined || hash === before.hash) {
      this.#remember(id, { at: before?.at ?? first, hash })
      return made
    }
    const fresh = await render(new RenderClock(first))
    this.#remember(id, { at: first, hash: hashOf(outputOf(fresh)) })
    return fresh
  }

  #remember(id: string, seen: Seen): void {
    const [oldest] = this.#known.size >= MAX_KNOWN && !this.#known.has(id) ? this.#known.keys() : []
    if (oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(id, seen)
  }
}

function hashOf(output: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const bytes of output) hash.update(bytes)
  return hash.digest('base64')
}
