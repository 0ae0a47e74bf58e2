// Splits a Go template into tokens, on request, with different rules inside and outside of actions. Positions are byte
// offsets in the binary string.
import { kindOfWord, type Token, type TokenKind } from './tokens.ts'
import { isLetterOrDigit, runeAt } from './utf8.ts'

const SPACES = /[ \t\r\n]/
const isSpace = (char: string): boolean => SPACES.test(char)

export class Lexer {
  #at = 0
  #inside = false
  #parens = 0
  #failed = false

  constructor(
    private readonly source: string,
    private readonly left: string,
    private readonly right: string,
  ) {}

  next(): Token {
    if (this.#failed) return { kind: 'eof', at: this.source.length, text: 'EOF' }
    const token = this.#inside ? this.#action() : this.#text()
    if (token.kind === 'error') this.#failed = true
    return token
  }

  #text(): Token {
    for (;;) {
      const start = this.#at
      const open = this.source.indexOf(this.left, start)
      if (open < 0) {
        this.#at = this.source.length
        return start < this.#at ? this.#token('text', start) : this.#token('eof', start, 'EOF')
      }
      const trim = this.#trimsLeft(open + this.left.length)
      const text = this.source.slice(start, open)
      const kept = trim ? text.replace(/[ \t\r\n]+$/, '') : text
      this.#at = open
      if (kept !== '') return this.#token('text', start, kept)
      const inner = open + this.left.length + (trim ? 2 : 0)
      if (!this.source.startsWith('/*', inner)) {
        this.#inside = true
        this.#parens = 0
        this.#at = inner
        return this.#token('left', open, this.left)
      }
      const failure = this.#comment(inner)
      if (failure !== null) return failure
    }
  }

