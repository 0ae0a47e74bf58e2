// Go values in JavaScript, in a representation with Go's behaviour:
//   string   a "binary" string, one character per byte of UTF-8: len, slice, index and order are those of Go
//   int      bigint; the other integer types are `Integer`, which contains its type
//   float64  number
//   bool     boolean
//   nil      `null` is a nil interface (a null of JSON), `undefined` is "no value"
// Every other value is an object that contains its Go type.
import {
  ANY_MAP,
  ANY_SLICE,
  BOOL,
  COMPLEX128,
  FLOAT64,
  INT,
  KV_PAIR,
  STRING,
  type Type,
} from './types.ts'
import { joined } from '../../core/matches.ts'
import { toBinary } from '../bytes.ts'
import { MAX_DEPTH } from '../functions/json.ts'

export type Value =
  | string
  | bigint
  | number
  | boolean
  | null
  | undefined
  | Integer
  | Complex
  | Slice
  | GoMap
  | Struct
  | Pointer
  | Func
  | Opaque

/** An integer of a type other than `int`, such as a byte of a string, a month or nanoseconds. */
export class Integer {
  constructor(
    readonly type: Type,
    readonly value: bigint,
  ) {}
}

export class Complex {
  readonly type = COMPLEX128
  constructor(
    readonly real: number,
    readonly imaginary: number,
  ) {}
}

/** A window on an array, as in Go: the result of `slice` shares the array with its argument. */
export class Slice {
  constructor(
    readonly type: Type,
    /** The shared array; null for a nil slice. */
    readonly array: Value[] | null,
    readonly from = 0,
    readonly length = array?.length ?? 0,
    readonly capacity = length,
  ) {}

  at(index: number): Value {
    return this.array?.[this.from + index]
  }

  set(index: number, value: Value): void {
    if (this.array === null) return
    this.array[this.from + index] = value
    runsOf.delete(this.array)
  }

  /** The lists from which the slice was made; see sliceOfRuns(). */
  get runs(): readonly (readonly Value[])[] | undefined {
    const { array, from, length } = this
    const isWhole = from === 0 && length === array?.length
    return array !== null && isWhole ? runsOf.get(array) : undefined
  }

  items(): readonly Value[] {
    if (this.array === null) return []
    return this.from === 0 && this.length === this.array.length
      ? this.array
      : this.array.slice(this.from, this.from + this.length)
  }
}

/** The runs of each array that has not changed since sliceOfRuns() created it. */
const runsOf = new WeakMap<Value[], readonly (readonly Value[])[]>()

/** Creates a slice of the items of several immutable lists (runs). A result that depends on one run can be cached. */
export function sliceOfRuns(type: Type, runs: readonly (readonly Value[])[]): Slice {
  const array = joined(runs)
  runsOf.set(array, runs)
  return new Slice(type, array)
}

export type MapKey = string | bigint | number | boolean

export class GoMap {
  constructor(
    readonly type: Type,
    /** Null for a nil map. */
    readonly entries: ReadonlyMap<MapKey, Value> | null,
  ) {}

  get length(): number {
    return this.entries?.size ?? 0
  }

  /** The keys in Go's order for `range` and printing. */
  sortedKeys(): MapKey[] {
    return [...(this.entries?.keys() ?? [])].sort(compareKeys)
  }
}

/** NaN first, false before true; all keys of a map have one type. */
function compareKeys(a: MapKey, b: MapKey): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : -1
  if (Number.isNaN(b)) return 1
  return a < b ? -1 : a > b ? 1 : 0
}

export class Struct {
  constructor(
    readonly type: Type,
    readonly values: readonly Value[],
  ) {}
}

export class Pointer {
  constructor(
    readonly type: Type,
    /** Null for a nil pointer. */
    readonly elem: Struct | null,
  ) {}
}

/** The implementation of a function. Throws a `CallError` for an error result. */
export type Call = (args: readonly Value[]) => Value

export class Func {
  constructor(
    readonly type: Type,
    readonly call: Call,
  ) {}
}

/** A value with methods and a text form, but without visible fields, such as time.Time. */
export abstract class Opaque {
  abstract readonly type: Type
  /** The result of Go's String method. */
  abstract text(): string
  abstract method(name: string): Func | undefined
  /** The names of the methods, for messages. */
  get members(): readonly string[] {
    return []
  }
  /** Equal for values that are equal by Go's `==`. */
  abstract identity(): string
  /** The result of the MarshalJSON method, if the type has one. */
  json?(): string
}

/** The error result of a function: becomes `error calling name: message`. */
export class CallError extends Error {
  constructor(
    message: string,
    readonly hint?: string,
  ) {
    super(message)
  }
}

export function typeOf(value: Exclude<Value, null | undefined>): Type {
  switch (typeof value) {
    case 'string':
      return STRING
    case 'bigint':
      return INT
    case 'number':
      return FLOAT64
    case 'boolean':
      return BOOL
    default:
      return value.type
  }
}

/** The name of the type of a value that may be nil, for messages. */
export const typeName = (value: Value): string =>
  value === null || value === undefined ? 'interface {}' : typeOf(value).name

/** Whether a value is true in Go: it is neither zero nor empty. A struct is always true. */
export function isTrue(value: Value): boolean {
  switch (typeof value) {
    case 'boolean':
      return value
    case 'string':
      return value.length > 0
    case 'bigint':
      return value !== 0n
    case 'number':
      return value !== 0
    case 'undefined':
      return false
    default:
      if (value === null) return false
      if (value instanceof Slice || value instanceof GoMap) return value.length > 0
      if (value instanceof Integer) return value.value !== 0n
      if (value instanceof Complex) return value.real !== 0 || value.imaginary !== 0
      if (value instanceof Pointer) return value.elem !== null
      return true
  }
}

/** Converts parsed JSON to the types of Go's encoding/json: float64, string, []interface {}, map. */
export function fromJson(value: unknown, depth = 0): Value {
  if (value === null || value === undefined) return null
  // A lone surrogate, written as `\ud800`, becomes U+FFFD in Go.
  if (typeof value === 'string') return toBinary(value.toWellFormed())
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (depth >= MAX_DEPTH) throw new CallError(`nested deeper than ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) {
    return new Slice(
      ANY_SLICE,
      value.map((item) => fromJson(item, depth + 1)),
    )
  }
  const entries = new Map<MapKey, Value>()
  for (const [key, item] of Object.entries(value))
    entries.set(toBinary(key.toWellFormed()), fromJson(item, depth + 1))
  return new GoMap(ANY_MAP, entries)
}

export const pair = (key: string, value: string): Struct =>
  new Struct(KV_PAIR, [toBinary(key), toBinary(value)])

/** The zero value of a type, such as the result of `index` for a missing key of a map. */
export function zeroOf(type: Type): Value {
  switch (type.kind) {
    case 'bool':
      return false
    case 'string':
      return ''
    case 'float64':
      return 0
    case 'complex128':
      return new Complex(0, 0)
    case 'int':
      return type === INT ? 0n : new Integer(type, 0n)
    case 'int32':
    case 'int64':
    case 'uint8':
    case 'uint16':
      return new Integer(type, 0n)
    case 'slice':
      return new Slice(type, null)
    case 'map':
      return new GoMap(type, null)
    case 'struct':
      return new Struct(
        type,
        (type.fields ?? []).map((field) => zeroOf(field.type)),
      )
    case 'pointer':
      return new Pointer(type, null)
    case 'func':
    case 'interface':
    case 'value':
      return null
  }
}
