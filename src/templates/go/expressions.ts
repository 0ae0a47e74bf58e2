// Evaluates pipelines: commands, operands, variables and chains of fields, with Go's rules for each.
import { assignTo, canBeNil } from './assign.ts'
import { Calls, NONE, type Final } from './calls.ts'
import { constantFor, numberOf } from './constants.ts'
import { sourceOf, type Command, type Operand, type Pipe } from './nodes.ts'
import { VALUE, type Type } from './types.ts'
import { zeroOf, type Value } from './values.ts'

const NO_ARGS: readonly Operand[] = []

export class Expressions extends Calls {
  protected pipeline(dot: Value, pipe: Pipe, root: boolean): Value {
    this.node = pipe
    const { commands, declared } = pipe
    if (commands.length === 1 && declared.length === 0) {
      return this.#command(dot, commands[0] as Command, NONE, root) ?? undefined
    }
    let value: Final = NONE
    for (const command of commands) {
      value = this.#command(dot, command, value, root)
      // A nil out of a map or list is no value from here on.
      if (value === null) value = undefined
    }
    const result = value === NONE ? undefined : value
    for (const variable of declared) {
      if (pipe.assigns) this.set(variable.name, result)
      else this.declare(variable.name, result)
    }
    return result
  }

  #command(dot: Value, command: Command, final: Final, root: boolean): Value {
    const { args } = command
    const first = args[0] as Operand
    switch (first.kind) {
      case 'field':
        return this.#fields(dot, dot, first, first.names, args, final, root, root)
      case 'chain':
        return this.#chain(dot, first, args, final, root)
      case 'identifier':
        return this.function(dot, first, command, args, final, root)
      case 'pipe':
        this.#notAFunction(args, final)
        return this.pipeline(dot, first, root)
      case 'variable':
        return this.#variable(dot, first, args, final, root)
    }
    this.node = first
    this.#notAFunction(args, final)
    switch (first.kind) {
      case 'bool':
      case 'string':
        return first.value
      case 'dot':
        return dot
      case 'number':
        return numberOf(first, this.refuse)
      case 'nil':
        return this.fail('nil is not a command')
    }
  }

  #notAFunction(args: readonly Operand[], final: Final): void {
    if (args.length > 1 || final !== NONE) {
      this.fail(`can't give argument to non-function ${sourceOf(args[0] as Operand)}`)
    }
  }

  #variable(
    dot: Value,
    node: Operand & { kind: 'variable' },
    args: readonly Operand[],
    final: Final,
    root: boolean,
  ): Value {
    this.node = node
    const value = this.variable(node.name)
    if (node.fields.length === 0) {
      this.#notAFunction(args, final)
      return value
    }
    const isRoot = node.name === '$' && this.dollarIsRoot
    return this.#fields(dot, value, node, node.fields, args, final, root, isRoot)
  }

  #chain(
    dot: Value,
    node: Operand & { kind: 'chain' },
    args: readonly Operand[],
    final: Final,
    root: boolean,
  ): Value {
    this.node = node
    if (node.of.kind === 'nil') this.fail(`indirection through explicit nil in ${sourceOf(node)}`)
    const receiver = this.argument(dot, VALUE, node.of, root)
    return this.#fields(dot, receiver, node, node.fields, args, final, root, false)
  }

  #fields(
    dot: Value,
    receiver: Value,
    node: Operand,
    names: readonly string[],
    args: readonly Operand[],
    final: Final,
    root: boolean,
    receiverIsRoot: boolean,
  ): Value {
    this.node = node
    const last = names.length - 1
    let value = receiver
    for (let i = 0; i < last; i++) {
      value = this.field(
        dot,
        names[i] as string,
        node,
        NO_ARGS,
        NONE,
        value,
        root,
        receiverIsRoot && i === 0,
      )
    }
    return this.field(
      dot,
      names[last] as string,
      node,
      args,
      final,
      value,
      root,
      receiverIsRoot && last === 0,
    )
  }

  protected argument(dot: Value, type: Type, node: Operand, root: boolean): Value {
    this.node = node
    switch (node.kind) {
      case 'dot':
        return assignTo(dot, type, this.refuse)
      case 'nil':
        if (!canBeNil(type)) this.fail(`cannot assign nil to ${type.name}`)
        return type.kind === 'value' ? undefined : zeroOf(type)
      case 'field':
        return assignTo(
          this.#fields(dot, dot, node, node.names, NO_ARGS, NONE, root, root),
          type,
          this.refuse,
        )
      case 'variable':
        return assignTo(this.#variable(dot, node, NO_ARGS, NONE, root), type, this.refuse)
      case 'pipe':
        return assignTo(this.pipeline(dot, node, root), type, this.refuse)
      case 'identifier':
        return assignTo(this.function(dot, node, node, NO_ARGS, NONE, root), type, this.refuse)
      case 'chain':
        return assignTo(this.#chain(dot, node, NO_ARGS, NONE, root), type, this.refuse)
      default:
        return constantFor(type, node, this.refuse)
    }
  }
}
