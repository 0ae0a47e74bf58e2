// Matching with Go's regular expressions: the functions on patterns, on shared texts.
//
// One difference to Go is left: a group inside a repetition forgets what it caught when the
// repetition goes round again without it, so `(?:(a)|b)*` on `ab` has nothing in $1, and Go has `a`.
import { translate, type Translated } from './re2/translator.ts'

export { Re2Error } from './re2/cursor.ts'

/** Patterns are few and used again and again; a template that makes them up starts anew. */
const MAX_KNOWN = 500
const known = new Map<string, Translated>()

function compile(pattern: string): Translated {
  const found = known.get(pattern)
  if (found !== undefined) return found
  if (known.size >= MAX_KNOWN) known.clear()
  const made = translate(pattern)
  known.set(pattern, made)
  return made
}

export const test = (pattern: string, text: string): boolean => compile(pattern).regexp.test(text)

/** The leftmost match, or the empty string. */
export const find = (pattern: string, text: string): string =>
  compile(pattern).regexp.exec(text)?.[0] ?? ''

/** @param by `$1`, `${name}` and `$$` as Go's Regexp.Expand has them */
export function replaceAll(pattern: string, text: string, by: string): string {
  const { regexp, names } = compile(pattern)
  let out = ''
  let done = 0
  let before = -1
  for (const match of text.matchAll(new RegExp(regexp, `${regexp.flags}g`))) {
    // Go knows no empty match right behind the one before it.
    if (match[0] === '' && match.index === before) continue
    out += text.slice(done, match.index) + expand(by, match, names)
    done = match.index + match[0].length
    before = done
  }
  return out + text.slice(done)
}

const expand = (by: string, match: RegExpExecArray, names: Translated['names']): string =>
  by.replace(
    /\$(?:\$|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu,
    (whole, plain?: string, braced?: string) => {
      const name = plain ?? braced
      if (name === undefined) return whole === '$$' ? '$' : whole
      const groups = /^(?:0|[1-9]\d*)$/.test(name) ? [Number(name)] : (names.get(name) ?? [])
      return groups.map((group) => match[group]).find((text) => text !== undefined) ?? ''
    },
  )
