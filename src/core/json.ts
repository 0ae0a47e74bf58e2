// A JSON parser (RFC 8259) for the file store, output_format and templates. Unlike JSON.parse, it keeps large integers,
// always reports a position, and does not quote the text, which may contain secrets.
import { SyntaxFault } from './syntax.ts'

const space = /[ \t\n\r]*/y
const plain = /[^"\\\u0000-\u001f]*/y
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const word = /(?:true|false|null)\b/y
const words = { true: true, false: false, null: null } as const

export interface JsonOptions {
  /** Converts an integer. */
  readonly integer: (digits: string) => unknown
  /** Accept repeated names in an object: the last value wins. Otherwise repeated names are a fault. */
  readonly repeats: boolean
}

const strict: JsonOptions = { integer: BigInt, repeats: false }

/** Maximum nesting. The stack allows more, but V8 may abort the process when the stack overflows. */
const DEEPEST = 1000

/**
 * Parses JSON. Objects become Maps; integers become BigInts unless the options convert them.
 * @throws SyntaxFault, or RangeError if the text is nested too deeply
 */
export function parseJson(text: string, { integer, repeats } = strict): unknown {
  let at = 0
  const take = (token: RegExp): RegExpExecArray | null => {
    token.lastIndex = at
    const found = token.exec(text)
    if (found !== null) at = token.lastIndex
    return found
  }
  const takeString = (): string | undefined => {
    const end = text[at] === '"' ? endOfString(text, at) : at
    if (end === at || text[end] !== '"') return undefined
    const literal = text.slice(at, end + 1)
    at = end + 1
    return JSON.parse(literal) as string
  }
  const skip = (char: string): boolean => {
    take(space)
    if (text[at] !== char) return false
    at++
    return true
  }
  const fail = (what: string): never => {
    const found = at < text.length ? '' : ', not the end'
    throw SyntaxFault.at(text, at, `expected ${what}${found}`)
  }

  const object = (): Map<string, unknown> => {
    const members = new Map<string, unknown>()
    if (skip('}')) return members
    do {
      take(space)
      const start = at
      const name = takeString() ?? fail('a name in double quotes')
      if (!repeats && members.has(name))
        throw SyntaxFault.at(text, start, 'duplicate name in the object')
      if (!skip(':')) fail('a colon')
      members.set(name, value())
    } while (skip(','))
    if (!skip('}')) fail('a comma or a closing brace')
    return members
  }
  const array = (): unknown[] => {
    const items: unknown[] = []
    if (skip(']')) return items
    do items.push(value())
    while (skip(','))
    if (!skip(']')) fail('a comma or a closing bracket')
    return items
  }
  let depth = 0
  const deeper = (read: () => unknown): unknown => {
    if (++depth > DEEPEST) throw new RangeError(`more than ${DEEPEST} levels`)
    const made = read()
    depth--
    return made
  }
  const value = (): unknown => {
    if (skip('{')) return deeper(object)
    if (skip('[')) return deeper(array)
    const literal = takeString()
    if (literal !== undefined) return literal
    const digits = take(number)
    if (digits !== null) {
      const whole = digits[1] === undefined && digits[2] === undefined
      return whole ? integer(digits[0]) : Number(digits[0])
    }
    const name = take(word)
    if (name !== null) return words[name[0] as keyof typeof words]
    return fail('a value')
  }

  const result = value()
  take(space)
  if (at < text.length) fail('the end of the text')
  return result
}

/**
 * The index of the closing quote of the string at `from`, or of its first error. Scans runs of characters, because a
 * single pattern would store a backtracking position for each character. In Bun, that takes seconds for a few
 * megabytes.
 */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; ; at = escape.lastIndex) {
    plain.lastIndex = at
    plain.test(text)
    escape.lastIndex = plain.lastIndex
    if (!escape.test(text)) return plain.lastIndex
  }
}

/**
 * The position of the first error in text that JSON.parse refuses, in UTF-16 units: the length of the text if the text
 * ends too early, undefined if unknown. The error message of JSON.parse may contain the position, but depends on the
 * runtime and quotes the text.
 */
export function brokenAt(text: string): number | undefined {
  try {
    parseJson(text, { integer: Number, repeats: true })
    return undefined
  } catch (error) {
    if (!(error instanceof SyntaxFault)) return undefined
    const before = text.split('\n').slice(0, error.line - 1)
    const at = before.reduce((sum, line) => sum + line.length + 1, error.column - 1)
    return text[at] === '"' ? endOfString(text, at) : at
  }
}
