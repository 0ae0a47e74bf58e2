// How keys are called in etcd, and the ranges of them: with a slash at the beginning, as confd has them, or
// without one, as many programs write theirs.
import type { Key } from '../../core/key.ts'
import { encode, type Range } from './wire.ts'

/** A range to ask for, and what an answer to it may hold. */
export interface Part {
  readonly range: Range
  readonly includes: (name: string) => boolean
}

/** All names. No text begins with the byte 0xff. */
const EVERYTHING: Part = {
  range: {
    key: Buffer.from([0]).toString('base64'),
    range_end: Buffer.from([0xff]).toString('base64'),
  },
  includes: () => true,
}

export class Names {
  constructor(readonly slashless: boolean) {}

  /**
   * A name as templates can write it, or undefined. etcd's names are any bytes; those that begin
   * otherwise, or that have an empty part (`/a//b`, `/a/`), cannot be told apart from others once
   * normalised, and are not seen.
   */
  keyOf(name: string): Key | undefined {
    const key = this.slashless ? `/${name}` : name
    return /^(?:\/[^/]+)+$/s.test(key) ? (key as Key) : undefined
  }

  /** The key itself and all below it, nothing else: `0` is the character behind `/`. */
  partsOf(dir: Key): readonly Part[] {
    if (this.slashless && dir === '/') return [EVERYTHING]
    const own = this.#nameOf(dir)
    const below = dir === '/' ? '/' : `${own}/`
    const whole: Part = {
      range: { key: encode(below), range_end: encode(`${below.slice(0, -1)}0`) },
      includes: (name) => name.startsWith(below),
    }
    return dir === '/'
      ? [whole]
      : [{ range: { key: encode(own) }, includes: (name) => name === own }, whole]
  }

  /**
   * The one range from the first directory to the end of the last, siblings such as `/app-b` and all
   * that lies between included.
   * @param dirs sorted and not empty
   */
  spanOf(dirs: readonly Key[]): Range {
    const [first] = dirs as readonly [Key]
    if (this.slashless && first === '/') return EVERYTHING.range
    const end = (dir: Key): string => (dir === '/' ? '0' : `${this.#nameOf(dir)}0`)
    const ends = dirs.map((dir) => Buffer.from(end(dir))).sort((a, b) => a.compare(b))
    return {
      key: encode(this.#nameOf(first)),
      range_end: (ends.at(-1) as Buffer).toString('base64'),
    }
  }

  #nameOf(dir: Key): string {
    return this.slashless ? dir.slice(1) : dir
  }
}
