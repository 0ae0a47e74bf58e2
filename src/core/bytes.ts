// Strings that can carry bytes outside UTF-8, such as a keytab in a value. Values are JavaScript strings everywhere
// in the program. A byte that is not part of valid UTF-8 is stored as the lone surrogate U+DC00 + byte (U+DC80 to
// U+DCFF, as in Python's surrogateescape) and becomes that byte again when the text is written. Valid UTF-8 never
// decodes to a lone surrogate, so the encoding is unambiguous.

declare global {
  interface String {
    /** ES2024, available since Node 20. Whether the string contains no lone surrogate. */
    isWellFormed(): boolean
    /** ES2024, available since Node 20. Replaces lone surrogates with U+FFFD. */
    toWellFormed(): string
  }
}

const ESCAPE = 0xdc00

/** Decodes bytes without loss; encodeText() restores them. Never throws. */
export function decodeValue(bytes: Buffer): string {
  const text = bytes.toString()
  // Decoding can have lost a byte only if the text contains U+FFFD. For a string that V8 stores as Latin-1, this check
  // takes constant time.
  return text.includes('\ufffd') ? decodeExactly(bytes) : text
}

function decodeExactly(bytes: Buffer): string {
  let text = ''
  let start = 0
  for (let at = 0; at < bytes.length;) {
    const width = widthAt(bytes, at)
    if (width === 0) {
      text += bytes.toString('utf8', start, at)
      text += String.fromCharCode(ESCAPE + (bytes[at] as number))
      start = at + 1
    }
    at += width || 1
  }
  return text + bytes.toString('utf8', start)
}

/** Length of the UTF-8 sequence at `at`; 0 if it is invalid. */
function widthAt(bytes: Buffer, at: number): number {
  const lead = bytes[at] as number
  if (lead < 0x80) return 1
  const width = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (lead < 0xc2 || lead > 0xf4 || at + width > bytes.length) return 0
  // The range of the second byte excludes overlong forms, surrogates and code points above U+10FFFF.
  const second = bytes[at + 1] as number
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < least || second > most) return 0
  for (let i = 2; i < width; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0
  return width
}

/** With the `u` flag, this class matches only lone surrogates, not halves of pairs. */
const LONE = /\p{Surrogate}+/gu

/** The inverse of decodeValue(). Lone surrogates that decodeValue() never produces become U+FFFD. */
export function encodeText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text)
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(text))
  let at = 0
  let done = 0
  for (const { 0: run, index } of text.matchAll(LONE)) {
    at += bytes.write(text.slice(done, index), at)
    for (let i = 0; i < run.length; i++) {
      const unit = run.charCodeAt(i)
      if (unit >= ESCAPE + 0x80 && unit <= ESCAPE + 0xff) bytes[at++] = unit - ESCAPE
      else at += bytes.write('\ufffd', at)
    }
    done = index + run.length
  }
  at += bytes.write(text.slice(done), at)
  return bytes.subarray(0, at)
}
