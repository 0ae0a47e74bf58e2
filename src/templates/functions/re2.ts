// Go's regular expressions (RE2 syntax, https://github.com/google/re2/wiki/Syntax) as JavaScript's.
// What JavaScript cannot express is a clear error. Matching is leftmost-first in both.

/** The pattern is no RE2, or JavaScript cannot express it. */
export class Re2Error extends Error {}

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\0-\\x7f',
  blank: '\\t ',
  cntrl: '\\0-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
}
/** Perl's classes, which in RE2 are ASCII only. */
const PERL: Readonly<Record<string, string>> = { d: '0-9', s: '\\t\\n\\f\\r ', w: '0-9A-Za-z_' }
const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 }

interface Flags {
  readonly s: boolean
  readonly m: boolean
  readonly U: boolean
}

const literal = (code: number): string => `\\u{${code.toString(16)}}`

class Translator {
  #at = 0
  #out = ''
  #flags: Flags = { s: false, m: false, U: false }
  #ignoreCase = false
  readonly #names = new Set<string>()
  readonly #outer: Flags[] = []
  /** Whether a repetition may follow. */
  #repeatable = false
  readonly #chars: readonly string[]

  constructor(private readonly pattern: string) {
    this.#chars = [...pattern]
  }

  translate(): RegExp {
    while (this.#at < this.#chars.length) this.#item()
    if (this.#outer.length > 0) this.#fail('missing closing )')
    return new RegExp(this.#out, this.#ignoreCase ? 'iu' : 'u')
  }

  #fail(message: string): never {
    throw new Re2Error(`${message}: \`${this.pattern}\``)
  }

  #rest(length: number): string {
    return this.#chars.slice(this.#at, this.#at + length).join('')
  }

  #item(): void {
    const char = this.#chars[this.#at] as string
    switch (char) {
      case '(':
        this.#group()
        return
      case ')': {
        const flags = this.#outer.pop()
        if (flags === undefined) this.#fail('unexpected )')
        this.#flags = flags
        this.#put(')', true)
        return
      }
      case '|':
        this.#put('|', false)
        return
      case '[':
        this.#at++
        this.#emit(this.#class(), true)
        return
      case '.':
        this.#put(this.#flags.s ? '[\\s\\S]' : '[^\\n]', true)
        return
      case '^':
        this.#put(this.#flags.m ? '(?<=^|\\n)' : '(?:^)', true)
        return
      case '$':
        this.#put(this.#flags.m ? '(?=\\n|$)' : '(?:$)', true)
        return
      case '*':
      case '+':
      case '?':
        this.#at++
        this.#repeat(char)
        return
      case '{':
        this.#counted()
        return
      case '\\':
        this.#escape()
        return
      default:
        this.#put(literal(char.codePointAt(0) ?? 0), true)
    }
  }

