// Calls functions, and methods that are written like fields, by Go's rules for arguments.
import { FaultError, type Fault } from '../../core/fault.ts'
import { toBinary } from '../bytes.ts'
import { assignTo } from './assign.ts'
import { fieldOf } from './fields.ts'
import type { Frame, Node } from './frame.ts'
import { INNER_CALL } from './hints.ts'
import { methodOf } from './methods.ts'
import { VALUE, type Type } from './types.ts'
import { CallError, isTrue, type Func, type Value } from './values.ts'

/** Means that no value is piped into the call. (A piped value may be nil, so nil cannot mean this.) */
export const NONE = Symbol('none')
export type Final = Value | typeof NONE

/** A compiled argument. Constants take the type of the parameter; other values must fit that type. */
export type Argument = (frame: Frame, dot: Value, root: boolean, type: Type) => Value

/** A call, or the access to a field. */
export interface Site {
  readonly node: Node
  /** The name of the function, method or field. */
  readonly name: string
  readonly args: readonly Argument[]
  /** Whether an argument is the name of a function, which is then called without arguments of its own. */
  readonly hasBareCall?: boolean
}

/** A field of a value, or the result of a method with that name. */
export function fieldValue(
  frame: Frame,
  site: Site,
  receiver: Value,
  isRoot: boolean,
  dot: Value,
  root: boolean,
  final: Final,
): Value {
  const { name } = site
  if (receiver === undefined) return isRoot ? frame.rootField?.(name) : undefined
  if (receiver === null) return frame.fail(`nil pointer evaluating interface {}.${name}`)
  const method = methodOf(receiver, name)
  if (method !== undefined) return call(frame, site, method, dot, root, final)
  return fieldOf(receiver, name, site.args.length > 0 || final !== NONE, frame.fail)
}

/** @param root whether the dot is the root data of the template */
export function call(
  frame: Frame,
  site: Site,
  func: Func,
  dot: Value,
  root: boolean,
  final: Final,
): Value {
  const { node, name, args } = site
  frame.step(frame.node ?? node)
  const { params, variadic } = func.type.signature as NonNullable<Type['signature']>
  const given = args.length
  const count = final === NONE ? given : given + 1
  const fixed = variadic ? params.length - 1 : params.length
  if (variadic ? count < fixed : count !== fixed) {
    const least = variadic ? 'at least ' : ''
    frame.fail(
      `wrong number of args for ${name}: want ${least}${fixed} got ${variadic ? given : count}`,
      (site.hasBareCall === true && count > fixed) || (node.kind === 'identifier' && count === 0)
        ? INNER_CALL
        : undefined,
    )
  }
  if (name === 'and' || name === 'or') {
    return shortCircuit(frame, name === 'or', args, dot, root, final)
  }
  const last = params.length - 1
  const values: Value[] = []
  for (let i = 0; i < given; i++) {
    const type = params[i < last ? i : last] as Type
    values.push((args[i] as Argument)(frame, dot, root, type))
  }
  if (final !== NONE) {
    const type = params[Math.min(count, params.length) - 1] as Type
    values.push(assignTo(final, type, frame.fail))
  }
  try {
    return func.call(values)
  } catch (error) {
    frame.node = node
    if (error instanceof CallError)
      return frame.fail(`error calling ${name}: ${error.message}`, error.hint)
    if (error instanceof FaultError) throw located(frame, error.fault, name)
    throw error
  }
}

/** Adds the position of the call to the fault of a function, unless the fault has a position in an included file. */
function located(frame: Frame, fault: Fault, name: string): FaultError {
  if (fault.line !== undefined) return new FaultError(fault)
  const here = frame.faultHere(`error calling ${name}: ${toBinary(fault.message)}`)
  return new FaultError(fault.hint === undefined ? here : { ...here, hint: fault.hint })
}

function shortCircuit(
  frame: Frame,
  until: boolean,
  args: readonly Argument[],
  dot: Value,
  root: boolean,
  final: Final,
): Value {
  let value: Value
  for (const argument of args) {
    value = argument(frame, dot, root, VALUE)
    if (isTrue(value) === until) return value
  }
  return final === NONE ? value : final
}
