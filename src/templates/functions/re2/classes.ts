// Character classes of Go's regular expressions as classes of JavaScript's `v` flag.
import { literal, type Cursor } from './cursor.ts'

/** What stands between the brackets of a class, and whether it is all but that. */
interface CharSet {
  readonly members: string
  readonly negated: boolean
}

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t\\x20',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '\\x21-\\x7e',
  lower: 'a-z',
  print: '\\x20-\\x7e',
  punct: '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e',
  space: '\\t\\n\\v\\f\\r\\x20',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
}
/** Perl's classes, which in RE2 are ASCII only. */
const PERL: Readonly<Record<string, string>> = { d: '0-9', s: '\\t\\n\\f\\r\\x20', w: '0-9A-Za-z_' }
const EVERYTHING = '\\s\\S'
const RANGE = 'invalid character class range'

/** A class, its opening bracket included, or one of the sets that need none such as `\d` and `\pL`. */
export function readClass(cursor: Cursor, ignoreCase: boolean): string | undefined {
  if (cursor.char === '\\') {
    const set = readSet(cursor)
    return set === undefined ? undefined : `[${memberOf(set, ignoreCase)}]`
  }
  const from = cursor.at
  const negated = cursor.match(/\[\^?/y)?.[0] === '[^'
  let members = ''
  for (let first = true; first || cursor.char !== ']'; first = false) {
    if (cursor.atEnd) cursor.fail('missing closing ]', from)
    const set = readPosix(cursor) ?? readSet(cursor) ?? readRange(cursor, from)
    members += memberOf(set, ignoreCase)
  }
  cursor.take()
  return `[${negated ? '^' : ''}${members}]`
}

/** One character, with its other cases where case is ignored. */
export function readLiteral(code: number, ignoreCase: boolean): string {
  const one = literal(code)
  const others = ignoreCase ? otherCases(one) : ''
  return others === '' ? one : `[${one}${others}]`
}

function memberOf({ members, negated }: CharSet, ignoreCase: boolean): string {
  const all = ignoreCase ? members + otherCases(members) : members
  return negated ? `[^${all}]` : all
}

function readPosix(cursor: Cursor): CharSet | undefined {
  const from = cursor.at
  const found = cursor.match(/\[:(\^?)(.*?):\]/sy)
  if (found === null) return undefined
  const members = POSIX[found[2] ?? ''] ?? cursor.fail(RANGE, from)
  return { members, negated: found[1] === '^' }
}

/** `\d`, `\pL` and their like; undefined when the cursor is at none of them. */
function readSet(cursor: Cursor): CharSet | undefined {
  const perl = cursor.match(/\\([dswDSW])/y)?.[1]
  if (perl !== undefined) {
    const name = perl.toLowerCase()
    return { members: PERL[name] ?? '', negated: name !== perl }
  }
  const from = cursor.at
  const found = cursor.match(/\\([pP])(?:\{(\^?)([^}]*)\}|([^{]))/uy)
  if (found === null) {
    return cursor.startsWith('\\p') || cursor.startsWith('\\P')
      ? cursor.fail(RANGE, from, cursor.pattern.length)
      : undefined
  }
  const [, kind, not = '', long, short] = found
  const members = property(long ?? short ?? '') ?? cursor.fail(RANGE, from)
  return { members, negated: (kind === 'P') !== (not === '^') }
}

/** A general category or a script by its name in Go; undefined when there is none. */
function property(name: string): string | undefined {
  if (name === 'Any') return EVERYTHING
  if (/^[CLMNPSZ][a-z]?$/.test(name)) return isValid(`\\p{${name}}`)
  // Scripts have long names only, of a capital letter and small ones in each word.
  return /^[A-Z][a-z]+(_[A-Z][a-z]+)*$|^Nko$|^SignWriting$/.test(name) && name.length > 2
    ? isValid(`\\p{Script=${name}}`)
    : undefined
}

function isValid(source: string): string | undefined {
  try {
    return new RegExp(source, 'v') && source
  } catch {
    return undefined
  }
}

function readRange(cursor: Cursor, opened: number): CharSet {
  const from = cursor.at
  const low = readChar(cursor, opened)
  if (!/^-[^\]]/s.test(cursor.pattern.slice(cursor.at, cursor.at + 2))) {
    return { members: literal(low), negated: false }
  }
  cursor.take()
  const high = readChar(cursor, opened)
  if (high < low) cursor.fail(RANGE, from)
  return { members: `${literal(low)}-${literal(high)}`, negated: false }
}

function readChar(cursor: Cursor, opened: number): number {
  if (cursor.atEnd) cursor.fail('missing closing ]', opened)
  return cursor.char === '\\' ? cursor.escaped() : cursor.take()
}

/** All characters that have more than one case, in one text. */
let cased: string | undefined

/**
 * The cased characters that differ from some member only in case: k, K and the Kelvin sign are one.
 * RE2 may ignore case in a part of a pattern, JavaScript's flag is for the whole; therefore the cases
 * are written out. The engine itself says which they are.
 */
function otherCases(members: string): string {
  cased ??= allCased()
  const found = cased.match(new RegExp(`[${members}]`, 'giv')) ?? []
  return found.map((char) => literal(char.codePointAt(0) ?? 0)).join('')
}

/** Beyond this code point no script has cases. */
const LAST_CASED = 0x1f000

function allCased(): string {
  let all = ''
  for (let code = 0; code < LAST_CASED; code++) all += String.fromCodePoint(code)
  const changes = /[\p{Changes_When_Casemapped}\p{Changes_When_Casefolded}]/gu
  return (all.match(changes) ?? []).join('')
}
