// What is held of the directories beside their values: the names of all keys in them, the revision up to
// which no change is missing, and the last event, which tells one history of a cluster from another.
import type { Key } from '../../core/key.ts'
import type { NetChanges } from '../change-buffer.ts'
import type { EtcdNames } from './names.ts'
import { integer, templateKey, type EtcdKeyValue, type DirRange } from './wire.ts'

/** One event, or one difference that was found by reading. */
export interface Change {
  /** As etcd gave it; absent for a key that was only found to be gone. */
  readonly kv?: EtcdKeyValue
  /** The key as text. */
  readonly name: string
  /** The directory that it belongs to. */
  readonly dir: Key
  /** Null when it is gone. */
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
  /** Everything up to here is known. */
  revision = 0n
  cluster = ''
  /** The event that happened last; undefined when it is not known, or when there never was a key. */
  last: LastEvent | undefined
  #size = 0
  readonly #names: ReadonlyMap<Key, Set<string>>

  /** @param dirs of which none is below another */
  constructor(
    dirs: readonly Key[],
    readonly names: EtcdNames,
  ) {
    this.parts = dirs.flatMap((dir) => names.partsOf(dir))
    this.#names = new Map(dirs.map((dir) => [dir, new Set()]))
  }

  /** How many keys there are, those that templates cannot name included. */
  get size(): number {
    return this.#size
  }

  namesIn(dir: Key): ReadonlySet<string> {
    return this.#names.get(dir) ?? new Set()
  }

  /** How many keys there are in a part. */
  count({ dir, range }: DirRange): number {
    const names = this.namesIn(dir)
    const itself = dir !== '/' && names.has(dir) ? 1 : 0
    return range.range_end === undefined ? itself : names.size - itself
  }

  /** The directory that a key of etcd belongs to; undefined for a neighbour's. */
  dirOf(name: string): Key | undefined {
    if (this.#names.has('/') && name.startsWith('/')) return '/'
    for (let at = name.indexOf('/', 1); at > 0; at = name.indexOf('/', at + 1)) {
      const dir = name.slice(0, at) as Key
      if (this.#names.has(dir)) return dir
    }
    return this.#names.has(name as Key) ? (name as Key) : undefined
  }

  /** A key that was read; false when it was there before. */
  add(name: string, dir: Key, kv: EtcdKeyValue): boolean {
    if (!this.#note(name, dir, true)) return false
    const revision = integer(kv.mod_revision)
    if (revision > (this.last?.revision ?? 0n)) this.last = { kv, revision, isGone: false }
    return true
  }

  /** Takes in what has happened up to a revision; returns it as the consumer wants it. */
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

  /** @returns whether that is news */
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
