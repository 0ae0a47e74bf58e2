// The Go types that templates can encounter, for `printf "%T"`, `eq`, and the parameters of functions. Equal types are
// the same object.

export type Kind =
  | 'bool'
  | 'int'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'float64'
  | 'complex128'
  | 'string'
  | 'slice'
  | 'map'
  | 'struct'
  | 'pointer'
  | 'func'
  | 'interface'
  | 'value'

export interface Type {
  readonly kind: Kind
  /** The name that `%T` prints, such as `[]string` or `memkv.KVPair`. */
  readonly name: string
  /** The element type of a slice, map or pointer. */
  readonly elem?: Type
  /** The key type of a map. */
  readonly key?: Type
  /** The exported fields of a struct, in order. */
  readonly fields?: readonly Field[]
  /** The index of each field of a struct. */
  readonly places?: ReadonlyMap<string, number>
  /** The signature of a func. */
  readonly signature?: Signature
  /** The String method of a defined integer type, such as `time.Month`. */
  readonly text?: (value: bigint) => string
  /** Whether this is a defined type such as `memkv.KVPairs`, which differs from its underlying type. */
  readonly named: boolean
}

export interface Field {
  readonly name: string
  readonly type: Type
}

export interface Signature {
  readonly params: readonly Type[]
  /** Whether the last parameter takes any number of arguments. */
  readonly variadic: boolean
  readonly result: Type
}

const basic = (kind: Kind, name: string = kind): Type => ({ kind, name, named: true })

export const BOOL = basic('bool')
export const INT = basic('int')
export const INT64 = basic('int64')
export const UINT8 = basic('uint8')
export const UINT16 = basic('uint16')
export const FLOAT64 = basic('float64')
export const COMPLEX128 = basic('complex128')
export const STRING = basic('string')
/** `interface {}`: accepts every value. */
export const ANY: Type = basic('interface', 'interface {}')
/** `reflect.Value`: a parameter that accepts even "no value". */
export const VALUE: Type = basic('value', 'reflect.Value')

/** Composite types by name, so that equal types are the same object. */
const composites = new Map<string, Type>()

function composite(type: Type): Type {
  const known = composites.get(type.name)
  if (known !== undefined) return known
  composites.set(type.name, type)
  return type
}

export const sliceOf = (elem: Type): Type =>
  composite({ kind: 'slice', name: `[]${elem.name}`, elem, named: false })

export const mapOf = (key: Type, elem: Type): Type =>
  composite({ kind: 'map', name: `map[${key.name}]${elem.name}`, key, elem, named: false })

export const pointerTo = (elem: Type): Type =>
  composite({ kind: 'pointer', name: `*${elem.name}`, elem, named: false })

export function funcOf(params: readonly Type[], result: Type, variadic = false): Type {
  const list = params.map((type, i) =>
    variadic && i === params.length - 1 ? `...${type.name}` : type.name,
  )
  const name = `func(${list.join(', ')}) ${result.name}`
  return composite({
    kind: 'func',
    name,
    signature: { params, variadic, result },
    named: false,
  })
}

export const structOf = (name: string, fields: readonly Field[]): Type => ({
  kind: 'struct',
  name,
  fields,
  places: new Map(fields.map((field, i) => [field.name, i])),
  named: true,
})

/** A defined type and its underlying type, such as `time.Month` and `int`. */
export const definedType = (name: string, under: Type, text?: (value: bigint) => string): Type => ({
  ...under,
  name,
  named: true,
  ...(text === undefined ? {} : { text }),
})

export const ANY_SLICE = sliceOf(ANY)
export const STRINGS = sliceOf(STRING)
export const INTS = sliceOf(INT)
export const ANY_MAP = mapOf(STRING, ANY)
export const KV_PAIR = structOf('memkv.KVPair', [
  { name: 'Key', type: STRING },
  { name: 'Value', type: STRING },
])
/** `[]memkv.KVPair`: the parameter type of confd's functions on pairs. */
export const KV_PAIR_SLICE = sliceOf(KV_PAIR)
/** The result type of `gets`: assignable to `[]memkv.KVPair`, but not the same type. */
export const KV_PAIRS = definedType('memkv.KVPairs', KV_PAIR_SLICE)

/**
 * Go's assignability: the same type, anything to an interface, or an unnamed type to a named one with the same form.
 */
export function assignable(from: Type, to: Type): boolean {
  if (from === to || to.kind === 'interface' || to.kind === 'value') return true
  if (from.kind !== to.kind || (from.named && to.named)) return false
  return from.elem === to.elem && from.key === to.key && from.signature === to.signature
}

export const isInteger = (type: Type): boolean => /^u?int/.test(type.kind)

export const isUnsigned = (type: Type): boolean => type.kind.startsWith('uint')

/** Whether Go's `==` applies to a type. */
export function comparable(type: Type): boolean {
  if (type.kind === 'slice' || type.kind === 'map' || type.kind === 'func') return false
  return type.fields?.every((field) => comparable(field.type)) ?? true
}
