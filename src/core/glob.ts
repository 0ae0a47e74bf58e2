// Go's path.Match (https://pkg.go.dev/path#Match) as a regular expression, compiled once a pattern.
import { raise } from './fault.ts'

const compiled = new Map<string, RegExp>()
/** Patterns may be made of keys, which come and go. */
const MAX_COMPILED = 10_000

/** A character that stands for itself, inside a set and outside. */
const literal = (char: string): string =>
  /\w/.test(char) ? char : `\\u{${codePoint(char).toString(16)}}`
const codePoint = (char: string): number => char.codePointAt(0) ?? 0

/** Throws a template fault when the pattern is malformed, as Go's ErrBadPattern. */
export function globToRegExp(pattern: string): RegExp {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  const chars = [...pattern]
  let at = 0
  const bad = (): never => raise('template', `syntax error in pattern "${pattern}"`)
  const member = (): string => {
    let char = chars[at++]
    if (char === '\\') char = chars[at++]
    else if (char === '-' || char === ']') bad()
    return char ?? bad()
  }
  let source = ''
  while (at < chars.length) {
    const char = chars[at++] as string
    if (char === '*') source += '[^/]*'
    else if (char === '?') source += '[^/]'
    else if (char === '\\') source += literal(chars[at++] ?? bad())
    else if (char === '[') {
      const negated = chars[at] === '^'
      if (negated) at++
      const first = at
      let set = ''
      while (at === first || chars[at] !== ']') {
        const low = member()
        let high = low
        if (chars[at] === '-') {
          at++
          high = member()
        }
        // Go: an empty range such as [z-a] matches nothing; RegExp would throw.
        if (codePoint(low) <= codePoint(high)) set += `${literal(low)}-${literal(high)}`
      }
      at++
      source += `[${negated ? '^' : ''}${set}]`
    } else source += literal(char)
  }
  const made = new RegExp(`^${source}$`, 'su')
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  compiled.set(pattern, made)
  return made
}

/** The pattern that only this text matches. */
export const globEscape = (text: string): string => text.replace(/[*?[\\]/g, '\\$&')

/** The part of a pattern before its first special character, cut back to a whole directory. */
export function globBase(pattern: string): string {
  const special = pattern.search(/[*?[\\]/)
  return special < 0 ? pattern : pattern.slice(0, pattern.lastIndexOf('/', special))
}
