// The context of a render: the inputs of template functions besides their arguments. Engines are synchronous: if a
// template needs a fact that must be fetched, PendingFact is thrown, and the render loop fetches the fact and renders
// again.
import type { Key } from '../core/key.ts'
import type { Reader } from '../core/reader.ts'
import { raise } from '../core/fault.ts'

export interface RenderContext {
  readonly reader: Reader
  /** The key or directory that for_each has matched for this render, without the prefix. */
  readonly item?: Key
  /** The time of the render, which stays constant. */
  readonly now: () => Date
  /**
   * Returns an external fact, such as a DNS answer, which stays constant during a render. Throws PendingFact until the
   * fact is loaded. If `load` rejects, throws its error.
   */
  readonly fact: <T>(id: string, load: () => Promise<T>) => T
  /** Renders another template with the same engine. The engine sets this function. Throws like Engine.render(). */
  readonly include?: (name: string, data: unknown) => string
}

/** Interrupts the engine until the render loop has loaded the fact. Does not mean that the render has failed. */
export class PendingFact extends Error {
  constructor(
    readonly id: string,
    readonly load: () => Promise<unknown>,
  ) {
    super(`waiting for ${id}`)
  }
}

/** Maximum number of facts in one render; each fact costs another pass over the template. */
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
      throw new PendingFact(id, load)
    }
    if ('error' in answer) throw answer.error
    return answer.value as T
  }

  async resolve(pending: PendingFact): Promise<void> {
    const answer = await pending.load().then(
      (value): Answer => ({ value }),
      (error: unknown): Answer => ({ error }),
    )
    this.#answers.set(pending.id, answer)
  }
}
