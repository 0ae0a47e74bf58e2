// Go's regular expressions in linear time, with re2js, a port of Go's package regexp. Corrects the differences between
// re2js and Go: names shared by several groups, the class `[[:]`, invalid UTF-8, and the expansion of replacements.
import { RE2JS, RE2JSSyntaxException, type Matcher } from 're2js'

/** An invalid pattern, with Go's message: the mistake, and the piece of the pattern that contains it. */
export class Re2Error extends Error {}

interface Pattern {
  readonly regexp: RE2JS
  /** The numbers of the groups by name: in Go, several groups may have the same name. */
  readonly names: ReadonlyMap<string, readonly number[]>
}

/** Maximum number of compiled patterns in memory. */
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
    // The prefilter searches the whole remaining text for literals before each match, so replacing many matches would
    // take quadratic time.
    regexp.re2().prefilter = null
    return { regexp, names }
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error
    // Where re2js reports no piece, Go quotes the whole pattern, except after a trailing backslash.
    const piece = error.error.startsWith('trailing backslash') ? '' : (error.input ?? source)
    throw new Re2Error(`${error.error}: \`${piece === source ? pattern : piece}\``)
  }
}

/** Pieces of a pattern that may contain a literal parenthesis, and parentheses that open a group. */
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

/** Rewrites a pattern for re2js and returns the groups by name. */
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
    // re2js accepts each group name only once. It also takes `[:` at the end of a class, as in `[x[:]`, for the start
    // of a class such as `[:alpha:]`.
    const bare = part?.bare !== undefined && !pattern.includes(':]', done)
    source += namesakes !== undefined ? '(' : bare ? `${piece.slice(0, -3)}\\[:]` : piece
  }
  return { source: source + pattern.slice(done), names }
}

/**
 * Replaces invalid bytes with U+FFFD, as Go sees them. Each of these bytes is one lone surrogate in the text, so
 * positions do not change.
 */
const seen = (text: string): string => text.toWellFormed()

export const test = (pattern: string, text: string): boolean =>
  compile(pattern).regexp.test(seen(text))

/** The leftmost match; empty if there is none. */
export function find(pattern: string, text: string): string {
  const matcher = compile(pattern).regexp.matcher(seen(text))
  return matcher.find() ? text.slice(matcher.start(), matcher.end()) : ''
}

/** @param by may contain `$1`, `${name}` and `$$`, see Go's Regexp.Expand */
export function replaceAll(pattern: string, text: string, by: string): string {
  const { regexp, names } = compile(pattern)
  const matcher = regexp.matcher(seen(text))
  let out = ''
  let done = 0
  let before = -1
  while (matcher.find()) {
    const [start, end] = [matcher.start(), matcher.end()]
    // As in Go, an empty match directly after another match does not count.
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
