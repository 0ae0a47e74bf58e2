// A function of another program and its replacement in reconfd, for hints and for the migration guides.
export interface Foreign {
  readonly name: string
  /** An example in the other program. */
  readonly written: string
  readonly go?: string
  readonly nunjucks?: string
  /** A remark on the replacement, or why there is none. */
  readonly note?: string
}
