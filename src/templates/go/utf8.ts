// Decodes the runes of a Go string, which is UTF-8 in a binary string. As in Go, each invalid byte is one rune.
export { isAscii } from '../bytes.ts'

export const RUNE_ERROR = 0xfffd

/** The rune at `at` and its width in bytes; an invalid sequence is U+FFFD of width 1. */
export function runeAt(bytes: string, at: number): { rune: number; width: number } {
  const first = bytes.charCodeAt(at)
  if (first < 0x80) return { rune: first, width: 1 }
  const width = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
  if (first < 0xc2 || first > 0xf4 || at + width > bytes.length) return invalid
  let rune = first & (0x7f >> width)
  for (let i = 1; i < width; i++) {
    const next = bytes.charCodeAt(at + i)
    if ((next & 0xc0) !== 0x80) return invalid
    rune = (rune << 6) | (next & 0x3f)
  }
  const tooShort = (width === 3 && rune < 0x800) || (width === 4 && rune < 0x10000)
  if (tooShort || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) return invalid
  return { rune, width }
}

const invalid = { rune: RUNE_ERROR, width: 1 }

/** The UTF-8 bytes of a rune; an invalid rune becomes U+FFFD. */
export function encodeRune(rune: number): string {
  if (rune >= 0 && rune < 0x80) return String.fromCharCode(rune)
  const valid = rune >= 0 && rune <= 0x10ffff && (rune < 0xd800 || rune > 0xdfff)
  return Buffer.from(String.fromCodePoint(valid ? rune : RUNE_ERROR), 'utf8').toString('latin1')
}

export function runeCount(bytes: string): number {
  let count = 0
  for (let at = 0; at < bytes.length; at += runeAt(bytes, at).width) count++
  return count
}

export function* runes(bytes: string): Generator<{ rune: number; width: number; at: number }> {
  for (let at = 0; at < bytes.length;) {
    const { rune, width } = runeAt(bytes, at)
    yield { rune, width, at }
    at += width
  }
}

/** Go's strconv.IsPrint: letters, marks, numbers, punctuation, symbols, and the ASCII space. */
export const isPrintable = (rune: number): boolean =>
  rune >= 0x20 && rune < 0x7f
    ? true
    : rune > 0xa0 &&
      rune !== 0xad &&
      /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(String.fromCodePoint(rune))

export const isLetterOrDigit = (rune: number): boolean =>
  rune === 0x5f || /^[\p{L}\p{Nd}]$/u.test(String.fromCodePoint(rune))
