// Go's strconv.Quote and similar functions, and the verbs for strings.
import { encodeRune, isPrintable, runeAt, runes } from '../utf8.ts'
import { pad, padding, type Flags } from './flags.ts'

const SHORT: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
}

const hex = (value: number, length: number): string => value.toString(16).padStart(length, '0')

function escapeRune(rune: number, quote: string, asciiOnly: boolean): string {
  if (rune === quote.charCodeAt(0) || rune === 0x5c) return `\\${String.fromCharCode(rune)}`
  if (rune < 0x80 ? isPrintable(rune) : !asciiOnly && isPrintable(rune)) return encodeRune(rune)
  const short = SHORT[rune]
  if (short !== undefined) return short
  if (rune < 0x20 || rune === 0x7f) return `\\x${hex(rune, 2)}`
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`
}

/** Quotes a string with Go's escapes. Invalid bytes become escapes such as `\xff`. */
export function quote(text: string, asciiOnly = false): string {
  let out = '"'
  for (const { rune, width, at } of runes(text)) {
    const invalid = rune === 0xfffd && width === 1
    out += invalid ? `\\x${hex(text.charCodeAt(at), 2)}` : escapeRune(rune, '"', asciiOnly)
  }
  return `${out}"`
}

/** A quoted character such as `'x'`; an invalid rune becomes U+FFFD. */
export const quoteRune = (rune: number, asciiOnly = false): string => {
  const valid = rune <= 0x10ffff && (rune < 0xd800 || rune > 0xdfff) ? rune : 0xfffd
  return `'${escapeRune(valid, "'", asciiOnly)}'`
}

/** Whether a string can be put in backquotes: no backquote, BOM, invalid UTF-8, or control character except tab. */
function canBackquote(text: string): boolean {
  for (const { rune, width } of runes(text)) {
    if (rune === 0xfffd && width === 1) return false
    if (rune === 0xfeff || (rune < 0x20 && rune !== 9) || rune === 0x60 || rune === 0x7f)
      return false
  }
  return true
}

/** Limits a string to a number of runes, for a precision. */
function truncate(text: string, count: number | undefined): string {
  if (count === undefined || text.length <= count) return text
  let at = 0
  for (let left = count; left > 0 && at < text.length; left--) at += runeAt(text, at).width
  return text.slice(0, at)
}

function formatHexString(text: string, upper: boolean, flags: Flags): string {
  const length = Math.min(text.length, flags.precision ?? text.length)
  if (length === 0) return padding(flags, flags.width ?? 0)
  const prefix = flags.sharp ? (upper ? '0X' : '0x') : ''
  const bytes: string[] = []
  for (let i = 0; i < length; i++) bytes.push(hex(text.charCodeAt(i), 2))
  const digits = flags.space ? bytes.join(` ${prefix}`) : bytes.join('')
  return pad(prefix + (upper ? digits.replace(/[a-f]/g, (c) => c.toUpperCase()) : digits), flags)
}

/** Formats a string. Returns null if the verb does not apply to strings. */
export function formatString(text: string, verb: string, flags: Flags): string | null {
  switch (verb) {
    case 'v':
      return flags.sharpV ? formatQuoted(text, flags) : pad(truncate(text, flags.precision), flags)
    case 's':
      return pad(truncate(text, flags.precision), flags)
    case 'x':
    case 'X':
      return formatHexString(text, verb === 'X', flags)
    case 'q':
      return formatQuoted(text, flags)
    default:
      return null
  }
}

function formatQuoted(text: string, flags: Flags): string {
  const short = truncate(text, flags.precision)
  if (flags.sharp && canBackquote(short)) return pad(`\`${short}\``, flags)
  return pad(quote(short, flags.plus), flags)
}
