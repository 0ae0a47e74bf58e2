// Control characters made visible. Names of keys and the words of servers may hold anything; a terminal obeys
// escape sequences, and a line break forges a line of the log. Everything that people or programs read
// passes through here: the log, terminals, the status page, reports.

/**
 * What no name needs and a terminal or an editor may obey: the control characters of ASCII and Latin-1,
 * line separators, marks that turn the direction of text, and lone surrogates (`bytes.ts`).
 */
const UNSAFE =
  /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\p{Surrogate}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A name, or words of somebody else, in one line. */
export const printable = (text: string): string => text.replace(UNSAFE, escaped)

/** A text of our own whose line breaks and tabs are meant. */
export const printableText = (text: string): string =>
  text.replace(UNSAFE, (char) => (char === '\n' || char === '\t' ? char : escaped(char)))

function escaped(char: string): string {
  const code = char.charCodeAt(0)
  // A byte that is not UTF-8 is a lone surrogate.
  const byte = code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code
  if (byte > 0xff) return unicodeEscape(code)
  return SHORT[char] ?? `\\x${byte.toString(16).padStart(2, '0')}`
}

const unicodeEscape = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`

/** JSON that a terminal can be shown. JSON itself escapes only the control characters of ASCII. */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, undefined, indent).replace(UNSAFE, (char) =>
    char === '\n' ? char : unicodeEscape(char.charCodeAt(0)),
  )
