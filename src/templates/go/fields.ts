// A field of a value: an entry of a map with string keys, or a field of a struct.
import { GoMap, Pointer, Struct, typeName, type Value } from './values.ts'

/** Calls `fail` with Go's message when there is no such field, or when it is given arguments. */
export function fieldOf(
  receiver: Value,
  name: string,
  hasArgs: boolean,
  fail: (message: string) => never,
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
  return fail(`can't evaluate field ${name} in type ${typeName(receiver)}`)
}
