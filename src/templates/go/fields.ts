// Reads a field of a value: an entry of a map with string keys, or a field of a struct.
import { nearest } from '../../core/nearest.ts'
import { GoMap, Opaque, Pointer, Slice, Struct, typeName, type Value } from './values.ts'

/** Calls `fail` with Go's message if the field does not exist, or if the template passes arguments to it. */
export function fieldOf(
  receiver: Value,
  name: string,
  hasArgs: boolean,
  fail: (message: string, hint?: string) => never,
): Value {
  if (receiver instanceof GoMap) {
    if (receiver.type.key?.kind === 'string') {
      if (hasArgs) fail(`${name} is not a method but has arguments`)
      return receiver.entries?.get(name)
    }
  } else {
    const struct = receiver instanceof Pointer ? receiver.elem : receiver
    if (struct === null) return fail(`nil pointer evaluating ${typeName(receiver)}.${name}`)
    if (struct instanceof Struct) {
      const at = struct.type.places?.get(name)
      if (at !== undefined) {
        if (hasArgs) fail(`${name} has arguments but cannot be invoked as function`)
        return struct.values[at]
      }
    }
  }
  return fail(`can't evaluate field ${name} in type ${typeName(receiver)}`, hintFor(receiver, name))
}

/** Returns the hint for an unknown field: advice for a list or a string, otherwise a similar field and all fields. */
function hintFor(receiver: Value, name: string): string | undefined {
  if (receiver instanceof Slice)
    return 'the value is a list: range over it, or take one item with index'
  if (typeof receiver === 'string')
    return `the value is a string, which has no fields: remove .${name}, or write {{.}} if nothing precedes it`
  const struct = receiver instanceof Pointer ? receiver.elem : receiver
  const names =
    struct instanceof Struct
      ? (struct.type.fields ?? []).map((field) => field.name)
      : receiver instanceof Opaque
        ? receiver.members
        : []
  if (names.length === 0) return undefined
  // Names in consul-template may have a prefix, such as .ServiceMeta.
  const near = names.find((one) => name.endsWith(one)) ?? nearest(name, names)
  const all = `write one of ${names.map((one) => `.${one}`).join(', ')}`
  return near === undefined ? all : `did you mean .${near}? ${all}`
}
