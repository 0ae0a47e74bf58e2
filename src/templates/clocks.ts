// The time that a template sees. It moves on when something else in the output has changed: rendering the
// same keys again, as a resync does, gives the same file, although a template writes `datetime` into it.
import { createHash } from 'node:crypto'

/** What was rendered last, and the time that it saw. */
interface Seen {
  readonly at: Date
  readonly hash: string
}

/** Asked for the time by templates; tells afterwards whether it was. */
export class Clock {
  asked = false

  constructor(private readonly at: Date) {}

  readonly now = (): Date => {
    this.asked = true
    return this.at
  }
}

/** Items of for_each come and go. */
const MAX_KNOWN = 10_000

export class Times {
  readonly #known = new Map<string, Seen>()

  /**
   * Renders once, or twice: first with the time of the last render, and when the output has changed for
   * another reason, with that of now.
   * @param id what is rendered
   * @param outputOf all that it has given
   */
  async steady<T>(
    id: string,
    render: (clock: Clock) => Promise<T>,
    outputOf: (made: T) => readonly Uint8Array[],
  ): Promise<T> {
    const before = this.#known.get(id)
    const first = new Date()
    const clock = new Clock(before?.at ?? first)
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
    const fresh = await render(new Clock(first))
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
