// Formats integers like fmt: in any base, with signs, prefixes and zero padding, and as characters.
import { encodeRune, isPrintable, RUNE_ERROR } from '../utf8.ts'
import { pad, padding, type Flags } from './flags.ts'
import { quoteRune } from './quote.ts'

const PREFIX: Readonly<Record<number, string>> = { 2: '0b', 16: '0x' }

function formatIn(value: bigint, base: number, verb: string, flags: Flags): string {
  const negative = value < 0n
  const signed = negative || flags.plus || flags.space
  let least = 0
  if (flags.precision !== undefined) {
    least = flags.precision
    if (least === 0 && value === 0n) return padding(flags, flags.width ?? 0, false)
  } else if (flags.zero && !flags.minus && flags.width !== undefined) {
    least = flags.width - (signed ? 1 : 0)
  }
  let digits = (negative ? -value : value).toString(base).padStart(least, '0')
  if (flags.sharp) {
    if (base === 8) digits = digits.startsWith('0') ? digits : `0${digits}`
    else digits = (PREFIX[base] ?? '') + digits
  }
  if (verb === 'X') digits = digits.toUpperCase()
  if (verb === 'O') digits = `0o${digits}`
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  return pad(sign + digits, flags, false)
}

/** Formats pointers, and unsigned integers in `%#v`, as in `0x1f`. */
export const formatHex = (value: bigint, flags: Flags, prefix: boolean): string =>
  formatIn(value, 16, 'v', { ...flags, sharp: prefix })

/** Formats an integer. Returns null if the verb does not apply to integers. */
export function formatInteger(
  value: bigint,
  unsigned: boolean,
  verb: string,
  flags: Flags,
): string | null {
  switch (verb) {
    case 'v':
      return flags.sharpV && unsigned
        ? formatHex(value, flags, true)
        : formatIn(value, 10, verb, flags)
    case 'd':
      return formatIn(value, 10, verb, flags)
    case 'b':
      return formatIn(value, 2, verb, flags)
    case 'o':
    case 'O':
      return formatIn(value, 8, verb, flags)
    case 'x':
    case 'X':
      return formatIn(value, 16, verb, flags)
    case 'c':
      return pad(encodeRune(runeOf(value)), flags)
    case 'q':
      return pad(quoteRune(runeOf(value), flags.plus), flags)
    case 'U':
      return formatUnicode(value, flags)
    default:
      return null
  }
}

const runeOf = (value: bigint): number =>
  value < 0n || value > 0x10ffffn ? RUNE_ERROR : Number(value)

function formatUnicode(value: bigint, flags: Flags): string {
  const least = Math.max(4, flags.precision ?? 0)
  const code = BigInt.asUintN(64, value)
  let text = `U+${code.toString(16).toUpperCase().padStart(least, '0')}`
  if (flags.sharp && code <= 0x10ffffn && isPrintable(Number(code))) {
    text += ` '${encodeRune(Number(code))}'`
  }
  return pad(text, flags, false)
}
