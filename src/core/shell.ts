// Scans shell commands (POSIX, as dash and bash read them) for the syntactic context of each hole (a placeholder),
// which decides how a word must be quoted there. A hole is unfit if dash and bash require different quoting, or if no
// quoting is correct. After text that the scanner cannot interpret, all holes are unfit.

/** The range of a placeholder in the command, which is replaced by a word. */
export interface Hole {
  readonly start: number
  readonly end: number
}

/** `bare`: outside quotes. */
export type HolePlace = 'bare' | '"' | "'" | { readonly unfit: string }

/** Returns the context of each hole. @param holes in order, not overlapping */
export function placesIn(command: string, holes: readonly Hole[]): readonly HolePlace[] {
  const scanner = new ShellScanner(command, holes)
  if (reparses.test(command)) scanner.doubt(0, 'in a command that another shell parses again')
  else scanner.scan()
  return scanner.places()
}

/** Programs that evaluate an argument as a command again, after the shell has removed the quotes around the path. */
const reparses = new RegExp(
  [
    String.raw`(?:^|[\s;&|('"\`/])(?:eval|ssh|xargs|parallel|watch|trap)\b`,
    String.raw`(?:^|[\s;&|('"\`/])(?:(?:ba|da|a|k|mk|z|c|tc|fi)?sh|su|runuser|script|flock)\b[^;&|\n]*?\s-\w*c\b`,
    String.raw`\|\s*(?:\S*/)?(?:ba|da|a|k|mk|z)?sh\b`,
    String.raw`\benv\s+(?:\S+\s+)*?(?:-\w*S|--split-string)`,
  ].join('|'),
)

/** Text allowed in quotes beside a hole; anything else may be code for another interpreter. */
const harmless = /^[\w./+:@%=,\s-]*$/

