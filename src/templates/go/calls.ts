// Calls: of functions, of methods by the name of a field, with Go's rules for their arguments.
import { FaultError, type Fault } from '../../core/fault.ts'
import { toBinary } from '../bytes.ts'
import { assignTo } from './assign.ts'
import type { Functions } from './builtins.ts'
import { fieldOf } from './fields.ts'
import { Frame, type Budget, type Node } from './frame.ts'
import { methodOf } from './methods.ts'
import type { Operand } from './nodes.ts'
import type { Template } from './parser.ts'
import { VALUE, type Type } from './types.ts'
import { CallError, isTrue, type Func, type Value } from './values.ts'

/** What a field of the root stands for, where Go would find nothing. */
export type RootField = (name: string) => Value

/** No value comes from the left of a pipe: another thing than a nil that does. */
export const NONE = Symbol('none')
export type Final = Value | typeof NONE

export abstract class Calls extends Frame {
  constructor(
    template: Template,
    private readonly functions: Functions,
    budget: Budget,
    private readonly rootField: RootField | undefined,
  ) {
    super(template, budget)
  }

  /** An argument for a parameter: constants take the parameter's type, the rest must fit it. */
  protected abstract argument(dot: Value, type: Type, node: Operand, root: boolean): Value

  protected field(
    dot: Value,
    name: string,
    node: Operand,
    args: readonly Operand[],
    final: Final,
    receiver: Value,
    root: boolean,
    receiverIsRoot: boolean,
  ): Value {
    if (receiver === undefined) {
      return receiverIsRoot && this.rootField !== undefined ? this.rootField(name) : undefined
    }
    if (receiver === null) return this.fail(`nil pointer evaluating interface {}.${name}`)
    const method = methodOf(receiver, name)
    if (method !== undefined) return this.#call(dot, method, node, name, args, final, root)
    const hasArgs = args.length > 1 || final !== NONE
    return fieldOf(receiver, name, hasArgs, this.refuse)
  }

  protected function(
    dot: Value,
    node: Operand & { kind: 'identifier' },
    command: Node,
    args: readonly Operand[],
    final: Final,
    root: boolean,
  ): Value {
    this.node = node
    const func = this.functions.get(node.name)
    if (func === undefined) return this.fail(`"${node.name}" is not a defined function`)
    return this.#call(dot, func, command, node.name, args, final, root)
  }

  #call(
    dot: Value,
    func: Func,
    node: Node,
    name: string,
    words: readonly Operand[],
    final: Final,
    root: boolean,
  ): Value {
    this.step(this.node ?? node)
    const { params, variadic } = func.type.signature as NonNullable<Type['signature']>
    const given = Math.max(0, words.length - 1)
    const count = final === NONE ? given : given + 1
    const fixed = variadic ? params.length - 1 : params.length
    if (variadic ? count < fixed : count !== fixed) {
      const least = variadic ? 'at least ' : ''
      this.fail(
        `wrong number of args for ${name}: want ${least}${fixed} got ${variadic ? given : count}`,
      )
    }
    if (name === 'and' || name === 'or') {
      return this.#shortCircuit(dot, name === 'or', words, final, root)
    }
    const argv: Value[] = []
    for (let i = 0; i < given; i++) {
      const type = params[Math.min(i, params.length - 1)] as Type
      argv.push(this.argument(dot, type, words[i + 1] as Operand, root))
    }
    if (final !== NONE) {
      const type = params[Math.min(count, params.length) - 1] as Type
      argv.push(assignTo(final, type, this.refuse))
    }
    try {
      return func.call(argv)
    } catch (error) {
      this.node = node
      if (error instanceof CallError) return this.fail(`error calling ${name}: ${error.message}`)
      if (error instanceof FaultError) throw this.#located(error.fault, name)
      throw error
    }
  }

  /** The fault of a function, at the place of its call; one of an included file has its own place. */
  #located(fault: Fault, name: string): FaultError {
    if (fault.line !== undefined) return new FaultError(fault)
    const here = this.faultHere(`error calling ${name}: ${toBinary(fault.message)}`)
    return new FaultError(fault.hint === undefined ? here : { ...here, hint: fault.hint })
  }

  protected readonly refuse = (message: string, hint?: string): never => this.fail(message, hint)

  #shortCircuit(
    dot: Value,
    until: boolean,
    words: readonly Operand[],
    final: Final,
    root: boolean,
  ): Value {
    let value: Value
    for (let i = 1; i < words.length; i++) {
      value = this.argument(dot, VALUE, words[i] as Operand, root)
      if (isTrue(value) === until) return value
    }
    return final === NONE ? value : final
  }
}
