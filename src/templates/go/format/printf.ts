// Go's fmt.Sprint, Sprintln and Sprintf: https://pkg.go.dev/fmt
import { encodeRune, runeAt } from '../utf8.ts'
import { Integer, typeOf, type Value } from '../values.ts'
import { noFlags, type Flags } from './flags.ts'
import { format } from './print.ts'

const plainFlags = noFlags()

/** Formats a value with `%v`. */
export const formatValue = (value: Value): string => format(value, 'v', plainFlags)

/** Adds a space between two values if neither is a string. */
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

/** Maximum width, precision and argument number. */
const LARGEST = 1_000_000

/** A mistake in a format or its arguments. */
export interface Complaint {
  readonly kind: 'verb' | 'missing' | 'extra' | 'format'
  /** The verb without its percent sign; a binary string. */
  readonly verb: string
  /** The index of the argument. */
  readonly at?: number
}

export interface FormatOptions {
  /** Converts an argument for a verb. */
  readonly forVerb: (value: Value, verb: string) => Value
  /** Called for a mistake, where Go writes `%!verb(...)` into the text. */
  readonly refuse: (complaint: Complaint) => never
}

class Formatter {
  #at = 0
  #next = 0
  #reordered = false
  /** The position of the next `]`, as of the last search; -1 if there is none. */
  #close = 0
  #goodIndex = true
  /** Whether the last token was an index such as `[3]`. */
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
    // In a list with one wrong item, the mark `%!` is in the middle of the text.
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

  /** Reads `[n]`, the number of the next argument, counted from 1. */
  #readIndex(): void {
    this.#afterIndex = false
    if (this.text[this.#at] !== '[') return
    this.#reordered = true
    // A failed search is not repeated.
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
      // As in Go, a number that is too large ends the format.
      if (number > LARGEST) {
        this.#at = this.text.length
        return undefined
      }
      number = number * 10 + Number(this.text[this.#at++])
    }
    return this.#at === start ? undefined : number
  }

  /** The argument for `*`; undefined if it is not an integer within the limit. */
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

/** @param options if absent, mistakes are written into the text, as in Go */
export const sprintf = (text: string, args: readonly Value[], options?: FormatOptions): string =>
  new Formatter(text, args, options).run()
