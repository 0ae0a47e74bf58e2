// Go's regular expressions (RE2 syntax, https://github.com/google/re2/wiki/Syntax) as JavaScript's.
// Matching is leftmost-first in both. What RE2 refuses is refused with Go's message.
import { readClass, readLiteral } from './classes.ts'
import { Cursor, Re2Error } from './cursor.ts'

/** Groups in groups, as in Go. */
const MAX_DEPTH = 1000
/** How often something may be repeated by counts, those inside of it included, as in Go. */
const MAX_REPEAT = 1000

interface Flags {
  readonly i: boolean
  readonly m: boolean
  readonly s: boolean
  readonly U: boolean
}

interface Group {
  readonly flags: Flags
  /** Where it begins in the output, and in the pattern. */
  readonly start: number
  readonly from: number
}

export interface Translated {
  readonly regexp: RegExp
  /** The numbers of the groups of a name: RE2 lets several have the same. */
  readonly names: ReadonlyMap<string, readonly number[]>
}

export function translate(pattern: string): Translated {
  const translator = new Translator(new Cursor(pattern))
  const source = translator.translate()
  try {
    return { regexp: new RegExp(source, 'v'), names: translator.names }
  } catch {
    throw new Re2Error('expression too large')
  }
}

class Translator {
  #out = ''
  #flags: Flags = { i: false, m: false, s: false, U: false }
  readonly #groups: Group[] = []
  readonly names = new Map<string, number[]>()
  #captures = 0
  /** Where the last item begins in the output; -1 when there is nothing that could be repeated. */
  #item = -1
  /** Whether that item is a repetition. */
  #quantified = false
  /** Where in the pattern the repetition begins that stands right before the cursor; -1: none does. */
  #repeated = -1
  /** The product of the nested counts from an offset of the output on. */
  readonly #counts: { start: number; count: number }[] = []

  constructor(private readonly cursor: Cursor) {}

  translate(): string {
    const { cursor } = this
    while (!cursor.atEnd) {
      const repeated = this.#repeated
      this.#repeated = -1
      this.#next(repeated)
    }
    if (this.#groups.length > 0) cursor.fail('missing closing )')
    return this.#out
  }

  #next(repeated: number): void {
    const { cursor } = this
    switch (cursor.char) {
      case '(':
        return this.#open()
      case ')':
        return this.#close()
      case '|':
        cursor.take()
        this.#out += '|'
        this.#item = -1
        return
      case '[':
        return this.#put(readClass(cursor, this.#flags.i) ?? '')
      case '.':
        cursor.take()
        return this.#put(this.#flags.s ? '[\\s\\S]' : '[^\\n]')
      case '^':
        cursor.take()
        return this.#put(this.#flags.m ? '(?:(?<=^|\\n))' : '(?:^)')
      case '$':
        cursor.take()
        return this.#put(this.#flags.m ? '(?:(?=\\n|$))' : '(?:$)')
      case '*':
      case '+':
      case '?':
      case '{':
        return this.#repeat(repeated)
      case '\\':
        return this.#escape()
    }
    this.#literal(cursor.take())
  }

  #put(source: string): void {
    this.#item = this.#out.length
    this.#quantified = false
    this.#out += source
  }

  #literal(code: number): void {
    this.#put(readLiteral(code, this.#flags.i))
  }

  #repeat(repeated: number): void {
    const { cursor } = this
    const from = cursor.at
    const found = cursor.match(/[*+?]|\{(0|[1-9]\d*)(?:(,)(0|[1-9]\d*)?)?\}/y)
    if (found === null) return this.#literal(cursor.take())
    const [operator, least, comma, most = comma === undefined ? least : undefined] = found
    const lazy = cursor.match(/\?/y) !== null
    if (this.#item < 0) cursor.fail('missing argument to repetition operator', from)
    if (repeated >= 0) cursor.fail('invalid nested repetition operator', repeated)
    if (least !== undefined) this.#count(Number(least), most, from)
    // Behind flags without a group, as in a*(?i)*, a repetition is repeated once more.
    if (this.#quantified) this.#wrap()
    this.#out += operator + (lazy !== this.#flags.U ? '?' : '')
    this.#quantified = true
    this.#repeated = from
  }

  #wrap(): void {
    this.#out = `${this.#out.slice(0, this.#item)}(?:${this.#out.slice(this.#item)})`
  }

  #count(least: number, most: string | undefined, from: number): void {
    const upper = most === undefined ? least : Number(most)
    if (least > MAX_REPEAT || upper > MAX_REPEAT || upper < least) {
      this.cursor.fail('invalid repeat count', from)
    }
    let inner = 1
    while ((this.#counts.at(-1)?.start ?? -1) >= this.#item) {
      inner = Math.max(inner, this.#counts.pop()?.count ?? 1)
    }
    const count = inner * upper
    if (count > MAX_REPEAT) this.cursor.fail('invalid repeat count', from)
    this.#counts.push({ start: this.#item, count })
  }

  #open(): void {
    const { cursor } = this
    const from = cursor.at
    const name = cursor.match(/\(\?P?<([A-Za-z0-9_]+)>/y)?.[1]
    if (name !== undefined) {
      this.names.set(name, [...(this.names.get(name) ?? []), this.#captures + 1])
      return this.#capture(from)
    }
    const flagged = cursor.match(/\(\?([imsU]*)(?:-([imsU]+))?([:)])/y)
    if (flagged !== null) {
      const [, on = '', off = '', end] = flagged
      if (end === ':') this.#enter('(?:', from)
      const set = (flag: keyof Flags): boolean =>
        !off.includes(flag) && (on.includes(flag) || this.#flags[flag])
      this.#flags = { i: set('i'), m: set('m'), s: set('s'), U: set('U') }
      return
    }
    if (cursor.match(/\(\?P?<[^>]*>?/y) !== null) cursor.fail('invalid named capture', from)
    if (cursor.match(/\(\?(?:P|[imsU]*-?[imsU]*.?)/suy) !== null) {
      cursor.fail('invalid or unsupported Perl syntax', from)
    }
    cursor.take()
    this.#capture(from)
  }

  #capture(from: number): void {
    this.#captures++
    this.#enter('(', from)
  }

  #enter(source: string, from: number): void {
    if (this.#groups.length === MAX_DEPTH)
      this.cursor.fail('expression nests too deeply', 0, this.cursor.pattern.length)
    this.#groups.push({ flags: this.#flags, start: this.#out.length, from })
    this.#out += source
    this.#item = -1
  }

  #close(): void {
    const group = this.#groups.pop()
    if (group === undefined) this.cursor.fail('unexpected )', 0, this.cursor.pattern.length)
    this.cursor.take()
    this.#flags = group.flags
    this.#out += ')'
    this.#item = group.start
    this.#quantified = false
  }

  #escape(): void {
    const { cursor } = this
    const assertion = cursor.match(/\\([AzbB])/y)?.[1]
    if (assertion !== undefined) return this.#put(`(?:${ASSERTIONS[assertion] ?? ''})`)
    const quoted = cursor.match(/\\Q(.*?)(?:\\E|$)/sy)?.[1]
    if (quoted !== undefined) {
      for (const char of quoted) this.#literal(char.codePointAt(0) ?? 0)
      return
    }
    const set = readClass(cursor, this.#flags.i)
    if (set === undefined) this.#literal(cursor.escaped())
    else this.#put(set)
  }
}

const ASSERTIONS: Readonly<Record<string, string>> = { A: '^', z: '$', b: '\\b', B: '\\B' }
