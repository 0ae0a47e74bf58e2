// Go's fmt.Sprint, Sprintln and Sprintf: https://pkg.go.dev/fmt
import { encodeRune, runeAt } from '../utf8.ts'
import { Integer, typeOf, type Value } from '../values.ts'
import { noFlags, type Flags } from './flags.ts'
import { format } from './print.ts'

const plainFlags = noFlags()

/** A value as `%v` prints it. */
export const formatValue = (value: Value): string => format(value, 'v', plainFlags)

/** Spaces only between two values that are both no strings. */
export function sprint(args: readonly Value[]): string {
  let out = ''
  let afterString = true
  for (const arg of args) {
    const isString = typeof arg === 'string'
    if (!isString && !afterString) out += ' '
    out += isString ? arg : formatValue(arg)
    afterString = isString
  }
  return out
}

export const sprintln = (args: readonly Value[]): string => `${args.map(formatValue).join(' ')}\n`

/** Larger widths, precisions and argument numbers are none. */
const LARGEST = 1_000_000

/** What is wrong with a format and its arguments. */
export interface Complaint {
  readonly kind: 'verb' | 'missing' | 'extra' | 'format'
  /** Without its percent sign; a binary string. */
  readonly verb: string
  /** Which argument, counted from 0. */
  readonly at?: number
}

export interface FormatOptions {
  /** The argument as the verb has it. */
  readonly forVerb: (value: Value, verb: string) => Value
  /** Told of what Go would write into the text as `%!verb(...)`. */
  readonly refuse: (complaint: Complaint) => never
}

class Formatter {
  #at = 0
  #next = 0
  #reordered = false
  /** Where the next `]` is, as far as it was looked for; -1 when there is none any more. */
  #close = 0
  #goodIndex = true
  /** What was read last is an index such as `[3]`. */
  #afterIndex = false
  #flags: Flags = noFlags()
  #out = ''

  constructor(
    private readonly text: string,
    private readonly args: readonly Value[],
    private readonly options: FormatOptions | undefined,
  ) {}

