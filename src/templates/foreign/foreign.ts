// A function of another program, and what to write here instead: for hints, and for the pages on migration.
export interface Foreign {
  readonly name: string
  /** How it is written there. */
  readonly written: string
  readonly go?: string
  readonly nunjucks?: string
  /** What is to be said beside it, or why there is nothing. */
  readonly note?: string
}
