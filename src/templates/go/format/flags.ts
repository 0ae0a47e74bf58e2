// The flags of one verb of a format, and padding. Widths count runes, not bytes, as in Go.
import { runeCount } from '../utf8.ts'

export interface Flags {
  width: number | undefined
  precision: number | undefined
  minus: boolean
  plus: boolean
  sharp: boolean
  space: boolean
  zero: boolean
  /** `%+v` and `%#v`: with the verb v, these flags have another meaning. */
  plusV: boolean
  sharpV: boolean
}

export const noFlags = (): Flags => ({
  width: undefined,
  precision: undefined,
  minus: false,
  plus: false,
  sharp: false,
  space: false,
  zero: false,
  plusV: false,
  sharpV: false,
})

/** The padding for a width: zeros if the flags and the caller allow them, otherwise spaces. */
export function padding(flags: Flags, missing: number, zero = flags.zero && !flags.minus): string {
  return missing > 0 ? (zero ? '0' : ' ').repeat(missing) : ''
}

export function pad(text: string, flags: Flags, zero = flags.zero && !flags.minus): string {
  if (flags.width === undefined || flags.width === 0) return text
  const fill = padding(flags, flags.width - runeCount(text), zero)
  return flags.minus ? text + fill : fill + text
}
