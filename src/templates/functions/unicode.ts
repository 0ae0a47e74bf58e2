// Upper and lower case as in Go: each character becomes exactly one character (Unicode's simple mappings). JavaScript
// may produce several characters, and its result may depend on neighbouring characters.

const ASCII = /^[\0-\x7f]*$/

export const toUpper = (s: string): string =>
  ASCII.test(s) ? s.toUpperCase() : Array.from(s, upperOne).join('')

export const toLower = (s: string): string =>
  ASCII.test(s) ? s.toLowerCase() : Array.from(s, lowerOne).join('')

function upperOne(char: string): string {
  const upper = char.toUpperCase()
  if (Array.from(upper).length === 1) return upper
  const code = char.codePointAt(0) as number
  // Greek letters with iota subscript: JavaScript writes the iota as a separate letter. Unicode's simple mapping is one
  // letter, whose code point is greater by 8, or by 9 for the three letters below.
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCodePoint(code | 8)
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCodePoint(code + 9)
  return char
}

function lowerOne(char: string): string {
  const lower = char.toLowerCase()
  // Only U+0130 (capital I with dot) becomes two characters in JavaScript. In Go, it becomes a plain i.
  return Array.from(lower).length === 1 ? lower : 'i'
}
