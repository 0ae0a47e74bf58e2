// Natural order: compares numbers in strings by value, and the rest by bytes.
import { compareText } from '../../core/key.ts'

const PIECES = /[0-9]+|[^0-9]+/g

/** Compares naturally. Strings that differ only in leading zeros are compared by bytes. */
export function naturally(a: string, b: string): number {
  const [left, right] = [a.match(PIECES) ?? [], b.match(PIECES) ?? []]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = pieces(left[i] as string, right[i] as string)
    if (order !== 0) return order
  }
  return left.length - right.length || compareText(a, b)
}

function pieces(a: string, b: string): number {
  if (!/^[0-9]/.test(a) || !/^[0-9]/.test(b)) return compareText(a, b)
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return x.length - y.length || compareText(x, y)
}
