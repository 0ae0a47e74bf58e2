// One row of the tables of settings. It defines everything about a setting: its flag, environment variables, entry in
// confd.toml, type, default, and its line in `-help` and the docs.

import type { BackendName } from '../../core/settings.ts'

export type OptionGroup = 'Mode' | 'Store' | 'Files' | 'Timing' | 'Output'

export interface Option {
  readonly group: OptionGroup
  readonly type: 'boolean' | 'text' | 'list' | 'duration' | 'size' | 'choice' | 'address'
  readonly help: string
  /** The default, as it is typed on the command line. Absent: there is none, or `help` describes how it is computed. */
  readonly default?: string
  readonly placeholder?: string
  /**
   * Other names of the flag, as in confd and its fork. Variables and entries in confd.toml can also have these names,
   * except one-letter names.
   */
  readonly aliases?: readonly string[]
  /**
   * Environment variables in addition to those derived from the names of the flag. The docs name the first one. Empty:
   * the option has no variable.
   */
  readonly env?: readonly string[]
  /**
   * Entries in confd.toml in addition to the names of the flag, which may be written with `-` or `_`. Null: the option
   * has no entry.
   */
  readonly toml?: readonly string[] | null
  readonly choices?: readonly string[]
  /** Other names for a choice. */
  readonly synonyms?: Readonly<Record<string, string>>
  /** Minimum of a duration, in milliseconds. */
  readonly least?: number
  /** The backends that use the option; absent: all. */
  readonly backends?: readonly BackendName[]
  /** The value is a credential, which no message may contain. */
  readonly secret?: true
}
