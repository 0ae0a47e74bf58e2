// What has to be done so that a store holds what is wanted. Pure; level-triggered: it looks at what is wanted
// now and at what is there now, never at what has happened in between.

/** Entries of a store by where they lie, each with a text that is another one when anything of it differs. */
export type Texts = ReadonlyMap<string, string>

/** An entry that the store, or its owner, has refused. */
export interface Refusal {
  /** What was refused; another text is tried at once. */
  readonly text: string
  /** When it is tried again, by the clock that `now` is of. */
  readonly until: number
}

export interface Situation {
  readonly wanted: Texts
  /** Entries whose services may be alive: what is there of them stays, and nothing is put. */
  readonly undecided: ReadonlySet<string>
  /** False while not everything that is wanted is known: then nothing is removed. */
  readonly complete: boolean
  /** Our own entries in the store. */
  readonly present: Texts
  readonly refused: ReadonlyMap<string, Refusal>
}

export interface Steps {
  readonly put: readonly string[]
  /** To be done after all that is put: of a service that has got another id, one entry is always there. */
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
