// Text that may carry bytes which are not UTF-8. Go's strings are bytes; JavaScript's are not. A byte
// that is no valid UTF-8 becomes the lone surrogate U+DC80 to U+DCFF (as Python's surrogateescape has
// it), and becomes that byte again when the text is written: nothing is lost on the way through.

declare global {
  interface String {
    /** ES2024, in Node since 20: no lone surrogate in it. */
    isWellFormed(): boolean
    /** ES2024, in Node since 20: U+FFFD for every lone surrogate. */
    toWellFormed(): string
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Bytes as text; never throws, never replaces. */
export function fromBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return escapeInvalid(bytes)
  }
}

/** The text's bytes: the inverse of fromBytes. */
export function toBytes(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text)
  // Under the `u` flag this class matches lone surrogates only: halves of pairs do not count.
  const parts = text.split(/(\p{Surrogate})/u).map((part) => {
    const unit = part.length === 1 ? part.charCodeAt(0) : 0
    return unit >= 0xdc80 && unit <= 0xdcff ? Uint8Array.of(unit - 0xdc00) : encoder.encode(part)
  })
  return Buffer.concat(parts)
}

const ASCII = /^[\0-\x7f]*$/

/** Only ASCII: text and its bytes are the same string. */
export const isAscii = (text: string): boolean => ASCII.test(text)

/** A string of Go as the Go engine has it, one character a byte; fromBinary() is the way back. */
export const toBinary = (text: string): string =>
  isAscii(text) ? text : Buffer.from(toBytes(text)).toString('latin1')

export const fromBinary = (bytes: string): string =>
  isAscii(bytes) ? bytes : fromBytes(Buffer.from(bytes, 'latin1'))

/** Length in bytes, as Go's len(). */
export const byteLength = (text: string): number =>
  text.isWellFormed() ? Buffer.byteLength(text) : toBytes(text).length

function escapeInvalid(bytes: Uint8Array): string {
  let out = ''
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at] as number
    const size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    try {
      out += strict.decode(bytes.subarray(at, at + size))
      at += size
    } catch {
      out += String.fromCharCode(0xdc00 + lead)
      at++
    }
  }
  return out
}
