// Formats floats like fmt and strconv: %e %f %g %b %x, in the shortest form or with a precision, and with flags.
import { binary, shortest, toDigits, toPlaces, type Decimal } from './decimal.ts'
import { pad, padding, type Flags } from './flags.ts'

const withExponent = (exponent: number, letter: string, least: number): string =>
  `${letter}${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(least, '0')}`

function fixed({ digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  if (places === 0) return whole
  const fraction = point >= 0 ? digits.slice(point) : '0'.repeat(-point) + digits
  return `${whole}.${fraction.padEnd(places, '0').slice(0, places)}`
}

function scientific({ digits, point }: Decimal, places: number, letter: string): string {
  const fraction = digits.slice(1).padEnd(places, '0').slice(0, places)
  const mantissa = (digits[0] ?? '0') + (places > 0 ? `.${fraction}` : '')
  return mantissa + withExponent(digits === '' ? 0 : point - 1, letter, 2)
}

function general(value: number, precision: number | undefined, letter: string): string {
  const decimal =
    precision === undefined ? shortest(value) : toDigits(value, Math.max(1, precision))
  const count = decimal.digits.length
  const asked = precision === undefined ? 6 : Math.max(1, precision)
  const limit = precision !== undefined && asked > count && count >= decimal.point ? count : asked
  const exponent = decimal.point - 1
  if (exponent < -4 || exponent >= limit) {
    return scientific(decimal, Math.max(0, count - 1), letter)
  }
  return fixed(decimal, Math.max(0, count - decimal.point))
}

function hexadecimal(value: number, precision: number | undefined, upper: boolean): string {
  let { mantissa, exponent } = binary(value)
  if (mantissa !== 0n) {
    while (mantissa < 1n << 52n) {
      mantissa <<= 1n
      exponent--
    }
  }
  let power = mantissa === 0n ? 0 : exponent + 52
  if (precision !== undefined && precision < 13) {
    const drop = BigInt((13 - precision) * 4)
    const half = 1n << (drop - 1n)
    const rest = mantissa & ((1n << drop) - 1n)
    mantissa >>= drop
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++
    mantissa <<= drop
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n
      power++
    }
  }
  const lead = mantissa >> 52n
  const all = (mantissa & ((1n << 52n) - 1n)).toString(16).padStart(13, '0')
  const fraction =
    precision === undefined
      ? all.replace(/0+$/, '')
      : all.padEnd(precision, '0').slice(0, precision)
  const text = `0x${lead}${fraction === '' ? '' : `.${fraction}`}${withExponent(power, 'p', 2)}`
  return upper ? text.toUpperCase() : text
}

/** strconv.FormatFloat of a non-negative number; without a precision, the shortest form. */
function unsignedText(value: number, verb: string, precision: number | undefined): string {
  switch (verb) {
    case 'e':
    case 'E': {
      const decimal = precision === undefined ? shortest(value) : toDigits(value, precision + 1)
      return scientific(decimal, precision ?? Math.max(0, decimal.digits.length - 1), verb)
    }
    case 'f': {
      const decimal = precision === undefined ? shortest(value) : toPlaces(value, precision)
      return fixed(decimal, precision ?? Math.max(0, decimal.digits.length - decimal.point))
    }
    case 'b': {
      const { mantissa, exponent } = binary(value)
      return `${mantissa}p${exponent < 0 ? '' : '+'}${exponent}`
    }
    case 'x':
    case 'X':
      return hexadecimal(value, precision, verb === 'X')
    default:
      return general(value, precision, verb === 'G' ? 'E' : 'e')
  }
}

/** `%#g` keeps the trailing zeros and always prints a decimal point. */
function keepZeros(text: string, verb: string, precision: number | undefined): string {
  const hex = verb === 'x' || verb === 'X'
  const [, mantissa = '', tail = ''] =
    (hex ? /^(.*?)([pP].*)?$/ : /^(.*?)([eE].*)?$/).exec(text) ?? []
  let missing = 'gGx'.includes(verb) ? (precision ?? 6) : 0
  let counting = false
  for (const char of mantissa) {
    if (char === '.') continue
    if (char !== '0') counting = true
    if (counting) missing--
  }
  if (mantissa === '0') missing--
  const point = mantissa.includes('.') ? '' : '.'
  return mantissa + point + '0'.repeat(Math.max(0, missing)) + tail
}

/**
 * @param verb a verb for floats, or `v` for the default format
 * @returns null if the verb does not apply to floats
 */
export function formatFloat(value: number, verb: string, flags: Flags): string | null {
  if (!'vbgGxXfFeE'.includes(verb)) return null
  const real = verb === 'v' ? 'g' : verb === 'F' ? 'f' : verb
  const precision = flags.precision ?? ('feE'.includes(real) ? 6 : undefined)
  const negative = value < 0 || Object.is(value, -0)
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  if (!Number.isFinite(value)) {
    // An infinity always has a sign, unless the space flag replaces it.
    const text = Number.isNaN(value) ? sign + 'NaN' : `${sign || '+'}Inf`
    return pad(text, flags, false)
  }
  let text = unsignedText(Math.abs(value), real, precision)
  if (flags.sharp && real !== 'b') text = keepZeros(text, real, precision)
  if (sign !== '' && flags.zero && !flags.minus && flags.width !== undefined) {
    return sign + padding(flags, flags.width - text.length - 1) + text
  }
  return pad(sign + text, flags)
}
