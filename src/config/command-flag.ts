// A flag that only some commands know.

/** A flag that only some commands know; those of `options.ts` are good with all of them. */
export interface CommandFlag {
  /** Absent: it takes no value. */
  readonly placeholder?: string
  /** The value may be left out: the next argument is taken for it only when it looks like this. */
  readonly optional?: RegExp
  readonly default?: string
  readonly choices?: readonly string[]
  readonly help: string
}
