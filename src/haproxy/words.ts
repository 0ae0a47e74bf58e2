// Splits one line of an HAProxy configuration into words, with quotes, escapes and comments. Follows section 2.2 of the
// manual ("Quoting and escaping") and the behaviour of the tested versions.

export interface LineWords {
  readonly words: readonly string[]
  /** False if a word contains an environment variable, whose value only HAProxy knows. */
  readonly isCertain: boolean
}

/** Characters that a backslash escapes; `$` only in double quotes. */
const ESCAPED = '\\"\' #'
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
const PLAIN = /^[^"'\\#]*$/
const BLANKS = /[ \t\r]+/

/** Returns undefined if HAProxy refuses the line, for example because of an open quote. */
export function splitWords(line: string): LineWords | undefined {
  if (!PLAIN.test(line)) return scanQuoted(line)
  const words = line.split(BLANKS).filter((word) => word !== '')
  return { words, isCertain: true }
}

function scanQuoted(line: string): LineWords | undefined {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  let isCertain = true
  const add = (text: string): void => void (word = (word ?? '') + text)
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string
    if (quote === "'") {
      if (char === "'") quote = ''
      else add(char)
    } else if (char === '\\') {
      const escape = escapeAt(line, at, quote)
      if (escape === undefined) return undefined
      add(escape.text)
      at += escape.length
    } else if (char === '"' || (char === "'" && quote === '')) {
      quote = quote === '' ? char : ''
      add('')
    } else if (quote === '"') {
      if (char === '$') isCertain = false
      add(char)
    } else if (char === '#') {
      break
    } else if (BLANKS.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else add(char)
  }
  if (quote !== '') return undefined
  if (word !== undefined) words.push(word)
  return { words, isCertain }
}

/**
 * Returns the character that an escape represents and the number of characters after its backslash; undefined if the
 * escape is invalid.
 */
function escapeAt(
  line: string,
  at: number,
  quote: string,
): { readonly text: string; readonly length: number } | undefined {
  const next = line[at + 1] ?? ''
  if (next === 'x') {
    const code = /^[0-9a-f]{2}/i.exec(line.slice(at + 2))?.[0]
    if (code === undefined) return undefined
    return { text: String.fromCharCode(parseInt(code, 16)), length: 3 }
  }
  const control = CONTROLS[next]
  if (control !== undefined) return { text: control, length: 1 }
  const isEscaped = next !== '' && (ESCAPED.includes(next) || (quote === '"' && next === '$'))
  return isEscaped ? { text: next, length: 1 } : { text: '\\', length: 0 }
}
