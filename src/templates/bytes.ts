// Strings of Go, which are bytes: the Go engine has them as "binary" strings, one character a byte. In
// all other places text is as core/bytes.ts has it.
import { decodeValue, encodeText } from '../core/bytes.ts'

const ASCII = /^[\0-\x7f]*$/

/** Only ASCII: text and its bytes are the same string. */
export const isAscii = (text: string): boolean => ASCII.test(text)

/** Text as a binary string. */
export const toBinary = (text: string): string =>
  isAscii(text) ? text : encodeText(text).toString('latin1')

/** A binary string as text; the inverse of toBinary(). */
export const fromBinary = (bytes: string): string =>
  isAscii(bytes) ? bytes : decodeValue(Buffer.from(bytes, 'latin1'))

/** Text for a message: as Go prints it, with U+FFFD for each byte that is not UTF-8. */
export const forMessage = (bytes: string): string => fromBinary(bytes).toWellFormed()

/** Length in bytes, as Go's len(). */
export const byteLength = (text: string): number =>
  text.isWellFormed() ? Buffer.byteLength(text) : encodeText(text).length
