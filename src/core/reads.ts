// The scope of a render (the keys that it may look up) and its reads (the keys and files that it has looked up).
import { isNothing, nothing, type Extent } from './extent.ts'
import type { Key } from './key.ts'
import type { TemplateSpec } from './resource.ts'
import type { Tallied } from './tally.ts'

/** The look-ups of one render. All keys are full keys, with the prefix. */
export interface Reads extends Tallied {
  readonly keys: ReadonlySet<Key>
  /** Directories read with everything below them. */
  readonly trees: ReadonlySet<Key>
  /** Directories in which only names were read. Changed values below them do not matter. */
  readonly listings: ReadonlySet<Key>
  /** Full patterns of Go's path.Match. A pattern that begins above the `keys` is narrowed to each of these keys. */
  readonly patterns: ReadonlySet<string>
  /** Absolute paths of files: the template, its includes, and files that the template read. */
  readonly files: ReadonlySet<string>
  /** The needed parts of on-demand stores; absent if there are none. */
  readonly needs?: Extent
  /** The part of `needs` that was not known; if present, the render must be discarded. */
  readonly missing?: Extent
  /** Unreachable datacenters that the templates were rendered without. */
  readonly without?: ReadonlySet<string>
}

/** Whether all look-ups were answered from known keys. */
export const isWhole = ({ missing = nothing }: Reads): boolean => isNothing(missing)

/** The part of the store that a resource may read. */
export interface Scope {
  /** Name of the store, for messages. */
  readonly store: string
  /** The global prefix, joined with the prefix of the template. */
  readonly prefix: Key
  /** The resource's `keys`, without the prefix. Look-ups outside them find nothing. */
  readonly keys: readonly Key[]
  /** Record found keys by name, for a guard. */
  readonly counts?: boolean
  /** Stores and datacenters that may be unreachable during a render. */
  readonly optional?: ReadonlySet<string>
}

/** @param store name of the store, for messages */
export const scopeOf = (
  {
    prefix,
    keys,
    guard,
    optionalStores,
  }: Pick<TemplateSpec, 'prefix' | 'keys' | 'guard' | 'optionalStores'>,
  store: string,
): Scope => ({
  store,
  prefix,
  keys,
  counts: guard !== undefined,
  ...(optionalStores === undefined ? {} : { optional: optionalStores }),
})
