// What a template function may use beside its arguments, and how a synchronous engine asks for
// something that takes time: it throws Pending, the render loop fetches the fact, and renders again.
import type { Key } from '../core/key.ts'
import type { Reader } from '../core/reader.ts'
import { raise } from '../core/fault.ts'

export interface RenderContext {
  readonly reader: Reader
  /** The match that a template with for_each is rendered for, without the prefix. */
  readonly item?: Key
  /** The moment of the render, the same for the whole of it. */
  readonly now: () => Date
  /**
   * Something that only the outside world knows, such as a DNS answer: the same for the whole of one
   * render. Throws Pending while it is not there, and what `load` was rejected with when it failed.
   */
  readonly fact: <T>(id: string, load: () => Promise<T>) => T
  /** The text of another template by the same engine, which puts this in. Throws as render() does. */
  readonly include?: (name: string, data: unknown) => string
}

/** Thrown through the engine up to the render loop; not an error. */
export class Pending extends Error {
  constructor(
    readonly id: string,
    readonly load: () => Promise<unknown>,
  ) {
    super(`waiting for ${id}`)
  }
}

/** Facts a single render may ask for; each costs another pass over the template. */
const MAX_FACTS = 256

type Answer = { readonly value: unknown } | { readonly error: unknown }

/** The facts of one render. */
export class Facts {
  readonly #answers = new Map<string, Answer>()

  get<T>(id: string, load: () => Promise<T>): T {
    const answer = this.#answers.get(id)
    if (answer === undefined) {
      if (this.#answers.size >= MAX_FACTS) {
        raise('template', `more than ${MAX_FACTS} network look-ups in one render`)
      }
      throw new Pending(id, load)
    }
    if ('error' in answer) throw answer.error
    return answer.value as T
  }

  async resolve(pending: Pending): Promise<void> {
    const answer = await pending.load().then(
      (value): Answer => ({ value }),
      (error: unknown): Answer => ({ error }),
    )
    this.#answers.set(pending.id, answer)
  }
}
