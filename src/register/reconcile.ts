// The difference between the wanted entries and those in the store. Pure and level-triggered: it compares two
// states and knows no events.

/** Entries by key, each with a text that differs if anything of the entry differs. */
export type Texts = ReadonlyMap<string, string>

/** An entry that the store, or its owner, has refused. */
export interface Refusal {
  /** The refused text; another one is tried at once. */
  readonly text: string
  /** When it is tried again, by the clock that `now` is of. */
  readonly until: number
}

export interface Situation {
  readonly wanted: Texts
  /** Entries whose services may be alive: those in the store stay, and none is put. */
  readonly undecided: ReadonlySet<string>
  /** False while the wanted entries are not all known: then nothing is removed. */
  readonly complete: boolean
  /** Our own entries in the store. */
  readonly present: Texts
  readonly refused: ReadonlyMap<string, Refusal>
}

export interface Steps {
  readonly put: readonly string[]
  /** Done after all puts: a service whose id changes always has an entry. */
  readonly remove: readonly string[]
}

/** @param now milliseconds of a monotonic clock */
export function stepsFor(
  { wanted, undecided, complete, present, refused }: Situation,
  now: number,
): Steps {
  const put: string[] = []
  for (const [key, text] of wanted) {
    if (present.get(key) === text) continue
    const refusal = refused.get(key)
    if (refusal === undefined || refusal.text !== text || refusal.until <= now) put.push(key)
  }
  const remove = complete
    ? [...present.keys()].filter((key) => !wanted.has(key) && !undecided.has(key))
    : []
  return { put, remove }
}