  /** Steps over one character of the pattern. */
  #put(source: string, repeatable: boolean): void {
    this.#at++
    this.#emit(source, repeatable)
  }

  #emit(source: string, repeatable: boolean): void {
    this.#out += source
    this.#repeatable = repeatable
  }

  #repeat(source: string): void {
    if (!this.#repeatable) {
      this.#fail(
        /[*+?}]$/.test(this.#out)
          ? 'invalid nested repetition operator'
          : 'missing argument to repetition operator',
      )
    }
    let lazy = this.#flags.U
    if (this.#chars[this.#at] === '?') {
      this.#at++
      lazy = !lazy
    }
    this.#emit(source + (lazy ? '?' : ''), false)
  }

  #counted(): void {
    const found = /^\{(\d+)(,(\d*))?\}/.exec(this.#chars.slice(this.#at).join(''))
    if (found === null) {
      this.#put('\\{', true)
      return
    }
    const [source, least = '', , most = ''] = found
    this.#at += source.length
    if (
      Number(least) > 1000 ||
      Number(most) > 1000 ||
      (most !== '' && Number(most) < Number(least))
    ) {
      this.#fail('invalid repeat count')
    }
    this.#repeat(source)
  }

  #group(): void {
    const start = this.#at === 0
    const text = this.#chars.slice(this.#at).join('')
    const named = /^\(\?P?<([A-Za-z0-9_]+)>/.exec(text)
    const flagged = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(text)
    if (named !== null) {
      const name = named[1] as string
      if (this.#names.has(name)) this.#fail('duplicate capture group name')
      this.#names.add(name)
      this.#open(named[0].length, `(?<${/^\d/.test(name) ? '_' : ''}${name}>`)
    } else if (flagged !== null) {
      const [source, on = '', off = '', end] = flagged
      if (end === ')' && on === '' && off === '')
        this.#fail('missing argument to repetition operator')
      if (end === ':') this.#open(source.length, '(?:')
      else this.#at += source.length
      this.#setFlags(on, off, start)
    } else if (text.startsWith('(?')) {
      this.#fail('invalid or unsupported Perl syntax')
    } else this.#open(1, '(')
  }

  #open(length: number, source: string): void {
    this.#outer.push(this.#flags)
    this.#at += length
    this.#emit(source, false)
  }

  #setFlags(on: string, off: string, start: boolean): void {
    if (/i/.test(on + off)) {
      // JavaScript has case folding for the whole expression only.
      if (!start || off.includes('i') || this.#outer.length > 0) {
        this.#fail('the flag i is supported only as (?i) at the start of the pattern')
      }
      this.#ignoreCase = true
    }
    const set = (flag: 's' | 'm' | 'U'): boolean =>
      off.includes(flag) ? false : on.includes(flag) || this.#flags[flag]
    this.#flags = { s: set('s'), m: set('m'), U: set('U') }
  }

  #escape(): void {
    const next = this.#chars[this.#at + 1]
    if (next === undefined) this.#fail('trailing backslash at end of expression')
    if (next === 'A' || next === 'z') {
      this.#at++
      this.#put(next === 'A' ? '(?:^)' : '(?:$)', true)
    } else if (next === 'b' || next === 'B') {
      this.#at++
      this.#put(`(?:\\${next})`, true)
    } else if (next === 'Q') this.#quoted()
    else {
      const set = this.#setEscape()
      this.#emit(set === null ? literal(this.#charEscape()) : `[${set}]`, true)
    }
  }

  /** `\Q...\E`: all in between is itself. */
  #quoted(): void {
    const rest = this.#chars.slice(this.#at + 2).join('')
    const end = rest.indexOf('\\E')
    const inside = end < 0 ? rest : rest.slice(0, end)
    this.#at += 2 + [...inside].length + (end < 0 ? 0 : 2)
    for (const char of inside) this.#emit(literal(char.codePointAt(0) ?? 0), true)
  }

  /** `\d`, `\pL` and their like, as members of a class; null when it is none of them. */
  #setEscape(): string | null {
    const kind = this.#chars[this.#at + 1] ?? ''
    const perl = PERL[kind.toLowerCase()]
    if (perl !== undefined && /[dswDSW]/.test(kind)) {
      this.#at += 2
      return kind === kind.toLowerCase() ? perl : complement(perl)
    }
    if (kind !== 'p' && kind !== 'P') return null
    const found = /^(?:\{(\^?)([^}]+)\}|(.))/u.exec(this.#chars.slice(this.#at + 2).join(''))
    if (found === null) this.#fail('invalid character class range')
    const [source, not, long, short] = found
    const name = long ?? short ?? ''
    this.#at += 2 + [...source].length
    const negated = (kind === 'P') !== (not === '^')
    for (const property of [name, `Script=${name}`]) {
      const made = `\\${negated ? 'P' : 'p'}{${property}}`
      if (name !== 'Any' && isValid(made) && (property !== name || /^[CLMNPSZ][a-z]?$/.test(name)))
        return made
      if (name === 'Any') return negated ? complement('\\s\\S') : '\\s\\S'
    }
    return this.#fail('invalid character class range')
  }

  /** One escaped character, as its code point. */
  #charEscape(): number {
    const text = this.#chars.slice(this.#at + 1).join('')
    const control = CONTROL[text.charAt(0)]
    const hex = /^x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})/.exec(text)
    const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(text)
    if (hex !== null) {
      this.#at += 1 + hex[0].length
      const code = parseInt(hex[1] ?? hex[2] ?? '', 16)
      return code <= 0x10ffff ? code : this.#fail('invalid escape sequence')
    }
    if (octal !== null) {
      this.#at += 1 + octal[0].length
      return parseInt(octal[0], 8)
    }
    if (control === undefined && !/^[!-/:-@[-`{-~]/.test(text))
      this.#fail('invalid escape sequence')
    this.#at += 2
    return control ?? text.charCodeAt(0)
  }

  #class(): string {
    const negated = this.#chars[this.#at] === '^'
    if (negated) this.#at++
    let members = ''
    for (let first = true; first || this.#chars[this.#at] !== ']'; first = false) {
      if (this.#at >= this.#chars.length) this.#fail('missing closing ]')
      members += this.#member()
    }
    this.#at++
    return `[${negated ? '^' : ''}${members}]`
  }

  #member(): string {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.#rest(16))
    if (posix !== null) {
      const set = POSIX[posix[2] ?? ''] ?? this.#fail('invalid character class range')
      this.#at += posix[0].length
      return posix[1] === '^' ? complement(set) : set
    }
    if (this.#chars[this.#at] === '\\') {
      const set = this.#setEscape()
      if (set !== null) return set
    }
    const low = this.#memberChar()
    if (this.#chars[this.#at] !== '-' || this.#chars[this.#at + 1] === ']') return literal(low)
    this.#at++
    const high = this.#memberChar()
    if (high < low) this.#fail('invalid character class range')
    return `${literal(low)}-${literal(high)}`
  }

  #memberChar(): number {
    const char = this.#chars[this.#at] ?? this.#fail('missing closing ]')
    if (char === '\\') return this.#charEscape()
    this.#at++
    return char.codePointAt(0) ?? 0
  }
}

/** The characters that a set of ASCII members leaves out, as members of a class. */
function complement(members: string): string {
  const inside = new RegExp(`[${members}]`, 'u')
  let out = ''
  for (let code = 0; code < 0x80; code++) {
    if (!inside.test(String.fromCharCode(code))) out += literal(code)
  }
  return /\\s\\S/.test(members) ? '' : `${out}\\u{80}-\\u{10ffff}`
}

function isValid(source: string): boolean {
  try {
    return new RegExp(source, 'u') instanceof RegExp
  } catch {
    return false
  }
}

/** Patterns are few and used again and again; a template that makes them up starts anew. */
const MAX_KNOWN = 500
const known = new Map<string, RegExp>()

function compile(pattern: string): RegExp {
  const found = known.get(pattern)
  if (found !== undefined) return found
  if (known.size >= MAX_KNOWN) known.clear()
  const made = new Translator(pattern).translate()
  known.set(pattern, made)
  return made
}

export const test = (pattern: string, text: string): boolean => compile(pattern).test(text)

/** The leftmost match, or the empty string. */
export const find = (pattern: string, text: string): string =>
  compile(pattern).exec(text)?.[0] ?? ''

/** @param by `$1`, `${name}` and `$$` as Go's Regexp.Expand has them */
export function replaceAll(pattern: string, text: string, by: string): string {
  const everywhere = new RegExp(compile(pattern), `${compile(pattern).flags}g`)
  let out = ''
  let done = 0
  let before = -1
  for (const match of text.matchAll(everywhere)) {
    // Go knows no empty match right behind the one before it.
    if (match[0] === '' && match.index === before) continue
    out += text.slice(done, match.index) + expand(by, match)
    done = match.index + match[0].length
    before = done
  }
  return out + text.slice(done)
}

const expand = (by: string, match: RegExpExecArray): string =>
  by.replace(
    /\$(?:\$|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu,
    (whole, plain?: string, braced?: string) => {
      const name = plain ?? braced
      if (name === undefined) return whole === '$$' ? '$' : whole
      return (/^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name]) ?? ''
    },
  )
