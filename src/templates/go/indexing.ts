// index, slice and len of strings (bytes), lists and maps.
import { isInteger, UINT8, type Type } from './types.ts'
import {
  CallError,
  GoMap,
  Integer,
  Slice,
  typeName,
  typeOf,
  zeroOf,
  type MapKey,
  type Value,
} from './values.ts'

function position(index: Value, limit: number): number {
  const value = index instanceof Integer ? index.value : index
  if (index === null || index === undefined) {
    throw new CallError('cannot index slice/array with nil')
  }
  if (typeof value !== 'bigint') {
    throw new CallError(`cannot index slice/array with type ${typeName(index)}`)
  }
  if (value < 0n || value > BigInt(limit)) throw new CallError(`index out of range: ${value}`)
  return Number(value)
}

/** Converts a key to the key type of the map. */
function keyFor(map: GoMap, key: Value): MapKey {
  const want = map.type.key as Type
  if (key === null || key === undefined) {
    throw new CallError(`value is nil; should be of type ${want.name}`)
  }
  const have = typeOf(key)
  if (have === want && typeof key !== 'object') return key
  if (isInteger(have) && isInteger(want)) {
    return BigInt.asIntN(64, key instanceof Integer ? key.value : (key as bigint))
  }
  throw new CallError(`value has type ${have.name}; should be ${want.name}`)
}

export function index(item: Value, indexes: readonly Value[]): Value {
  if (item === null || item === undefined) throw new CallError('index of untyped nil')
  let at: Value = item
  for (const one of indexes) {
    if (typeof at === 'string') {
      const i = position(one, at.length)
      if (i >= at.length) throw new CallError('reflect: string index out of range')
      at = new Integer(UINT8, BigInt(at.charCodeAt(i)))
    } else if (at instanceof Slice) {
      const i = position(one, at.length)
      if (i >= at.length) throw new CallError('reflect: slice index out of range')
      at = at.at(i)
    } else if (at instanceof GoMap) {
      const key = keyFor(at, one)
      const found: Value = at.entries?.get(key)
      at = found === undefined ? zeroOf(at.type.elem as Type) : found
    } else if (at === null || at === undefined) throw new CallError('index of nil pointer')
    else throw new CallError(`can't index item of type ${typeName(at)}`)
  }
  return at
}

export function slice(item: Value, indexes: readonly Value[]): Value {
  if (item === null || item === undefined) throw new CallError('slice of untyped nil')
  if (indexes.length > 3) throw new CallError(`too many slice indexes: ${indexes.length}`)
  const isString = typeof item === 'string'
  if (!isString && !(item instanceof Slice)) {
    throw new CallError(`can't slice item of type ${typeName(item)}`)
  }
  if (isString && indexes.length === 3) throw new CallError('cannot 3-index slice a string')
  const capacity = isString ? item.length : item.capacity
  const given = indexes.map((one) => position(one, capacity))
  const [from = 0, to = item.length, limit = capacity] = given
  if (from > to) throw new CallError(`invalid slice index: ${from} > ${to}`)
  if (to > limit) throw new CallError(`invalid slice index: ${to} > ${limit}`)
  if (isString) return item.slice(from, to)
  return new Slice(item.type, item.array, item.from + from, to - from, limit - from)
}

export function len(item: Value): bigint {
  if (typeof item === 'string' || item instanceof Slice || item instanceof GoMap) {
    return BigInt(item.length)
  }
  if (item === null) throw new CallError('len of nil pointer')
  if (item === undefined) throw new CallError('len of nil')
  throw new CallError(`len of type ${typeName(item)}`)
}
