// Go strings are bytes: the Go engine represents them as "binary" strings, one character per byte. All other code
// represents text as core/bytes.ts describes.
import { decodeValue, encodeText } from '../core/bytes.ts'

const ASCII = /^[\0-\x7f]*$/

/** ASCII text is equal to its binary string. */
export const isAscii = (text: string): boolean => ASCII.test(text)

/** Converts text to a binary string. */
export const toBinary = (text: string): string =>
  isAscii(text) ? text : encodeText(text).toString('latin1')

/** Converts a binary string to text; the inverse of toBinary(). */
export const fromBinary = (bytes: string): string =>
  isAscii(bytes) ? bytes : decodeValue(Buffer.from(bytes, 'latin1'))

/** Converts a binary string to text for a message. Each invalid byte becomes U+FFFD, as in Go. */
export const forMessage = (bytes: string): string => fromBinary(bytes).toWellFormed()

/** Length in bytes, like Go's len(). */
export const byteLength = (text: string): number =>
  text.isWellFormed() ? Buffer.byteLength(text) : encodeText(text).length
