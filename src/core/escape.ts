// Escapes control characters. Key names and messages from servers are hostile input: a terminal executes escape
// sequences, and a line break forges a log line. All output passes through here: the log, terminals, the status page,
// reports.

/**
 * Characters that a terminal or an editor may interpret: control characters of ASCII and Latin-1, line separators,
 * bidirectional marks, and lone surrogates (`bytes.ts`).
 */
const UNSAFE =
  /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\p{Surrogate}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Escapes a name or foreign text, so that it contains no control character and no line break. */
export const printable = (text: string): string => text.replace(UNSAFE, escaped)

/** Escapes text but keeps line breaks and tabs. */
export const printableText = (text: string): string =>
  text.replace(UNSAFE, (char) => (char === '\n' || char === '\t' ? char : escaped(char)))

function escaped(char: string): string {
  const code = char.charCodeAt(0)
  // A byte outside UTF-8 is stored as a lone surrogate.
  const byte = code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code
  if (byte > 0xff) return unicodeEscape(code)
  return SHORT[char] ?? `\\x${byte.toString(16).padStart(2, '0')}`
}

const unicodeEscape = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`

/** JSON that is safe for a terminal. JSON.stringify escapes only ASCII control characters. */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, undefined, indent).replace(UNSAFE, (char) =>
    char === '\n' ? char : unicodeEscape(char.charCodeAt(0)),
  )
