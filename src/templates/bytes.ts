// Go strings are bytes: the Go engine represents them as "binary" strings, one character per byte. All other code uses
// the representation of core/bytes.ts.
import { decodeValue, encodeText } from '../core/bytes.ts'

const ASCII = /^[\0-\x7f]*$/

/** For ASCII, text and binary string are equal. */
export const isAscii = (text: string): boolean => ASCII.test(text)

/** Text as a binary string. */
export const toBinary = (text: string): string =>
  isAscii(text) ? text : encodeText(text).toString('latin1')

/** A binary string as text; the inverse of toBinary(). */
export const fromBinary = (bytes: string): string =>
  isAscii(bytes) ? bytes : decodeValue(Buffer.from(bytes, 'latin1'))

/** Converts to text for a message, with U+FFFD for each invalid byte, as Go prints it. */
export const forMessage = (bytes: string): string => fromBinary(bytes).toWellFormed()

/** Length in bytes, like Go's len(). */
export const byteLength = (text: string): number =>
  text.isWellFormed() ? Buffer.byteLength(text) : encodeText(text).length
