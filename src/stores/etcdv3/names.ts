// Converts the names of keys and directories to names and ranges in etcd. Names in etcd have a leading slash, as
// confd requires, or no leading slash, as many programs write them. All other code uses names with the slash.
import type { Key } from '../../core/key.ts'
import { decodeText64, encodeText64, type DirRange, type Range } from './wire.ts'

/** The range of all names. It ends at the byte 0xff, with which no UTF-8 text begins. */
const EVERYTHING: Range = {
  key: Buffer.from([0]).toString('base64'),
  range_end: Buffer.from([0xff]).toString('base64'),
}

export class EtcdNames {
  constructor(readonly slashless: boolean) {}

  /** Decodes a key in an answer. @param key in base64 */
  read = (key: string): string => (this.slashless ? `/${decodeText64(key)}` : decodeText64(key))

  /** The name of a key in etcd. */
  inEtcd(name: string): string {
    return this.slashless ? name.slice(1) : name
  }

  /**
   * The ranges of the key `dir` and of everything below it. The second range ends at `0`, the character after `/`.
   */
  partsOf(dir: Key): readonly DirRange[] {
    const below = dir === '/' ? '/' : `${dir}/`
    const whole: DirRange = {
      dir,
      range: this.#rangeFrom(below, `${below.slice(0, -1)}0`),
      includes: (name) => name.startsWith(below),
    }
    if (dir === '/') return [whole]
    const range = { key: encodeText64(this.inEtcd(dir)) }
    return [{ dir, range, includes: (name) => name === dir }, whole]
  }

  /**
   * One range from the first directory to the end of the last directory. The range also includes siblings such as
   * `/app-b`, and everything in between.
   * @param dirs sorted and not empty
   */
  spanOf(dirs: readonly Key[]): Range {
    const end = (dir: Key): string => (dir === '/' ? '0' : `${dir}0`)
    const ends = dirs.map(end).sort((a, b) => Buffer.from(a).compare(Buffer.from(b)))
    return this.#rangeFrom(dirs[0] as string, ends.at(-1) as string)
  }

  #rangeFrom(first: string, end: string): Range {
    if (this.slashless && first === '/') return EVERYTHING
    return { key: encodeText64(this.inEtcd(first)), range_end: encodeText64(this.inEtcd(end)) }
  }
}