  #comment(start: number): Token | null {
    const close = this.source.indexOf('*/', start + 2)
    if (close < 0) return this.#error(start, 'unclosed comment')
    const trim = this.#closes(close + 2)
    if (trim === null) return this.#error(start, 'comment ends before closing delimiter')
    this.#leave(close + 2, trim)
    return null
  }

  /** Skips the right delimiter and, with a trim marker, the white space after the delimiter. */
  #leave(at: number, trim: boolean): void {
    this.#at = at + (trim ? 2 : 0) + this.right.length
    if (trim) while (isSpace(this.source.charAt(this.#at))) this.#at++
  }

  #trimsLeft(at: number): boolean {
    return this.source[at] === '-' && isSpace(this.source.charAt(at + 1))
  }

  /** Returns true if the action ends here with a trim marker, false if it ends here without one, null if it goes on. */
  #closes(at: number): boolean | null {
    if (
      isSpace(this.source.charAt(at)) &&
      this.source[at + 1] === '-' &&
      this.source.startsWith(this.right, at + 2)
    ) {
      return true
    }
    return this.source.startsWith(this.right, at) ? false : null
  }

  #action(): Token {
    const start = this.#at
    const closes = this.#closes(start)
    if (closes !== null) {
      if (this.#parens > 0) return this.#error(start, 'unclosed left paren')
      this.#leave(start, closes)
      this.#inside = false
      return this.#token('right', start + (closes ? 2 : 0), this.right)
    }
    const char = this.source[start]
    if (char === undefined) return this.#error(start, 'unclosed action')
    if (isSpace(char)) return this.#space()
    switch (char) {
      case '=':
        return this.#take('assign', 1)
      case ':':
        if (this.source[start + 1] !== '=') return this.#error(start, 'expected :=')
        return this.#take('declare', 2)
      case '|':
        return this.#take('pipe', 1)
      case '"':
        return this.#quoted('"', 'string', 'unterminated quoted string')
      case "'":
        return this.#quoted("'", 'charConstant', 'unterminated character constant')
      case '`': {
        const close = this.source.indexOf('`', start + 1)
        if (close < 0) return this.#error(start, 'unterminated raw quoted string')
        return this.#take('rawString', close + 1 - start)
      }
      case '$':
        return this.#name('variable')
      case '(':
        this.#parens++
        return this.#take('(', 1)
      case ')':
        this.#parens--
        if (this.#parens < 0) return this.#error(start, 'unexpected right paren')
        return this.#take(')', 1)
    }
    if (
      char === '.' &&
      !/[0-9]/.test(this.source.charAt(start + 1)) &&
      start + 1 < this.source.length
    ) {
      return this.#name('field')
    }
    if (/[.+\-0-9]/.test(char)) return this.#number()
    const { rune } = runeAt(this.source, start)
    if (isLetterOrDigit(rune)) return this.#identifier()
    if (char >= ' ' && char <= '~') return this.#take('char', 1)
    return this.#error(start, `unrecognized character in action: ${describe(rune)}`)
  }

  #space(): Token {
    const start = this.#at
    while (isSpace(this.source.charAt(this.#at))) this.#at++
    // If a trim marker follows, the last space belongs to the marker.
    if (this.#closes(this.#at - 1) === true) this.#at--
    return this.#at === start ? this.#action() : this.#token('space', start)
  }

  #quoted(quote: string, kind: TokenKind, failure: string): Token {
    const start = this.#at
    for (let at = start + 1; ; at++) {
      let char = this.source[at]
      if (char === '\\') {
        at++
        char = this.source[at]
        if (char !== undefined && char !== '\n') continue
      }
      if (char === undefined || char === '\n') return this.#error(start, failure)
      if (char === quote) return this.#take(kind, at + 1 - start)
    }
  }

  /** Reads `.field`, `$variable`, a bare `.` or a bare `$`. */
  #name(kind: 'field' | 'variable'): Token {
    const start = this.#at
    const end = this.#wordEnd(start + 1)
    if (end === start + 1 && this.#terminates(end)) {
      return this.#take(kind === 'field' ? 'dot' : 'variable', 1)
    }
    if (!this.#terminates(end)) return this.#badCharacter(start, end)
    return this.#take(kind, end - start)
  }

  #identifier(): Token {
    const start = this.#at
    const end = this.#wordEnd(start)
    if (!this.#terminates(end)) return this.#badCharacter(start, end)
    return this.#take(kindOfWord(this.source.slice(start, end)), end - start)
  }

  #number(): Token {
    const scan =
      /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y
    const start = this.#at
    const end = this.#match(scan, start)
    if (this.#inWord(end)) return this.#badNumber(start, end)
    if (!/[+-]/.test(this.source.charAt(end))) return this.#take('number', end - start)
    const second = this.#match(scan, end)
    if (this.#inWord(second) || this.source[second - 1] !== 'i') {
      return this.#badNumber(start, second)
    }
    return this.#take('complex', second - start)
  }

  #badNumber(start: number, end: number): Token {
    const width = this.#inWord(end) ? runeAt(this.source, end).width : 0
    const text = JSON.stringify(this.source.slice(start, end + width))
    return this.#error(start, `bad number syntax: ${text}`)
  }

  #match(pattern: RegExp, at: number): number {
    pattern.lastIndex = at
    return at + (pattern.exec(this.source)?.[0].length ?? 0)
  }

  #inWord(at: number): boolean {
    return at < this.source.length && isLetterOrDigit(runeAt(this.source, at).rune)
  }

  #wordEnd(at: number): number {
    while (this.#inWord(at)) at += runeAt(this.source, at).width
    return at
  }

  /** Whether a word may end at this position. */
  #terminates(at: number): boolean {
    const char = this.source[at]
    if (char === undefined || /[ \t\r\n.,|:()]/.test(char)) return true
    return this.source.startsWith(this.right, at)
  }

  #badCharacter(start: number, at: number): Token {
    return this.#error(start, `bad character ${describe(runeAt(this.source, at).rune)}`)
  }

  #take(kind: TokenKind, length: number): Token {
    const start = this.#at
    this.#at += length
    return this.#token(kind, start)
  }

  #token(kind: TokenKind, at: number, text = this.source.slice(at, this.#at)): Token {
    return { kind, at, text }
  }

  #error(at: number, text: string): Token {
    return { kind: 'error', at, text }
  }
}

/** Like Go's `%#U`: `U+002A '*'`. */
const describe = (rune: number): string =>
  `U+${rune.toString(16).toUpperCase().padStart(4, '0')} '${String.fromCodePoint(rune)}'`
