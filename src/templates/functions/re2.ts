// Matching with Go's regular expressions: the functions on patterns, on re2js, a port of Go's regexp.
// The time of a search grows with the text as it does in Go, whatever the pattern. What re2js does
// otherwise than Go is made good here: names that several groups share, the class `[[:]`, bytes that
// are no UTF-8, and how a replacement is expanded.
import { RE2JS, RE2JSSyntaxException, type Matcher } from 're2js'

/** The pattern is no RE2. The message is Go's: what is wrong, and the piece of the pattern. */
export class Re2Error extends Error {}

interface Pattern {
  readonly regexp: RE2JS
  /** The numbers of the groups of a name: Go lets several have the same. */
  readonly names: ReadonlyMap<string, readonly number[]>
}

/** Patterns are few and used again and again; a template that makes them up starts anew. */
const MAX_KNOWN = 100
const known = new Map<string, Pattern>()

function compile(pattern: string): Pattern {
  const found = known.get(pattern)
  if (found !== undefined) return found
  if (known.size >= MAX_KNOWN) known.clear()
  const made = parse(pattern)
  known.set(pattern, made)
  return made
}

function parse(pattern: string): Pattern {
  const invalid = pattern.search(/\p{Surrogate}/u)
  if (invalid >= 0) throw new Re2Error(`invalid UTF-8: \`${pattern.slice(invalid)}\``)
  const { source, names } = adapt(pattern)
  try {
    const regexp = RE2JS.compile(source)
    // It looks for literals of the pattern in the whole rest of the text before each search: to replace
    // all of many matches would take the square of the text.
    regexp.re2().prefilter = null
    return { regexp, names }
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error
    // Where re2js names no piece, Go names the whole pattern, and none for this one.
    const piece = error.error.startsWith('trailing backslash') ? '' : (error.input ?? source)
    throw new Re2Error(`${error.error}: \`${piece === source ? pattern : piece}\``)
  }
}

/** Of a pattern: what can hold a parenthesis that opens nothing, and those that open a group. */
const PIECES = new RegExp(
  [
    /\\Q.*?(?:\\E|$)/,
    /\\./,
    /\[\^?\]?(?:\[:\^?[a-z]*:\]|\\.?|(?!\[:\])[^\]\\])*(?:(?<bare>\[:)?\]|$)/,
    /\((?:\?P?<(?<name>\w+)>|(?!\?))/,
  ]
    .map((piece) => piece.source)
    .join('|'),
  'gs',
)

/** A pattern as re2js wants it, and the groups of every name. */
function adapt(pattern: string): { source: string; names: Map<string, number[]> } {
  const names = new Map<string, number[]>()
  let source = ''
  let done = 0
  let groups = 0
  for (const { 0: piece, index, groups: part } of pattern.matchAll(PIECES)) {
    source += pattern.slice(done, index)
    done = index + piece.length
    if (piece.startsWith('(')) groups++
    const namesakes = names.get(part?.name ?? '')
    if (namesakes !== undefined) namesakes.push(groups)
    else if (part?.name !== undefined) names.set(part.name, [groups])
    // A name may stand at one group only, and a `[` at the end of a class begins no `[:alpha:]`.
    const bare = part?.bare !== undefined && !pattern.includes(':]', done)
    source += namesakes !== undefined ? '(' : bare ? `${piece.slice(0, -3)}\\[:]` : piece
  }
  return { source: source + pattern.slice(done), names }
}

/**
 * Go sees U+FFFD in the place of a byte that is no UTF-8. In our texts that byte is one lone surrogate,
 * so that places in the one are places in the other.
 */
const seen = (text: string): string => text.toWellFormed()

export const test = (pattern: string, text: string): boolean =>
  compile(pattern).regexp.test(seen(text))

/** The leftmost match, or the empty string. */
export function find(pattern: string, text: string): string {
  const matcher = compile(pattern).regexp.matcher(seen(text))
  return matcher.find() ? text.slice(matcher.start(), matcher.end()) : ''
}

/** @param by `$1`, `${name}` and `$$` as Go's Regexp.Expand has them */
export function replaceAll(pattern: string, text: string, by: string): string {
  const { regexp, names } = compile(pattern)
  const matcher = regexp.matcher(seen(text))
  let out = ''
  let done = 0
  let before = -1
  while (matcher.find()) {
    const [start, end] = [matcher.start(), matcher.end()]
    // Go knows no empty match right behind the one before it.
    if (start === end && start === before) continue
    out += text.slice(done, start) + expand(by, text, matcher, names)
    done = end
    before = end
  }
  return out + text.slice(done)
}

const expand = (by: string, text: string, matcher: Matcher, names: Pattern['names']): string =>
  by.replace(
    /\$(?:\$|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu,
    (whole, plain?: string, braced?: string) => {
      const name = plain ?? braced
      if (name === undefined) return whole === '$$' ? '$' : whole
      const groups = /^(?:0|[1-9]\d*)$/.test(name) ? [Number(name)] : (names.get(name) ?? [])
      const caught = groups.find(
        (group) => group <= matcher.groupCount() && matcher.start(group) >= 0,
      )
      return caught === undefined ? '' : text.slice(matcher.start(caught), matcher.end(caught))
    },
  )