  run(): string {
    while (this.#at < this.text.length) {
      const percent = this.text.indexOf('%', this.#at)
      if (percent < 0) {
        this.#out += this.text.slice(this.#at)
        break
      }
      this.#out += this.text.slice(this.#at, percent)
      this.#at = percent + 1
      this.#directive()
    }
    if (!this.#reordered && this.#next < this.args.length) {
      this.options?.refuse({ kind: 'extra', verb: '' })
      this.#out += this.#extra()
    }
    return this.#out
  }

  #directive(): void {
    this.#goodIndex = true
    this.#flags = noFlags()
    this.#afterIndex = false
    this.#readFlags()
    this.#readIndex()
    this.#readWidth()
    this.#readPrecision()
    if (!this.#afterIndex) this.#readIndex()
    if (this.#at >= this.text.length) {
      this.options?.refuse({ kind: 'format', verb: '' })
      this.#out += '%!(NOVERB)'
      return
    }
    const { rune, width } = runeAt(this.text, this.#at)
    this.#at += width
    this.#out += this.#verb(encodeRune(rune))
  }

  #verb(verb: string): string {
    if (verb === '%') return '%'
    if (!this.#goodIndex) {
      this.options?.refuse({ kind: 'format', verb })
      return `%!${verb}(BADINDEX)`
    }
    if (this.#next >= this.args.length) {
      this.options?.refuse({ kind: 'missing', verb })
      return `%!${verb}(MISSING)`
    }
    const flags = this.#flags
    if (verb === 'v') {
      flags.sharpV = flags.sharp
      flags.plusV = flags.plus
      flags.sharp = false
      flags.plus = false
    }
    const at = this.#next++
    const value = this.args[at]
    if (this.options === undefined) return format(value, verb, flags)
    const { forVerb, refuse } = this.options
    const text = format(forVerb(value, verb), verb, flags)
    // Of a list with one wrong item the mark is in the middle.
    if (typeof value !== 'string' || !'svqxX'.includes(verb)) {
      if (text.includes(`%!${verb}(`)) refuse({ kind: 'verb', verb, at })
    }
    return text
  }

  #readFlags(): void {
    for (;;) {
      switch (this.text[this.#at]) {
        case '#':
          this.#flags.sharp = true
          break
        case '0':
          this.#flags.zero = true
          break
        case '+':
          this.#flags.plus = true
          break
        case '-':
          this.#flags.minus = true
          break
        case ' ':
          this.#flags.space = true
          break
        default:
          return
      }
      this.#at++
    }
  }

  /** `[n]`: which argument comes next, counted from 1. */
  #readIndex(): void {
    this.#afterIndex = false
    if (this.text[this.#at] !== '[') return
    this.#reordered = true
    // A search that found nothing is not repeated at the next one.
    if (this.#close >= 0 && this.#close < this.#at) this.#close = this.text.indexOf(']', this.#at)
    const close = this.text.length - this.#at < 3 ? -1 : this.#close
    if (close < 0) {
      this.#goodIndex = false
      this.#at++
      return
    }
    const inside = this.text.slice(this.#at + 1, close)
    this.#at = close + 1
    const index = /^[0-9]+$/.test(inside) ? Number(inside) : 0
    this.#afterIndex = /^[0-9]+$/.test(inside) && index <= LARGEST
    if (this.#afterIndex && index >= 1 && index <= this.args.length) this.#next = index - 1
    else this.#goodIndex = false
  }

  #readNumber(): number | undefined {
    const start = this.#at
    let number = 0
    while (/[0-9]/.test(this.text.charAt(this.#at))) {
      // As in Go, a number that goes on behind its seventh digit swallows the rest of the format.
      if (number > LARGEST) {
        this.#at = this.text.length
        return undefined
      }
      number = number * 10 + Number(this.text[this.#at++])
    }
    return this.#at === start ? undefined : number
  }

  /** The argument that `*` stands for; undefined when it is no integer of a sensible size. */
  #readStar(): number | undefined {
    this.#at++
    this.#afterIndex = false
    if (this.#next >= this.args.length) return undefined
    const arg = this.args[this.#next++]
    const value = arg instanceof Integer ? arg.value : arg
    if (typeof value !== 'bigint' || value > LARGEST || value < -LARGEST) return undefined
    return Number(value)
  }

  #readWidth(): void {
    const flags = this.#flags
    if (this.text[this.#at] !== '*') {
      flags.width = this.#readNumber()
      if (this.#afterIndex && flags.width !== undefined) this.#goodIndex = false
      return
    }
    const width = this.#readStar()
    if (width === undefined) this.#bad('%!(BADWIDTH)')
    else if (width < 0) {
      flags.minus = true
      flags.zero = false
    }
    flags.width = width === undefined ? undefined : Math.abs(width)
  }

  #readPrecision(): void {
    if (this.text[this.#at] !== '.' || this.#at + 1 >= this.text.length) return
    this.#at++
    if (this.#afterIndex) this.#goodIndex = false
    this.#readIndex()
    if (this.text[this.#at] !== '*') {
      this.#flags.precision = this.#readNumber() ?? 0
      return
    }
    const precision = this.#readStar()
    if (precision === undefined || precision < 0) {
      this.#flags.precision = undefined
      this.#bad('%!(BADPREC)')
    } else this.#flags.precision = precision
  }

  #bad(mark: string): void {
    this.options?.refuse({ kind: 'format', verb: '*' })
    this.#out += mark
  }

  #extra(): string {
    const items = this.args
      .slice(this.#next)
      .map((arg) =>
        arg === null || arg === undefined ? '<nil>' : `${typeOf(arg).name}=${formatValue(arg)}`,
      )
    return `%!(EXTRA ${items.join(', ')})`
  }
}

/** @param options absent: what does not fit is written into the text, as in Go */
export const sprintf = (text: string, args: readonly Value[], options?: FormatOptions): string =>
  new Formatter(text, args, options).run()
