// One row of the tables of settings. It defines everything about a setting: its flag, environment variables, entry in
// confd.toml, type, default, and its line in `-help` and the docs.

import type { BackendName } from '../../core/settings.ts'

export type OptionGroup = 'Mode' | 'Store' | 'Files' | 'Timing' | 'Output'

export interface Option {
  readonly group: OptionGroup
  readonly type: 'boolean' | 'text' | 'list' | 'duration' | 'size' | 'choice' | 'address'
  readonly help: string
  /** As typed on the command line. Absent: unset, or computed as `help` describes. */
  readonly default?: string
  readonly placeholder?: string
  /** Other names of the flag, as in confd and its fork. Those of several letters also name variables and entries. */
  readonly aliases?: readonly string[]
  /** Variables besides those derived from the flag's names. The first is confd's own. Empty: no variable at all. */
  readonly env?: readonly string[]
  /** Entries besides the names of the flag, in which `-` and `_` are equivalent. Null: not in confd.toml. */
  readonly toml?: readonly string[] | null
  readonly choices?: readonly string[]
  /** Other names for a choice. */
  readonly synonyms?: Readonly<Record<string, string>>
  /** Minimum of a duration, in milliseconds. */
  readonly least?: number
  /** The backends that use the option; absent: all. */
  readonly backends?: readonly BackendName[]
  /** The value is a credential: no message repeats it. */
  readonly secret?: true
}
