// Compiles pipelines by Go's rules: commands, operands, variables and chains of fields.
import { assignTo, canBeNil } from './assign.ts'
import { call, fieldValue, NONE, type Argument, type Final } from './calls.ts'
import { constantFor, numberOf } from './constants.ts'
import type { Frame } from './frame.ts'
import {
  sourceOf,
  type Chain,
  type Command,
  type FieldNode,
  type Identifier,
  type Operand,
  type Pipe,
  type Variable,
} from './nodes.ts'
import { VALUE } from './types.ts'
import { zeroOf, type Value } from './values.ts'

/** @param root whether the dot is the root data of the template */
export type Expression = (frame: Frame, dot: Value, root: boolean) => Value

/** @param final the value on the left of the pipe */
type Stage = (frame: Frame, dot: Value, root: boolean, final: Final) => Value

const NO_ARGUMENTS: readonly Argument[] = []

export function pipeline(pipe: Pipe): Expression {
  const { declared, assigns } = pipe
  const [first, ...others] = pipe.commands.map(command)
  if (first === undefined) return () => undefined
  if (others.length === 0 && declared.length === 0) {
    return (frame, dot, root) => {
      frame.node = pipe
      return first(frame, dot, root, NONE) ?? undefined
    }
  }
  return (frame, dot, root) => {
    frame.node = pipe
    // As in Go, a nil from a map or list becomes "no value".
    let value = first(frame, dot, root, NONE) ?? undefined
    for (const stage of others) value = stage(frame, dot, root, value) ?? undefined
    for (const { name } of declared) {
      if (assigns) frame.set(name, value)
      else frame.declare(name, value)
    }
    return value
  }
}

function command(node: Command): Stage {
  const [first, ...rest] = node.args as [Operand, ...Operand[]]
  const args = rest.map(argument)
  switch (first.kind) {
    case 'field':
      return field(first, args)
    case 'chain':
      return chain(first, args)
    case 'identifier':
      return functionCall(first, node, args)
    case 'variable':
      return variable(first, args)
    case 'pipe': {
      const inner = pipeline(first)
      return (frame, dot, root, final) => {
        expectNoArguments(frame, first, args, final)
        return inner(frame, dot, root)
      }
    }
  }
  const value = constant(first)
  return (frame, dot, root, final) => {
    frame.node = first
    expectNoArguments(frame, first, args, final)
    return value(frame, dot, root)
  }
}

function constant(node: Operand): Expression {
  switch (node.kind) {
    case 'bool':
    case 'string':
      return () => node.value
    case 'number':
      return (frame) => numberOf(node, frame.fail)
    case 'nil':
      return (frame) => frame.fail('nil is not a command')
    default:
      return (_, dot) => dot
  }
}

function expectNoArguments(
  frame: Frame,
  node: Operand,
  args: readonly Argument[],
  final: Final,
): void {
  if (args.length > 0 || final !== NONE) {
    frame.fail(`can't give argument to non-function ${sourceOf(node)}`)
  }
}

function functionCall(
  node: Identifier,
  whole: Operand | Command,
  args: readonly Argument[],
): Stage {
  const { name } = node
  const given = whole.kind === 'command' ? whole.args.slice(1) : []
  const hasBareCall = given.some(({ kind }) => kind === 'identifier')
  const site = { node: whole, name, args, hasBareCall }
  return (frame, dot, root, final) => {
    frame.node = node
    const func = frame.functions.get(name)
    if (func === undefined) return frame.fail(`"${name}" is not a defined function`)
    return call(frame, site, func, dot, root, final)
  }
}

function field(node: FieldNode, args: readonly Argument[]): Stage {
  const read = fields(node, node.names, args)
  return (frame, dot, root, final) => read(frame, dot, root, final, dot, root)
}

function variable(node: Variable, args: readonly Argument[]): Stage {
  const { name } = node
  if (node.fields.length === 0) {
    return (frame, _dot, _root, final) => {
      frame.node = node
      const value = frame.variable(name)
      expectNoArguments(frame, node, args, final)
      return value
    }
  }
  const read = fields(node, node.fields, args)
  return (frame, dot, root, final) => {
    frame.node = node
    const isRoot = name === '$' && frame.dollarIsRoot
    return read(frame, dot, root, final, frame.variable(name), isRoot)
  }
}

function chain(node: Chain, args: readonly Argument[]): Stage {
  const of = argument(node.of)
  const read = fields(node, node.fields, args)
  return (frame, dot, root, final) => {
    frame.node = node
    if (node.of.kind === 'nil') {
      frame.fail(`indirection through explicit nil in ${sourceOf(node)}`)
    }
    return read(frame, dot, root, final, of(frame, dot, root, VALUE), false)
  }
}

/** Compiles the fields `.A.B.C` of a receiver. The arguments belong to the last field. */
function fields(
  node: Operand,
  names: readonly string[],
  args: readonly Argument[],
): (
  frame: Frame,
  dot: Value,
  root: boolean,
  final: Final,
  receiver: Value,
  isRoot: boolean,
) => Value {
  const before = names.slice(0, -1).map((name) => ({ node, name, args: NO_ARGUMENTS }))
  const last = { node, name: names.at(-1) as string, args }
  return (frame, dot, root, final, receiver, isRoot) => {
    frame.node = node
    let value = receiver
    let isStillRoot = isRoot
    for (const site of before) {
      value = fieldValue(frame, site, value, isStillRoot, dot, root, NONE)
      isStillRoot = false
    }
    return fieldValue(frame, last, value, isStillRoot, dot, root, final)
  }
}

function argument(node: Operand): Argument {
  const value = argumentValue(node)
  if (value !== undefined) {
    return (frame, dot, root, type) => {
      frame.node = node
      return assignTo(value(frame, dot, root, NONE), type, frame.fail)
    }
  }
  if (node.kind !== 'nil') {
    return (frame, _dot, _root, type) => {
      frame.node = node
      return constantFor(type, node, frame.fail)
    }
  }
  return (frame, _dot, _root, type) => {
    frame.node = node
    if (!canBeNil(type)) frame.fail(`cannot assign nil to ${type.name}`)
    return type.kind === 'value' ? undefined : zeroOf(type)
  }
}

/** Compiles an argument. Returns undefined for a constant, whose value depends on the type of the parameter. */
function argumentValue(node: Operand): Stage | undefined {
  switch (node.kind) {
    case 'dot':
      return (_, dot) => dot
    case 'field':
      return field(node, NO_ARGUMENTS)
    case 'variable':
      return variable(node, NO_ARGUMENTS)
    case 'chain':
      return chain(node, NO_ARGUMENTS)
    case 'identifier':
      return functionCall(node, node, NO_ARGUMENTS)
    case 'pipe':
      return pipeline(node)
    default:
      return undefined
  }
}