const DEEPEST = 50
/** The delimiter of a heredoc, plain or completely quoted. It cannot contain a hole, because it has no braces. */
const DELIMITER =
  /^<<(-?)[ \t]*(?:('[^'{\n]*'|"[^"\\$`{\n]*")|(\\?[\w.+@%=-]+))(?=[ \t\n;&|<>()]|$)/

interface Heredoc {
  readonly delimiter: string
  readonly stripsTabs: boolean
  /** Whether the delimiter is quoted, so that nothing in the body is expanded. */
  readonly isRaw: boolean
}

class ShellScanner {
  #at = 0
  #depth = 0
  #heredocs: Heredoc[] = []
  readonly #places = new Map<number, HolePlace>()
  readonly #holes: ReadonlyMap<number, Hole>
  #doubt: { readonly from: number; readonly why: string } | undefined

  constructor(
    private readonly text: string,
    private readonly all: readonly Hole[],
  ) {
    this.#holes = new Map(all.map((hole) => [hole.start, hole]))
  }

  scan(): void {
    while (this.#at < this.text.length) this.#commands('')
  }

  places(): readonly HolePlace[] {
    return this.all.map(({ start }) => {
      if (this.#doubt !== undefined && start >= this.#doubt.from) return { unfit: this.#doubt.why }
      return this.#places.get(start) ?? { unfit: 'where the required quoting is unknown' }
    })
  }

  /** Marks all holes at or after `from` as unfit and stops the scan. */
  doubt(from: number, why = 'where the required quoting is unknown'): void {
    if (this.#doubt === undefined || from < this.#doubt.from) this.#doubt = { from, why }
    this.#at = this.text.length
  }

  get #char(): string {
    return this.text[this.#at] ?? ''
  }

  #startsWith(text: string): boolean {
    return this.text.startsWith(text, this.#at)
  }

  /** Skips a hole at the current position and records its context. Returns false if there is none. */
  #hole(place: HolePlace): boolean {
    const hole = this.#holes.get(this.#at)
    if (hole === undefined) return false
    const before = this.text[this.#at - 1] ?? ''
    // A preceding `$` or backslash would change the meaning of the quote that is added here.
    const isGlued = before === '$' || before === '\\'
    this.#places.set(this.#at, isGlued ? { unfit: `directly after a ${before}` } : place)
    this.#at = hole.end
    return true
  }

  /** Scans commands up to the closing parenthesis, or to the end. */
  #commands(close: '' | ')'): void {
    if (++this.#depth > DEEPEST) return this.doubt(this.#at)
    let atWordStart = true
    while (this.#at < this.text.length) {
      if (this.#hole('bare')) {
        atWordStart = false
        continue
      }
      const char = this.#char
      if (char === ')' && close === ')') break
      // The patterns of `case` end with an unbalanced parenthesis.
      if (close === ')' && atWordStart && /^case\b/.test(this.text.slice(this.#at, this.#at + 5))) {
        return this.doubt(this.#at)
      }
      if (char === '#' && atWordStart) this.#comment()
      else if (this.#startsWith('\\\n')) this.#continuation()
      else atWordStart = this.#token(char)
    }
    this.#at++
    this.#depth--
  }

  /** Scans one token outside quotes. @returns whether a word may begin after it */
  #token(char: string): boolean {
    switch (char) {
      case '\\':
        this.#escape()
        return false
      case "'":
        this.#quoted("'")
        return false
      case '"':
        this.#quoted('"')
        return false
      case '`':
        this.#backticks()
        return false
      case '$':
        this.#dollar()
        return false
      case '(':
        if (this.#startsWith('((')) this.doubt(this.#at)
        else {
          this.#at++
          this.#commands(')')
        }
        return true
      case '\n':
        this.#at++
        this.#bodies()
        return true
      case '<':
        if (this.#startsWith('<<')) this.#heredoc()
        else this.#at++
        return true
      default:
        this.#at++
        return /[ \t;&|>)]/.test(char)
    }
  }

  #escape(): void {
    this.#at++
    if (!this.#holes.has(this.#at)) this.#at++
  }

  /** Skips a line continuation after a space or tab. Anywhere else it may form an operator, so the rest is unfit. */
  #continuation(): void {
    if (!/[ \t]/.test(this.text[this.#at - 1] ?? '')) return this.doubt(this.#at)
    this.#at += 2
  }

  #comment(): void {
    this.#unfitUntil(this.#endOf('\n', this.#at), 'in a comment')
  }

  #endOf(text: string, from: number): number {
    const end = this.text.indexOf(text, from)
    return end < 0 ? this.text.length : end
  }

  /** Skips to `end`; holes in between are unfit. */
  #unfitUntil(end: number, unfit: string): void {
    for (; this.#at < end; this.#at++) {
      if (this.#holes.has(this.#at)) this.#places.set(this.#at, { unfit })
    }
  }

  #quoted(quote: '"' | "'"): void {
    const inside: number[] = []
    let isHarmless = true
    this.#at++
    for (;;) {
      if (this.#at >= this.text.length) return this.doubt(inside[0] ?? this.#at)
      const start = this.#at
      if (this.#hole(quote)) {
        inside.push(start)
        continue
      }
      const char = this.#char
      if (char === quote) break
      const isContinued = quote === '"' && this.#startsWith('\\\n')
      if (isContinued || (char === '\n' && this.#heredocs.length > 0)) return this.doubt(start)
      isHarmless &&= harmless.test(char)
      if (quote === "'") this.#at++
      else if (char === '\\') this.#escape()
      else if (char === '`') this.#backticks()
      else if (char === '$') this.#dollar()
      else this.#at++
    }
    this.#at++
    if (isHarmless) return
    for (const start of inside)
      this.#places.set(start, { unfit: 'in quotes that contain more than plain words' })
  }

  #backticks(): void {
    let end = this.#at + 1
    while (end < this.text.length && this.text[end] !== '`') end += this.text[end] === '\\' ? 2 : 1
    this.#unfitUntil(Math.min(end, this.text.length), 'in backticks')
    this.#at++
  }

  #dollar(): void {
    // dash does not support `$'...'`, and `$((` may be arithmetic or two parentheses.
    if (["$'", '$((', '$['].some((text) => this.#startsWith(text))) return this.doubt(this.#at)
    if (this.#startsWith('$(')) {
      // Shells disagree on where the body of a pending heredoc begins.
      if (this.#heredocs.length > 0) return this.doubt(this.#at)
      this.#at += 2
      this.#commands(')')
      if (this.#heredocs.length > 0) this.doubt(this.#at)
    } else if (this.#startsWith('${')) this.#parameter()
    else this.#at++
  }

  /** Shells disagree on quotes inside `${...}`, so quotes or nested expansions inside it stop the scan. */
  #parameter(): void {
    const end = this.#endOf('}', this.#at)
    const inside = this.text.slice(this.#at, end)
    if (/['"\\`{$]/.test(inside.slice(2))) return this.doubt(this.#at)
    this.#unfitUntil(end, 'in ${...}')
    this.#at++
  }

  #heredoc(): void {
    const match = DELIMITER.exec(this.text.slice(this.#at))
    if (match === null) return this.doubt(this.#at)
    const [all, dash, quoted, bare = ''] = match
    const delimiter = quoted?.slice(1, -1) ?? bare.replace('\\', '')
    this.#heredocs.push({ delimiter, stripsTabs: dash === '-', isRaw: delimiter !== bare })
    this.#at += all.length
  }

  /** Scans the bodies of the heredocs that began on the previous line. */
  #bodies(): void {
    for (const { delimiter, stripsTabs, isRaw } of this.#heredocs.splice(0)) {
      for (;;) {
        if (this.#at >= this.text.length) return
        const end = this.#endOf('\n', this.#at)
        const line = this.text.slice(this.#at, end)
        // The end is unknown, because a substitution may contain a line equal to the delimiter, and a backslash may
        // join lines.
        if (!isRaw && /[$`\\]/.test(line)) return this.doubt(this.#at)
        this.#unfitUntil(end, 'in a heredoc')
        this.#at = Math.min(end + 1, this.text.length)
        if ((stripsTabs ? line.replace(/^\t+/, '') : line) === delimiter) break
      }
    }
  }
}
