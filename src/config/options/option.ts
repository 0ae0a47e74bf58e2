// What one row of the tables of settings holds. A row is the whole definition of a setting: its flag,
// its environment variables, its entry in confd.toml, its type and default, its line in `-help` and the docs.

import type { BackendName } from '../../core/settings.ts'

export type OptionGroup = 'Mode' | 'Store' | 'Files' | 'Timing' | 'Output'

export interface Option {
  readonly group: OptionGroup
  readonly type: 'boolean' | 'text' | 'list' | 'duration' | 'size' | 'choice' | 'address'
  readonly help: string
  /** As it would be typed. Absent: unset, or computed (then `help` says how). */
  readonly default?: string
  readonly placeholder?: string
  /** Other spellings of the flag, those of confd and its fork among them; variables follow them too. */
  readonly aliases?: readonly string[]
  /** Besides the flag's own name in capitals with CONFD_ before it. The first is confd's own. */
  readonly env?: readonly string[]
  /** Besides the flag's own name; `-` and `_` are the same there. Null: not in confd.toml. */
  readonly toml?: readonly string[] | null
  readonly choices?: readonly string[]
  /** Other names for a choice. */
  readonly synonyms?: Readonly<Record<string, string>>
  /** Of a duration, in milliseconds. */
  readonly least?: number
  /** Of a store: the backends that use it; absent: all. */
  readonly backends?: readonly BackendName[]
  /** The value is a credential: no message repeats it. */
  readonly secret?: true
}
