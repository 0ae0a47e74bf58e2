// Keeps the known keys below one directory of Consul's KV store. Computes the changes that each answer contains.
import { decodeValue } from '../core/bytes.ts'
import type { Key } from '../core/key.ts'
import type { Entries, KvEntry, Knowledge } from './consul-entries.ts'
import type { Delta } from './delta.ts'
import { bytesOf, each, isAmbiguous, Mismatch } from './shape.ts'

interface Held {
  readonly name: string
  modifyIndex: number
  readonly key: Key
  value: string
  /** The sequence number of the last answer that contained this entry. */
  answer: number
  /** The entry that followed this entry in the last answer. Consul usually keeps the order. */
  follower: Held | undefined
}

export class HeldEntries {
  /** The known entries, by the name of the key in Consul. */
  readonly #held = new Map<string, Held>()
  /** The sequence number of the current answer. */
  #answer = 0
  /** How many known entries have been seen in the current answer so far. */
  #seen = 0
  #others = new Set<string>()
  /** When all values were compared last, in milliseconds of `performance.now()`. */
  #compared = performance.now()
  /** Whether all values of the current answer are compared. */
  #compares = false
  #first: Held | undefined
  #previous: Held | undefined

  /**
   * @param start the prefix of all names in the answers
   * @param wanted whether a key is wanted; unwanted neighbours may have the same prefix
   * @param compareEvery milliseconds after which all values are compared again. Two clusters, or one cluster before and
   *   after it was restored, may have different values at the same ModifyIndex
   */
  constructor(
    private readonly start: string,
    private readonly wanted: (key: Key) => boolean,
    private readonly compareEvery: number,
  ) {}

  get size(): number {
    return this.#held.size
  }

  /**
   * Begins to read an answer.
   * @param isReset see ConsulAnswer.isReset
   */
  begin(isReset: boolean): Knowledge {
    this.#answer++
    this.#seen = 0
    this.#others = new Set()
    this.#previous = undefined
    this.#compares = isReset || performance.now() - this.#compared >= this.compareEvery
    const guess = (): Held | undefined =>
      this.#previous === undefined ? this.#first : this.#previous.follower
    return {
      get next() {
        return guess()?.name
      },
      isKnown: (name, modifyIndex) => {
        const next = guess()
        const held = next?.name === name ? next : this.#held.get(name)
        return held === undefined
          ? this.#isOther(name)
          : this.#see(held, modifyIndex) && !this.#compares
      },
    }
  }

  #see(held: Held, modifyIndex: number): boolean {
    if (held.answer === this.#answer) throw new Mismatch('appears twice').within('Key')
    held.answer = this.#answer
    this.#seen++
    if (this.#previous === undefined) this.#first = held
    else this.#previous.follower = held
    this.#previous = held
    return held.modifyIndex === modifyIndex
  }

  /** Whether an unknown name can be ignored. */
  #isOther(name: string): boolean {
    if (!name.startsWith(this.start)) {
      throw new Mismatch('does not begin with the requested prefix').within('Key')
    }
    const key = keyOf(name)
    if (key === undefined) return true
    if (this.#others.has(name)) throw new Mismatch('appears twice').within('Key')
    this.#others.add(name)
    return !this.wanted(key)
  }

  /** Applies the answer that was read last and returns the changes. Throws a Mismatch if an entry is invalid. */
  take({ unknown }: Entries): Delta {
    const put = new Map<Key, string>()
    const del = new Set<Key>()
    if (this.#seen < this.#held.size) {
      for (const [name, { key, answer }] of this.#held) {
        if (answer === this.#answer) continue
        this.#held.delete(name)
        del.add(key)
      }
    }
    if (this.#previous !== undefined) this.#previous.follower = undefined
    if (this.#compares) this.#compared = performance.now()
    each(unknown, ({ Key: name, Value, ModifyIndex: modifyIndex }: KvEntry) => {
      const value = Value === null ? '' : decodeValue(bytesOf(Value))
      const held = this.#held.get(name)
      const key = held?.key ?? keyOf(name)
      if (key === undefined) return
      if (held?.value !== value) put.set(key, value)
      if (held === undefined)
        this.#held.set(name, {
          name,
          modifyIndex,
          key,
          value,
          answer: this.#answer,
          follower: undefined,
        })
      else Object.assign(held, { modifyIndex, value })
    })
    return { put, del }
  }
}

/**
 * Returns the key for a name in Consul, such as `/app/x` for `app/x`; undefined for names that end with a slash
 * (`app/`), are not paths (`a//b`) or are ambiguous.
 */
function keyOf(name: string): Key | undefined {
  const odd = name === '' || name.startsWith('/') || name.endsWith('/') || name.includes('//')
  return odd || isAmbiguous(name) ? undefined : `/${name}`
}
