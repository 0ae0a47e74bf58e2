// JSON (RFC 8259), for the file store and for output_format. JSON.parse would do but for three things: it rounds large
// integers, its message quotes the text (which holds secrets), and it often gives no position.
import { SyntaxFault } from './syntax.ts'

const space = /[ \t\n\r]*/y
// Runs of plain characters in one step each: a choice for every single one may be gone back to, which
// Bun remembers at the cost of seconds for a few megabytes.
const string = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y
const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const word = /(?:true|false|null)\b/y
const words = { true: true, false: false, null: null } as const

/** Objects become Maps and integers BigInts. Throws a SyntaxFault. */
export function parseJson(text: string): unknown {
  let at = 0
  const take = (token: RegExp): RegExpExecArray | null => {
    token.lastIndex = at
    const found = token.exec(text)
    if (found !== null) at = token.lastIndex
    return found
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
      const name = JSON.parse((take(string) ?? fail('a name in double quotes'))[0]) as string
      if (members.has(name)) throw SyntaxFault.at(text, start, 'this name is in the object twice')
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
  const value = (): unknown => {
    if (skip('{')) return object()
    if (skip('[')) return array()
    const literal = take(string)
    if (literal !== null) return JSON.parse(literal[0])
    const digits = take(number)
    if (digits !== null) {
      const whole = digits[1] === undefined && digits[2] === undefined
      return whole ? BigInt(digits[0]) : Number(digits[0])
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
