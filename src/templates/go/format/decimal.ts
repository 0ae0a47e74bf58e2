// The exact decimal digits of a float64, rounded half to even as in strconv. (JavaScript's toFixed rounds exact halves
// up.)

export interface Decimal {
  /** Significant digits without trailing zeros; empty for zero. */
  readonly digits: string
  /** The position of the decimal point: the value is 0.digits times 10 to this power. */
  readonly point: number
}

/** Splits a positive finite number into an integer mantissa and a power of two. */
export function binary(value: number): { mantissa: bigint; exponent: number } {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const raw = bits.getBigUint64(0)
  const biased = Number((raw >> 52n) & 0x7ffn)
  const fraction = raw & 0xfffffffffffffn
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | 0x10000000000000n, exponent: biased - 1075 }
}

/** Returns value * 10^power, rounded to an integer, half to even. */
function scaled(value: number, power: number): bigint {
  const { mantissa, exponent } = binary(value)
  let top = mantissa
  let bottom = 1n
  if (power >= 0) top *= 10n ** BigInt(power)
  else bottom *= 10n ** BigInt(-power)
  if (exponent >= 0) top <<= BigInt(exponent)
  else bottom <<= BigInt(-exponent)
  const quotient = top / bottom
  const twice = (top % bottom) * 2n
  const up = twice > bottom || (twice === bottom && (quotient & 1n) === 1n)
  return up ? quotient + 1n : quotient
}

const trimmed = (digits: string, point: number): Decimal => {
  const kept = digits.replace(/0+$/, '')
  return kept === '' ? { digits: '', point: 0 } : { digits: kept, point }
}

/** The fewest digits that identify the number. */
export function shortest(value: number): Decimal {
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  return trimmed(digits.replace('.', ''), Number(exponent) + 1)
}

/** No double has digits below 10^-1074; all further digits are zeros. */
const DEEPEST = 1100

/** Rounds to the given number of decimal places. */
export function toPlaces(value: number, places: number): Decimal {
  const power = Math.min(places, DEEPEST)
  const digits = scaled(value, power).toString()
  return trimmed(digits, digits.length - power)
}

/** Rounds to the given number of significant digits, at least one. */
export function toDigits(value: number, count: number): Decimal {
  if (value === 0) return { digits: '', point: 0 }
  const wanted = Math.min(count, DEEPEST)
  let exponent = Number(value.toExponential().split('e')[1])
  let digits = scaled(value, wanted - 1 - exponent).toString()
  // The estimate from the shortest digits may be one too high: 1e23 is the shortest form of a number below 10^23.
  if (digits.length < wanted) digits = scaled(value, wanted - 1 - --exponent).toString()
  return trimmed(digits, exponent + 1 + digits.length - wanted)
}
