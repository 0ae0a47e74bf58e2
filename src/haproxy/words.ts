// The words of one line of a HAProxy configuration: quotes, escapes, comments. By section 2.2 of its manual
// ("Quoting and escaping"), and by what the versions do that the tests run.

export interface Words {
  readonly words: readonly string[]
  /** False: only HAProxy knows what a word comes to, since it holds a variable of its environment. */
  readonly isCertain: boolean
}

/** Characters that mean themselves behind a backslash; `$` does in double quotes only. */
const ESCAPED = '\\"\' #'
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
const PLAIN = /^[^"'\\#]*$/
const BLANKS = /[ \t\r]+/

/** Undefined when HAProxy refuses the line, such as one with an open quote. */
export function wordsOf(line: string): Words | undefined {
  if (!PLAIN.test(line)) return scan(line)
  const words = line.split(BLANKS).filter((word) => word !== '')
  return { words, isCertain: true }
}

function scan(line: string): Words | undefined {
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

/** What a backslash stands for, and how many characters after it belong to it. */
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
