// The witness of a trial: answers the first question of harness.ts by reading the destinations every few milliseconds
// during the whole trial.
import { contentsOf, destinations, hashOf, type Destination, type State } from './contents.ts'
import { firstLine, stampOf, textOf } from './files.ts'

const LOOK_EVERY = 5

export class Witness {
  readonly #planned = new Map<Destination, Set<string>>(destinations.map((d) => [d, new Set()]))
  readonly #seen = new Map<Destination, string>()
  readonly #wrong = new Set<string>()
  readonly #looking = setInterval(() => this.#look(), LOOK_EVERY)

  /** @param mayVanish whether the trial itself removes destinations */
  constructor(
    private readonly path: (dest: Destination) => string,
    private readonly mayVanish: boolean,
  ) {}

  /** From now on, the destinations may have the content that belongs to this state. */
  plan(state: State): void {
    for (const [dest, text] of Object.entries(contentsOf(state))) {
      this.#planned.get(dest as Destination)?.add(hashOf(text))
    }
  }

  wasPlanned(dest: Destination, hash: string): boolean {
    return this.#planned.get(dest)?.has(hash) === true
  }

  /** Checks one last time. @returns a description of each unplanned or missing file seen so far */
  close(): readonly string[] {
    clearInterval(this.#looking)
    this.#look()
    return [...this.#wrong]
  }

  #look(): void {
    for (const dest of destinations) {
      const path = this.path(dest)
      const stamp = stampOf(path)
      const before = this.#seen.get(dest)
      if (stamp === before) continue
      if (stamp === undefined) {
        // A destination that has never existed has no earlier stamp, so it is not reported.
        if (!this.mayVanish) this.#wrong.add(`${dest} was not there any more`)
        continue
      }
      const text = textOf(path)
      // The file was replaced during this check. The next check sees the new file.
      if (text === undefined || stampOf(path) !== stamp) continue
      this.#seen.set(dest, stamp)
      if (this.wasPlanned(dest, hashOf(text))) continue
      const shown = `${text.length} characters: ${firstLine(text)}`
      this.#wrong.add(`${dest} was what nobody had planned (${shown})`)
    }
  }
}
