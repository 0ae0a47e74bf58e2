// Presents the database as keys. Computes which keys change when the values of names change.
import { selfAndAncestors, type Key } from '../../core/key.ts'
import { difference, type Delta } from '../delta.ts'
import type { RedisScope } from './names.ts'
import type { Content, RedisContents } from './read.ts'

export class RedisView {
  entries = new Map<Key, string>()
  #contents = new Map<string, Content>()

  constructor(private readonly scope: RedisScope) {}

  /** Replaces everything with the result of a full read. Returns the changes. */
  replace(contents: RedisContents): Delta {
    this.#contents = new Map()
    for (const [name, content] of contents) if (content !== null) this.#contents.set(name, content)
    const before = this.entries
    this.entries = new Map()
    for (const [name, content] of this.#contents) {
      for (const key of this.#keysOf(name, content)) {
        this.entries.set(key, this.#valueOf(key) as string)
      }
    }
    return difference(before, this.entries)
  }

  /** Applies the current values of some names. Returns the changes. */
  update(contents: RedisContents): Delta {
    const affected = new Set<Key>()
    for (const [name, content] of contents) {
      for (const key of this.#keysOf(name, this.#contents.get(name))) affected.add(key)
      for (const key of this.#keysOf(name, content)) affected.add(key)
      if (content === null) this.#contents.delete(name)
      else this.#contents.set(name, content)
    }
    const put = new Map<Key, string>()
    const del = new Set<Key>()
    for (const key of affected) {
      const value = this.#valueOf(key)
      const before = this.entries.get(key)
      if (value === before) continue
      if (value === undefined) {
        del.add(key)
        this.entries.delete(key)
      } else {
        put.set(key, value)
        this.entries.set(key, value)
      }
    }
    return { put, del }
  }

  *#keysOf(name: string, content: Content | null | undefined): Generator<Key> {
    if (content === null || content === undefined) return
    const { names, covers } = this.scope
    const keys =
      typeof content === 'string'
        ? [names.keyOf(name)]
        : [...content.keys()].map((field) => names.fieldKey(name, field))
    for (const key of keys) if (key !== undefined && covers(key)) yield key
  }

  /** The value of a key: the string with the same name, or else the field of the deepest hash that contains the key. */
  #valueOf(key: Key): string | undefined {
    const { names } = this.scope
    for (const dir of selfAndAncestors(key)) {
      const content = this.#contents.get(names.nameOf(dir))
      if (content === undefined) continue
      if (typeof content !== 'string') {
        const value = dir === key ? undefined : content.get(names.fieldOf(dir, key))
        if (value !== undefined) return value
      } else if (dir === key) return content
    }
    return undefined
  }
}
