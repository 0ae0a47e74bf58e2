// JSON (RFC 8259), for the file store, output_format and templates. JSON.parse would do but for three things: it rounds
// large integers, its message quotes the text (which holds secrets), and it often gives no position.
import { SyntaxFault } from './syntax.ts'

const space = /[ \t\n\r]*/y
const plain = /[^"\\\u0000-\u001f]*/y
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const word = /(?:true|false|null)\b/y
const words = { true: true, false: false, null: null } as const

export interface JsonOptions {
  /** The value of an integer. */
  readonly integer: (digits: string) => unknown
  /** Of a name that an object has twice the last value counts; else it is a fault. */
  readonly repeats: boolean
}

const strict: JsonOptions = { integer: BigInt, repeats: false }

/** Levels of nesting. The stack could hold more, but V8 may abort the process where it ends. */
const DEEPEST = 1000

/**
 * Objects become Maps and integers, unless the options say otherwise, BigInts. Throws a SyntaxFault, and
 * a RangeError when the text is nested too deeply.
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
        throw SyntaxFault.at(text, start, 'this name is in the object twice')
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
  if (at < text.length) fail('nothing more')
  return result
}

/**
 * Where the string that begins at `from` has its closing quote, or else is broken. A run of characters at
 * a time: one pattern for all of it would remember each character as a place to go back to, which takes
 * Bun seconds for a few megabytes.
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
 * Where a text that JSON.parse refuses stops being JSON, in UTF-16 units from its start: its length when
 * it ends too early, undefined when that cannot be told. JSON.parse itself tells it in the words of
 * the runtime, if at all, and quotes the text, which may be a secret.
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
