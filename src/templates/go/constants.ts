// Converts constants to values. A value has the type of the parameter or, if the parameter accepts any type, the type
// that Go gives to the constant.
import { sourceOf, type Num, type Operand } from './nodes.ts'
import type { Type } from './types.ts'
import { Complex, Integer, type Value } from './values.ts'

type Fail = (message: string) => never

/** The value of a number whose type the context does not determine. */
export function numberOf(node: Num, fail: Fail): Value {
  if (node.complex !== undefined) return new Complex(node.complex.real, node.complex.imaginary)
  const { source } = node
  const hexInt = /^0[xX]/.test(source) && !/[pP]/.test(source)
  if (node.float !== undefined && !hexInt && !source.startsWith("'") && /[.eEpP]/.test(source)) {
    return node.float
  }
  return node.int ?? fail(`${source} overflows int`)
}

/** The value of a constant for a parameter of a type. Calls `fail` if the constant does not fit. */
export function constantFor(type: Type, node: Operand, fail: Fail): Value {
  const any = type.kind === 'interface' || type.kind === 'value'
  switch (node.kind) {
    case 'bool':
    case 'string':
      if (any || type.kind === node.kind) return node.value
      break
    case 'number':
      if (any) return numberOf(node, fail)
      return numberFor(type, node) ?? expected(type, node, fail)
  }
  return expected(type, node, fail)
}

function numberFor(type: Type, node: Num): Value {
  if (type.kind === 'int' && !type.text && node.int !== undefined) return node.int
  if (/^int/.test(type.kind) && node.int !== undefined) return new Integer(type, node.int)
  if (/^uint/.test(type.kind) && node.uint !== undefined) return new Integer(type, node.uint)
  return type.kind === 'float64' ? node.float : undefined
}

const EXPECTED: Readonly<Record<string, string>> = {
  bool: 'bool',
  string: 'string',
  int: 'integer',
  int32: 'integer',
  int64: 'integer',
  uint8: 'unsigned integer',
  uint16: 'unsigned integer',
  float64: 'float',
}

function expected(type: Type, node: Operand, fail: Fail): never {
  const kind = EXPECTED[type.kind]
  return fail(
    kind === undefined
      ? `can't handle ${sourceOf(node)} for arg of type ${type.name}`
      : `expected ${kind}; found ${sourceOf(node)}`,
  )
}
