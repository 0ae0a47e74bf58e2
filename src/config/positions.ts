// Finds the positions of keys and values in a TOML document. The parser (smol-toml) reports none, so this module scans
// the text again. It requires valid TOML and stops at text that it cannot parse: positions may be missing, but are
// never wrong.

/** Offsets into the text. For a table header, `key` and `value` are equal. */
export interface Position {
  readonly key: number
  readonly value: number
}

/** Keys and indices from the root: `['template', 1, 'keys', 0]`. */
export type TomlPath = readonly (string | number)[]

/** Positions by path. */
export class Positions {
  readonly #found = new Map<string, Position>()

  /** Records the first position of each path; later ones are ignored. */
  add(path: TomlPath, position: Position): void {
    const id = JSON.stringify(path)
    if (!this.#found.has(id)) this.#found.set(id, position)
  }

  /** Returns the position of a path. The path may differ from the text in case (see withKnownCase()). */
  at(path: TomlPath): Position | undefined {
    const id = JSON.stringify(path)
    const inAnyCase = ([other]: [string, Position]): boolean =>
      other.toLowerCase() === id.toLowerCase()
    return this.#found.get(id) ?? [...this.#found].find(inAnyCase)?.[1]
  }
}

export function scanPositions(text: string): Positions {
  return new PositionScanner(text).document()
}

const blank = /(?:[ \t\r\n]|#[^\n]*)*/y
const spaces = /[ \t]*/y
const bareKey = /[A-Za-z0-9_-]+/y
const basicString = /"(?:[^"\\\n]|\\.)*"/y
const literalString = /'[^'\n]*'/y
// The content of a multi-line string may end in up to two quotes.
const multiBasic = /"""(?:[^\\]|\\[^])*?"""(?:"{0,2})/y
const multiLiteral = /'''[^]*?'''(?:'{0,2})/y
const scalar = /[^,\]}#\r\n]+/y

class PositionScanner {
  readonly #positions = new Positions()
  /** Number of elements so far in each array of tables. */
  readonly #counts = new Map<string, number>()
  #at = 0

  constructor(private readonly text: string) {}

  document(): Positions {
    let table: TomlPath = []
    for (;;) {
      this.#take(blank)
      const start = this.#at
      if (start >= this.text.length) return this.#positions
      const isArray = this.text.startsWith('[[', start)
      if (this.text[start] === '[') {
        this.#at += isArray ? 2 : 1
        const keys = this.#dottedKey()
        this.#at += isArray ? 2 : 1
        if (keys.length === 0) return this.#positions
        table = this.#header(keys, isArray, start)
      } else if (!this.#pair(table)) {
        return this.#positions
      }
    }
  }

  /** Returns the path of the table that a header opens. The name of an array of tables refers to its last element. */
  #header(keys: readonly string[], isArray: boolean, start: number): TomlPath {
    const position = { key: start, value: start }
    let path: TomlPath = []
    keys.forEach((key, i) => {
      path = [...path, key]
      const id = JSON.stringify(path)
      if (isArray && i === keys.length - 1) this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
      this.#positions.add(path, position)
      const count = this.#counts.get(id)
      if (count !== undefined) path = [...path, count - 1]
      this.#positions.add(path, position)
    })
    return path
  }

  /** Scans `key = value`. Returns false if the text has another form. */
  #pair(table: TomlPath): boolean {
    const key = this.#at
    const keys = this.#dottedKey()
    if (keys.length === 0 || this.text[this.#at] !== '=') return false
    this.#at++
    this.#take(spaces)
    const value = this.#at
    keys.forEach((_, i) => this.#positions.add([...table, ...keys.slice(0, i + 1)], { key, value }))
    return this.#value([...table, ...keys])
  }

  #dottedKey(): string[] {
    const keys: string[] = []
    for (;;) {
      this.#take(spaces)
      const key = this.#take(bareKey) ?? this.#quotedKey()
      if (key === undefined) return []
      keys.push(key)
      this.#take(spaces)
      if (this.text[this.#at] !== '.') return keys
      this.#at++
    }
  }

  #quotedKey(): string | undefined {
    const literal = this.#take(literalString)
    if (literal !== undefined) return literal.slice(1, -1)
    const basic = this.#take(basicString)?.slice(1, -1)
    return basic?.replace(/\\(?:u(.{4})|U(.{8})|x(..)|(.))/g, unescape)
  }

  #value(path: TomlPath): boolean {
    const open = this.text[this.#at]
    if (open === '[') return this.#array(path)
    if (open === '{') return this.#inlineTable(path)
    const patterns = [multiBasic, multiLiteral, basicString, literalString, scalar]
    return patterns.some((pattern) => this.#take(pattern) !== undefined)
  }

  #array(path: TomlPath): boolean {
    this.#at++
    for (let i = 0; ; i++) {
      this.#take(blank)
      if (this.#skip(']')) return true
      this.#positions.add([...path, i], { key: this.#at, value: this.#at })
      if (!this.#value([...path, i])) return false
      this.#take(blank)
      this.#skip(',')
    }
  }

  #inlineTable(path: TomlPath): boolean {
    this.#at++
    for (;;) {
      this.#take(blank)
      if (this.#skip('}')) return true
      if (!this.#pair(path)) return false
      this.#take(blank)
      this.#skip(',')
    }
  }

  #skip(char: string): boolean {
    if (this.text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.text)?.[0]
    if (found === undefined) return undefined
    this.#at += found.length
    return found
  }
}

const escapes: Record<string, string> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\x1b' }

function unescape(_: string, u4?: string, u8?: string, x?: string, char = ''): string {
  const code = u4 ?? u8 ?? x
  if (code === undefined) return escapes[char] ?? char
  return String.fromCodePoint(parseInt(code, 16))
}
