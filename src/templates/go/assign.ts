// Assigns a value to a parameter, by the rules of Go's reflection.
import { hintForType } from './hints.ts'
import { assignable, type Type } from './types.ts'
import { Pointer, Slice, typeName, typeOf, zeroOf, type Value } from './values.ts'

const NILABLE: ReadonlySet<string> = new Set([
  'func',
  'interface',
  'map',
  'pointer',
  'slice',
  'value',
])

export const canBeNil = (type: Type): boolean => NILABLE.has(type.kind)

/** Calls `fail` with Go's message, and perhaps a hint, if the value does not fit. */
export function assignTo(
  value: Value,
  type: Type,
  fail: (message: string, hint?: string) => never,
): Value {
  if (type.kind === 'value') return value
  if (value === undefined) {
    return canBeNil(type) ? zeroOf(type) : fail(`invalid value; expected ${type.name}`)
  }
  if (type.kind === 'interface') return value
  if (value === null) return fail(wrong(type, value))
  const own = typeOf(value)
  if (own === type) return value
  if (assignable(own, type)) {
    // A memkv.KVPairs value for a []memkv.KVPair parameter keeps its elements and takes the type of the parameter.
    return value instanceof Slice
      ? new Slice(type, value.array, value.from, value.length, value.capacity)
      : value
  }
  if (value instanceof Pointer && own.elem === type) {
    return value.elem ?? fail(`dereference of nil pointer of type ${type.name}`)
  }
  return fail(wrong(type, value), hintForType(type.name, typeName(value)))
}

const wrong = (type: Type, value: Value): string =>
  `wrong type for value; expected ${type.name}; got ${typeName(value)}`
