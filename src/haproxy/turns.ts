// One thing at a time for each name, in the order in which they were asked for.
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(name) ?? Promise.resolve()).then(work)
    this.#last.set(
      name,
      turn.catch(() => undefined),
    )
    return turn
  }
}
