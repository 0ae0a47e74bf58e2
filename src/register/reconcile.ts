// Computes the difference between the wanted entries and those in the store. Pure and level-triggered: compares two
// states and needs no events.

/** Entries by key; the text of an entry changes whenever the entry does. */
export type EntryTexts = ReadonlyMap<string, string>

/** An entry that the store refused, or that has another owner. */
export interface RefusedText {
  /** The refused text. If the text of the entry has changed meanwhile, the entry is tried again immediately. */
  readonly text: string
  /** Time of the next attempt, on the same clock as `now`. */
  readonly until: number
}

export interface ReconcileInput {
  readonly wanted: EntryTexts
  /** Keys of services whose health is unknown: existing entries stay, and missing ones are not written. */
  readonly undecided: ReadonlySet<string>
  /** False until all wanted entries are known; until then nothing is removed. */
  readonly complete: boolean
  /** Our own entries in the store. */
  readonly present: EntryTexts
  readonly refused: ReadonlyMap<string, RefusedText>
}

export interface Steps {
  readonly put: readonly string[]
  /** Executed after all puts, so that a service whose id changes always has an entry. */
  readonly remove: readonly string[]
}

/** @param now milliseconds of a monotonic clock */
export function stepsFor(
  { wanted, undecided, complete, present, refused }: ReconcileInput,
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
