// How keys are called in etcd, and the ranges of them: with a slash at the beginning, as confd has them, or
// without one, as many programs write theirs. Everywhere else a name has the slash.
import type { Key } from '../../core/key.ts'
import { decodeText64, encodeText64, type DirRange, type Range } from './wire.ts'

/** All names. No text begins with the byte 0xff. */
const EVERYTHING: Range = {
  key: Buffer.from([0]).toString('base64'),
  range_end: Buffer.from([0xff]).toString('base64'),
}

export class EtcdNames {
  constructor(readonly slashless: boolean) {}

  /** @param key of an answer, in base64 */
  read = (key: string): string => (this.slashless ? `/${decodeText64(key)}` : decodeText64(key))

  /** As etcd has it. */
  inEtcd(name: string): string {
    return this.slashless ? name.slice(1) : name
  }

  /** The key itself and all below it, nothing else: `0` is the character behind `/`. */
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
   * The one range from the first directory to the end of the last, siblings such as `/app-b` and all
   * that lies between included.
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
