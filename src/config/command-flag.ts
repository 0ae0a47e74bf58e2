// The definition of a flag that belongs to certain commands.

/** A flag of certain commands; the flags of `options.ts` belong to all. */
export interface CommandFlag {
  /** Absent if the flag takes no value. */
  readonly placeholder?: string
  /** The value is optional: the next argument is the value only if it matches. */
  readonly optional?: RegExp
  readonly default?: string
  readonly choices?: readonly string[]
  readonly help: string
}
