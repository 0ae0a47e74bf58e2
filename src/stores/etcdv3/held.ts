// The known state of the watched directories, without values: the names of all keys, the revision up to which no change
// is missing, and the last event, which identifies the history of the cluster.
import type { Key } from '../../core/key.ts'
import type { NetChanges } from '../change-buffer.ts'
import type { EtcdNames } from './names.ts'
import { integer, templateKey, type EtcdKeyValue, type DirRange } from './wire.ts'

/** A change, received as an event or found by reading. */
export interface Change {
  /** The key-value pair as received from etcd; absent if reading has shown that the key is missing. */
  readonly kv?: EtcdKeyValue
  /** The key as text. */
  readonly name: string
  /** The watched directory that contains the key. */
  readonly dir: Key
  /** Null for a removed key. */
  readonly value: string | null
  readonly revision: bigint
}

export interface LastEvent {
  readonly kv: EtcdKeyValue
  readonly revision: bigint
  readonly isGone: boolean
}

const lastEventOf = ({ kv, revision, value }: Change): LastEvent | undefined =>
  kv === undefined ? undefined : { kv, revision, isGone: value === null }

export class Held {
  readonly parts: readonly DirRange[]
  /** No change up to this revision is missing. */
  revision = 0n
  cluster = ''
  /** The last event; undefined if it is unknown, or if no key has ever existed. */
  last: LastEvent | undefined
  #size = 0
  readonly #names: ReadonlyMap<Key, Set<string>>

  /** @param dirs the watched directories; none of them contains another */
  constructor(
    dirs: readonly Key[],
    readonly names: EtcdNames,
  ) {
    this.parts = dirs.flatMap((dir) => names.partsOf(dir))
    this.#names = new Map(dirs.map((dir) => [dir, new Set()]))
  }

  /** The number of keys, including those that templates cannot read (see templateKey()). */
  get size(): number {
    return this.#size
  }

  namesIn(dir: Key): ReadonlySet<string> {
    return this.#names.get(dir) ?? new Set()
  }

  /** The number of keys in a range. */
  count({ dir, range }: DirRange): number {
    const names = this.namesIn(dir)
    const itself = dir !== '/' && names.has(dir) ? 1 : 0
    return range.range_end === undefined ? itself : names.size - itself
  }

  /** The watched directory that contains a key; undefined if there is none. */
  dirOf(name: string): Key | undefined {
    if (this.#names.has('/') && name.startsWith('/')) return '/'
    for (let at = name.indexOf('/', 1); at > 0; at = name.indexOf('/', at + 1)) {
      const dir = name.slice(0, at) as Key
      if (this.#names.has(dir)) return dir
    }
    return this.#names.has(name as Key) ? (name as Key) : undefined
  }

  /** Adds a key from the listing. Returns false if the key was already added. */
  add(name: string, dir: Key, kv: EtcdKeyValue): boolean {
    if (!this.#note(name, dir, true)) return false
    const revision = integer(kv.mod_revision)
    if (revision > (this.last?.revision ?? 0n)) this.last = { kv, revision, isGone: false }
    return true
  }

  /** Applies all changes up to a revision and returns the net changes for the consumer. */
  take(changes: readonly Change[], revision: bigint): NetChanges {
    const net = new Map<Key, string | null>()
    for (const { name, dir, value } of changes) {
      this.#note(name, dir, value !== null)
      const key = templateKey(name)
      if (key !== undefined) net.set(key, value)
    }
    const last = changes.at(-1)
    if (last !== undefined) this.last = lastEventOf(last)
    if (revision > this.revision) this.revision = revision
    return net
  }

  /** @returns whether the known names have changed */
  #note(name: string, dir: Key, isThere: boolean): boolean {
    const names = this.#names.get(dir)
    if (names === undefined) return false
    const before = names.size
    if (isThere) names.add(name)
    else names.delete(name)
    this.#size += names.size - before
    return names.size !== before
  }
}
