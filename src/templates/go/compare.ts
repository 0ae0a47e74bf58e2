// eq, ne, lt, le, gt, ge with Go's typing: an int is never compared with a float or a string.
import { hintForComparison } from './hints.ts'
import { comparable, isUnsigned, type Type } from './types.ts'
import {
  CallError,
  Complex,
  Func,
  GoMap,
  Integer,
  Opaque,
  Pointer,
  Slice,
  Struct,
  typeName,
  typeOf,
  type Value,
} from './values.ts'

type Basic = 'bool' | 'complex' | 'int' | 'float' | 'string' | 'uint'

function basicKind(value: Value): Basic | null {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'float'
    case 'string':
      return 'string'
  }
  if (value instanceof Integer) return isUnsigned(value.type) ? 'uint' : 'int'
  return value instanceof Complex ? 'complex' : null
}

/** Unwraps an `Integer`, because signed and unsigned integers are compared by value. */
const bare = (value: Value): Value => (value instanceof Integer ? value.value : value)

const isWhole = (kind: Basic | null): boolean => kind === 'int' || kind === 'uint'

const isNil = (value: Value): boolean =>
  value === null ||
  value === undefined ||
  (value instanceof Slice && value.array === null) ||
  (value instanceof GoMap && value.entries === null) ||
  (value instanceof Pointer && value.elem === null)

/** Go's `==` on two values of any type. */
function identical(a: Value, b: Value): boolean {
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b)
  if (typeName(a) !== typeName(b)) return false
  if (a instanceof Struct && b instanceof Struct) {
    return a.values.every((value, i) => identical(value, b.values[i]))
  }
  if (a instanceof Complex && b instanceof Complex) {
    return a.real === b.real && a.imaginary === b.imaginary
  }
  if (a instanceof Opaque && b instanceof Opaque) return a.identity() === b.identity()
  if (a instanceof Pointer && b instanceof Pointer) return a.elem === b.elem
  return bare(a) === bare(b)
}

function kindOfComposite(value: Value): Type['kind'] | null {
  return value === null || value === undefined ? null : typeOf(value).kind
}

function equals(a: Value, b: Value): boolean {
  const [x, y] = [basicKind(a), basicKind(b)]
  if (x === null && y === null) {
    const [k, l] = [kindOfComposite(a), kindOfComposite(b)]
    if (k !== null && l !== null && k !== l) {
      throw new CallError(`non-comparable types ${typeName(a)}, ${typeName(b)}`)
    }
    if (isNil(a) || isNil(b)) return isNil(a) && isNil(b)
    if (b instanceof Func || !comparable(typeOf(b as Struct))) {
      throw new CallError(`non-comparable type ${typeName(b)}`)
    }
    return identical(a, b)
  }
  if (x === y || (isWhole(x) && isWhole(y))) {
    return a instanceof Complex ? identical(a, b) : bare(a) === bare(b)
  }
  if (a === null || a === undefined || b === null || b === undefined) return false
  throw new CallError('incompatible types for comparison', hintForComparison(x, y))
}

export function eq(first: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw new CallError('missing argument for comparison')
  return others.some((other) => equals(first, other))
}

export function lt(a: Value, b: Value): boolean {
  const [x, y] = [basicKind(a), basicKind(b)]
  if (x === null || y === null) throw new CallError('invalid type for comparison')
  if (x !== y && !(isWhole(x) && isWhole(y))) {
    throw new CallError('incompatible types for comparison', hintForComparison(x, y))
  }
  if (x === 'bool' || x === 'complex') throw new CallError('invalid type for comparison')
  return (bare(a) as number) < (bare(b) as number)
}

export const le = (a: Value, b: Value): boolean => lt(a, b) || eq(a, [b])
