// Parses the literals of Go templates: strings, characters, and numbers in all of Go's forms.
import type { NumberForms } from './nodes.ts'
import { encodeRune, runeAt } from './utf8.ts'

/** An invalid literal, with Go's message. */
export class LiteralError extends Error {}

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
}
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

interface Char {
  readonly code: number
  /** Whether the character is a single byte, written as `\xff` or `\377`. Other characters are encoded as UTF-8. */
  readonly isByte: boolean
  readonly next: number
}

function unquoteChar(text: string, at: number, quote: string): Char {
  const char = text[at] ?? ''
  if (char === '' || char === quote) throw new LiteralError('invalid syntax')
  if (char !== '\\') {
    const { rune, width } = runeAt(text, at)
    return { code: rune, isByte: false, next: at + width }
  }
  const escape = text[at + 1] ?? ''
  const simple = escape === quote ? quote.charCodeAt(0) : ESCAPES[escape]
  if (simple !== undefined) return { code: simple, isByte: false, next: at + 2 }
  const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4))
  if (octal !== null) return { code: parseInt(octal[0], 8), isByte: true, next: at + 4 }
  const length = HEX_DIGITS[escape] ?? 0
  const digits = text.slice(at + 2, at + 2 + length)
  if (length === 0 || digits.length < length || /[^0-9a-fA-F]/.test(digits)) {
    throw new LiteralError('invalid syntax')
  }
  const code = parseInt(digits, 16)
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    throw new LiteralError('invalid syntax')
  }
  return { code, isByte: escape === 'x', next: at + 2 + length }
}

/** The value of `"..."` or a raw string, like strconv.Unquote. */
export function unquote(source: string): string {
  if (source.startsWith('`')) return source.slice(1, -1).replaceAll('\r', '')
  const end = source.length - 1
  let out = ''
  for (let at = 1; at < end;) {
    const char = unquoteChar(source, at, '"')
    out += char.isByte ? String.fromCharCode(char.code) : encodeRune(char.code)
    at = char.next
  }
  return out
}

/** Parses a character constant, which is a number of any type: int, uint or float. */
export function characterConstant(source: string): NumberForms {
  const { code, next } = unquoteChar(source, 1, "'")
  if (next !== source.length - 1) {
    throw new LiteralError(`malformed character constant: ${source}`)
  }
  return { int: BigInt(code), uint: BigInt(code), float: code }
}

const MAX_INT = 2n ** 63n - 1n
const MIN_INT = -(2n ** 63n)
const MAX_UINT = 2n ** 64n - 1n

// Underscores are allowed between digits, and between a base prefix and a digit.
const INTEGER =
  /^(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/

/** Parses an unsigned integer literal of any base. Returns undefined for any other text. */
function parseUnsigned(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined
  const digits = text.replaceAll('_', '')
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`)
  return BigInt(digits)
}

function parseSigned(text: string): bigint | undefined {
  const negative = text.startsWith('-')
  const size = parseUnsigned(/^[+-]/.test(text) ? text.slice(1) : text)
  if (size === undefined) return undefined
  const value = negative ? -size : size
  return value >= MIN_INT && value <= MAX_INT ? value : undefined
}

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/
const HEX_FLOAT = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)$/

function parseFloatText(text: string): number | undefined {
  const isHex = /^[+-]?0[xX]/.test(text)
  // Underscores are allowed between digits, and after a hexadecimal prefix.
  const separator = isHex ? /(?<=[0-9a-fA-FxX])_(?=[0-9a-fA-F])/g : /(?<=[0-9])_(?=[0-9])/g
  const plain = text.replace(separator, '')
  if (DECIMAL.test(plain)) {
    const value = Number(plain)
    return Number.isFinite(value) ? value : undefined
  }
  const hex = HEX_FLOAT.exec(plain)
  if (hex === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = hex
  if (whole + fraction === '') return undefined
  const value = scaled(BigInt(`0x${whole}${fraction}`), Number(exponent) - 4 * fraction.length)
  return Number.isFinite(value) ? (sign === '-' ? -value : value) : undefined
}

/** Returns mantissa * 2^exponent, rounded once, half to even. Denormal numbers have fewer than 53 bits. */
function scaled(mantissa: bigint, exponent: number): number {
  if (mantissa === 0n) return 0
  const bits = mantissa.toString(2).length
  if (exponent + bits > 1024) return Infinity
  const drop = Math.max(bits - 53, -1074 - exponent)
  if (drop <= 0) return Number(mantissa) * 2 ** exponent
  if (drop > bits) return 0
  const half = 1n << BigInt(drop - 1)
  const rest = mantissa & ((1n << BigInt(drop)) - 1n)
  let kept = mantissa >> BigInt(drop)
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept++
  return Number(kept) * 2 ** (exponent + drop)
}

/** Returns the float and, if it is a whole number that fits into 64 bits, also the integer. */
function floatForms(value: number): NumberForms {
  const whole = Number.isInteger(value) ? BigInt(value) : undefined
  return {
    float: value,
    ...(whole !== undefined && whole >= MIN_INT && whole <= MAX_INT ? { int: whole } : {}),
    ...(whole !== undefined && whole >= 0n && whole <= MAX_UINT ? { uint: whole } : {}),
  }
}

const complexForms = (real: number, imaginary: number): NumberForms => ({
  complex: { real, imaginary },
  ...(imaginary === 0 ? floatForms(real) : {}),
})

/** Parses a complex literal such as `1+2i`. */
export function complexConstant(source: string): NumberForms {
  const split = /^(.*?[^eEpP])([+-].*)i$/.exec(source)
  const real = parseFloatText(split?.[1] ?? '')
  const imaginary = parseFloatText(split?.[2] ?? '')
  if (real === undefined || imaginary === undefined)
    throw new LiteralError('syntax error scanning complex number')
  return complexForms(real, imaginary)
}

export function numberConstant(source: string): NumberForms {
  if (source.endsWith('i')) {
    const imaginary = parseFloatText(source.slice(0, -1))
    if (imaginary !== undefined) return complexForms(0, imaginary)
  }
  const int = parseSigned(source)
  const unsigned = parseUnsigned(source)
  const uint = unsigned !== undefined && unsigned <= MAX_UINT ? unsigned : undefined
  if (int !== undefined) {
    const asUint = int === 0n ? 0n : uint
    return { int, float: Number(int), ...(asUint === undefined ? {} : { uint: asUint }) }
  }
  if (uint !== undefined) return { uint, float: Number(uint) }
  const float = parseFloatText(source)
  if (float === undefined) throw new LiteralError(`illegal number syntax: "${source}"`)
  if (!/[.eEpP]/.test(source)) throw new LiteralError(`integer overflow: "${source}"`)
  return floatForms(float)
}
