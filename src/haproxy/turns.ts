// Runs tasks with the same name one at a time, in order.
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
