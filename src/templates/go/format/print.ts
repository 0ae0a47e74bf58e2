// Formats one value of a basic or composite type with one verb, like fmt.
import {
  Complex,
  Func,
  GoMap,
  Integer,
  Opaque,
  Pointer,
  Slice,
  Struct,
  typeOf,
  type Value,
} from '../values.ts'
import { ANY, isUnsigned, type Type } from '../types.ts'
import { pad, type Flags } from './flags.ts'
import { formatFloat } from './floats.ts'
import { formatHex, formatInteger } from './integers.ts'
import { formatString } from './quote.ts'

/** Printed where Go prints a memory address. It must be constant, so that repeated renders give the same output. */
const ADDRESS = 0xc000000000n

/** Values that are nested deeper are truncated. Templates cannot create cycles, but they can create very deep values. */
const MAX_DEPTH = 2000

/** @param erroring whether the value is printed inside `%!verb(type=value)`, where methods are not called */
export function format(value: Value, verb: string, flags: Flags, erroring = false): string {
  if (value === null || value === undefined) {
    return verb === 'T' || verb === 'v' ? pad('<nil>', flags) : `%!${verb}(<nil>)`
  }
  // Only fmt.Errorf supports %w.
  if (verb === 'w') return badVerb(value, verb, flags)
  if (verb === 'T') return formatString(typeOf(value).name, 's', flags) ?? ''
  if (verb === 'p') return formatPointer(value, verb, flags) ?? badVerb(value, verb, flags)
  return nested(value, verb, flags, 0, erroring)
}

/** The text for a verb that does not apply to the type, such as `%!d(string=text)`. */
function badVerb(value: Exclude<Value, null | undefined>, verb: string, flags: Flags): string {
  return `%!${verb}(${typeOf(value).name}=${nested(value, 'v', flags, 0, true)})`
}

/** The result of the String method, if the type has one. */
function textOf(value: Value): string | undefined {
  if (value instanceof Opaque) return value.text()
  if (value instanceof Integer) return value.type.text?.(value.value)
  return undefined
}

function nested(
  value: Value,
  verb: string,
  flags: Flags,
  depth: number,
  erroring: boolean,
): string {
  if (value === null || value === undefined) return verb === 'v' ? '<nil>' : `%!${verb}(<nil>)`
  if (depth > MAX_DEPTH) return '...'
  if (!erroring && 'vsxXq'.includes(verb)) {
    const text = flags.sharpV ? undefined : textOf(value)
    if (text !== undefined) return formatString(text, verb, flags) ?? ''
  }
  return plain(value, verb, flags, depth, erroring) ?? badVerb(value, verb, flags)
}

/** Formats a value. Returns null if the verb does not apply to its type. */
function plain(
  value: Exclude<Value, null | undefined>,
  verb: string,
  flags: Flags,
  depth: number,
  erroring: boolean,
): string | null {
  switch (typeof value) {
    case 'string':
      return formatString(value, verb, flags)
    case 'bigint':
      return formatInteger(value, false, verb, flags)
    case 'number':
      return formatFloat(value, verb, flags)
    case 'boolean':
      return verb === 't' || verb === 'v' ? pad(String(value), flags) : null
  }
  if (value instanceof Integer) {
    return formatInteger(value.value, isUnsigned(value.type), verb, flags)
  }
  if (value instanceof Complex) return formatComplex(value, verb, flags)
  if (value instanceof Slice) return formatSlice(value, verb, flags, depth, erroring)
  if (value instanceof GoMap) return formatMap(value, verb, flags, depth, erroring)
  if (value instanceof Struct) return formatStruct(value, verb, flags, depth, erroring)
  if (value instanceof Pointer && depth === 0 && value.elem !== null) {
    return `&${nested(value.elem, verb, flags, depth + 1, erroring)}`
  }
  if (value instanceof Pointer || value instanceof Func) return formatPointer(value, verb, flags)
  return formatString(value.text(), verb, flags)
}

function formatComplex(value: Complex, verb: string, flags: Flags): string | null {
  const real = formatFloat(value.real, verb, flags)
  if (real === null) return null
  return `(${real}${formatFloat(value.imaginary, verb, { ...flags, plus: true })}i)`
}

/** Formats an element of a collection. In `%#v`, a nil interface prints its type. */
function element(
  value: Value,
  type: Type,
  verb: string,
  flags: Flags,
  depth: number,
  erroring: boolean,
): string {
  if ((value === null || value === undefined) && flags.sharpV && type === ANY) {
    return 'interface {}(nil)'
  }
  if ((value === null || value === undefined) && type === ANY) return '<nil>'
  return nested(value, verb, flags, depth + 1, erroring)
}

function formatSlice(
  value: Slice,
  verb: string,
  flags: Flags,
  depth: number,
  erroring: boolean,
): string {
  const type = value.type.elem ?? ANY
  const items = value.items().map((item) => element(item, type, verb, flags, depth, erroring))
  if (!flags.sharpV) return `[${items.join(' ')}]`
  if (value.array === null) return `${value.type.name}(nil)`
  return `${value.type.name}{${items.join(', ')}}`
}

function formatMap(
  value: GoMap,
  verb: string,
  flags: Flags,
  depth: number,
  erroring: boolean,
): string {
  const type = value.type.elem ?? ANY
  const items = value.sortedKeys().map((key) => {
    const item = element(value.entries?.get(key), type, verb, flags, depth, erroring)
    return `${nested(key, verb, flags, depth + 1, erroring)}:${item}`
  })
  if (!flags.sharpV) return `map[${items.join(' ')}]`
  if (value.entries === null) return `${value.type.name}(nil)`
  return `${value.type.name}{${items.join(', ')}}`
}

function formatStruct(
  value: Struct,
  verb: string,
  flags: Flags,
  depth: number,
  erroring: boolean,
): string {
  const fields = (value.type.fields ?? []).map((field, i) => {
    const item = element(value.values[i], field.type, verb, flags, depth, erroring)
    return flags.plusV || flags.sharpV ? `${field.name}:${item}` : item
  })
  return flags.sharpV ? `${value.type.name}{${fields.join(', ')}}` : `{${fields.join(' ')}}`
}

function formatPointer(
  value: Exclude<Value, null | undefined>,
  verb: string,
  flags: Flags,
): string | null {
  const isNil =
    (value instanceof Pointer && value.elem === null) ||
    (value instanceof Slice && value.array === null) ||
    (value instanceof GoMap && value.entries === null)
  const isReference =
    value instanceof Pointer ||
    value instanceof Slice ||
    value instanceof GoMap ||
    value instanceof Func
  if (!isReference) return null
  const address = isNil ? 0n : ADDRESS
  if (verb === 'v' && flags.sharpV) {
    return `(${value.type.name})(${isNil ? 'nil' : formatHex(address, flags, true)})`
  }
  if (verb === 'v' && isNil) return pad('<nil>', flags)
  if (verb === 'v' || verb === 'p') return formatHex(address, flags, !flags.sharp)
  return 'bodxX'.includes(verb) ? formatInteger(address, true, verb, flags) : null
}
