// The definition of a flag that only some commands accept.

/** Unlike the flags in `options.ts`, which all commands accept. */
export interface CommandFlag {
  /** Absent if the flag takes no value. */
  readonly placeholder?: string
  /** Present if the value is optional. The next argument counts as the value only if it matches this pattern. */
  readonly optional?: RegExp
  readonly default?: string
  readonly choices?: readonly string[]
  readonly help: string
}
