// Evaluates pipelines: operands, fields, methods, variables and calls, with Go's rules for each.
import { FaultError, type Fault } from '../../core/fault.ts'
import { assignTo, canBeNil } from './assign.ts'
import type { Functions } from './builtins.ts'
import { methodOf } from './methods.ts'
import {
  sourceOf,
  type Command,
  type Num,
  type Operand,
  type Pipe,
  type Statement,
} from './nodes.ts'
import { faultAt, type Template } from './parser.ts'
import { VALUE, type Type } from './types.ts'
import {
  CallError,
  Complex,
  GoMap,
  Integer,
  isTrue,
  Pointer,
  Struct,
  typeName,
  zeroOf,
  type Func,
  type Value,
} from './values.ts'

/** What a field of the root stands for, where Go would find nothing. */
export type RootField = (name: string) => Value

/** What is left of the steps that a render may take, its included files with it. */
export interface Budget {
  steps: number
}

type Node = Statement | Operand | Command

/** No value comes from the left of a pipe: another thing than a nil that does. */
const NONE = Symbol('none')
type Final = Value | typeof NONE

const NO_ARGS: readonly Operand[] = []

export class Expressions {
  #node: Node | undefined
  /** The variables in scope, the newest last; a shadowing one is found first. */
  #names: string[] = []
  #values: Value[] = []
  /** Which template is running, and whether its `$` is the root of all. */
  #running: string
  #rootVariable = true

  constructor(
    protected readonly template: Template,
    private readonly functions: Functions,
    private readonly budget: Budget,
    private readonly rootField: RootField | undefined,
  ) {
    this.#running = template.name
  }

  // Where we are, and what is wrong there

  protected at(node: Node): void {
    this.#node = node
  }

  protected step(node: Node): void {
    this.#node = node
    if (--this.budget.steps < 0) this.fail('the template takes too many steps')
  }

  faultHere(message: string): Fault {
    const source = this.#node === undefined ? '' : sourceOf(this.#node)
    const shown = source.length > 200 ? `${source.slice(0, 200)}...` : source
    const text = `executing "${this.#running}" at <${shown}>: ${message}`
    return faultAt(this.template.source, this.template.file, this.#node?.at ?? 0, text)
  }

  protected fail(message: string): never {
    throw new FaultError(this.faultHere(message))
  }

  // Variables

  protected declare(name: string, value: Value): void {
    this.#names.push(name)
    this.#values.push(value)
  }

  protected mark(): number {
    return this.#names.length
  }

  protected release(mark: number): void {
    // Popping beats setting the length, and mostly there is nothing to pop.
    while (this.#names.length > mark) {
      this.#names.pop()
      this.#values.pop()
    }
  }

  protected set(name: string, value: Value): void {
    this.#values[this.#find(name)] = value
  }

  /** The variable so many places from the newest, which is 1. */
  protected setTop(place: number, value: Value): void {
    this.#values[this.#values.length - place] = value
  }

  #find(name: string): number {
    const at = this.#names.lastIndexOf(name)
    return at < 0 ? this.fail(`undefined variable: ${name}`) : at
  }

  /** Runs another template: its own variables, its own `$`. */
  protected enter(name: string, data: Value, isRoot: boolean, run: () => void): void {
    const saved = [this.#names, this.#values, this.#running, this.#rootVariable] as const
    this.#names = ['$']
    this.#values = [data]
    this.#running = name
    this.#rootVariable = isRoot
    run()
    ;[this.#names, this.#values, this.#running, this.#rootVariable] = saved
  }

  /** Whether a pipeline is just `.` or `$` and that is the root. */
  protected isRoot(pipe: Pipe, dotIsRoot: boolean): boolean {
    const [command, more] = pipe.commands
    const [arg, args] = command?.args ?? []
    if (more !== undefined || args !== undefined) return false
    if (arg?.kind === 'dot') return dotIsRoot
    return (
      arg?.kind === 'variable' && arg.name === '$' && arg.fields.length === 0 && this.#rootVariable
    )
  }

  // Pipelines and commands

  protected pipeline(dot: Value, pipe: Pipe, root: boolean): Value {
    this.#node = pipe
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
        return this.#function(dot, first, command, args, final, root)
      case 'pipe':
        this.#notAFunction(args, final)
        return this.pipeline(dot, first, root)
      case 'variable':
        return this.#variable(dot, first, args, final, root)
    }
    this.#node = first
    this.#notAFunction(args, final)
    switch (first.kind) {
      case 'bool':
      case 'string':
        return first.value
      case 'dot':
        return dot
      case 'number':
        return this.#constant(first)
      case 'nil':
        return this.fail('nil is not a command')
    }
  }

  #notAFunction(args: readonly Operand[], final: Final): void {
    if (args.length > 1 || final !== NONE) {
      this.fail(`can't give argument to non-function ${sourceOf(args[0] as Operand)}`)
    }
  }

  /** A number where nothing says of which type. */
  #constant(node: Num): Value {
    if (node.complex !== undefined) return new Complex(node.complex.real, node.complex.imaginary)
    const { source } = node
    const hexInt = /^0[xX]/.test(source) && !/[pP]/.test(source)
    if (node.float !== undefined && !hexInt && !source.startsWith("'") && /[.eEpP]/.test(source)) {
      return node.float
    }
    if (node.int !== undefined) return node.int
    this.#node = node
    return this.fail(`${source} overflows int`)
  }

  #variable(
    dot: Value,
    node: Operand & { kind: 'variable' },
    args: readonly Operand[],
    final: Final,
    root: boolean,
  ): Value {
    this.#node = node
    const value = this.#values[this.#find(node.name)]
    if (node.fields.length === 0) {
      this.#notAFunction(args, final)
      return value
    }
    const isRoot = node.name === '$' && this.#rootVariable
    return this.#fields(dot, value, node, node.fields, args, final, root, isRoot)
  }

  #chain(
    dot: Value,
    node: Operand & { kind: 'chain' },
    args: readonly Operand[],
    final: Final,
    root: boolean,
  ): Value {
    this.#node = node
    if (node.of.kind === 'nil') this.fail(`indirection through explicit nil in ${sourceOf(node)}`)
    const receiver = this.#argument(dot, VALUE, node.of, root)
    return this.#fields(dot, receiver, node, node.fields, args, final, root, false)
  }

  // Fields and methods

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
    this.#node = node
    const last = names.length - 1
    let value = receiver
    for (let i = 0; i < last; i++) {
      value = this.#field(
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
    return this.#field(
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

  #field(
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
    if (receiver instanceof GoMap) {
      if (receiver.type.key?.kind === 'string') {
        if (hasArgs) this.fail(`${name} is not a method but has arguments`)
        return receiver.entries?.get(name)
      }
    } else {
      const struct = receiver instanceof Pointer ? receiver.elem : receiver
      if (struct === null) return this.fail(`nil pointer evaluating ${typeName(receiver)}.${name}`)
      if (struct instanceof Struct) {
        const at = struct.type.places?.get(name)
        if (at !== undefined) {
          if (hasArgs) this.fail(`${name} has arguments but cannot be invoked as function`)
          return struct.values[at]
        }
      }
    }
    return this.fail(`can't evaluate field ${name} in type ${typeName(receiver)}`)
  }

  // Calls

  #function(
    dot: Value,
    node: Operand & { kind: 'identifier' },
    command: Node,
    args: readonly Operand[],
    final: Final,
    root: boolean,
  ): Value {
    this.#node = node
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
    this.step(this.#node ?? node)
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
      argv.push(this.#argument(dot, type, words[i + 1] as Operand, root))
    }
    if (final !== NONE) {
      const type = params[Math.min(count, params.length) - 1] as Type
      argv.push(assignTo(final, type, this.#mismatch))
    }
    try {
      return func.call(argv)
    } catch (error) {
      this.#node = node
      if (error instanceof CallError) return this.fail(`error calling ${name}: ${error.message}`)
      if (error instanceof FaultError) throw this.#located(error.fault, name)
      throw error
    }
  }

  /** The fault of a function, at the place of its call; one of an included file has its own place. */
  #located(fault: Fault, name: string): FaultError {
    if (fault.line !== undefined) return new FaultError(fault)
    const here = this.faultHere(`error calling ${name}: ${fault.message}`)
    return new FaultError(fault.hint === undefined ? here : { ...here, hint: fault.hint })
  }

  readonly #mismatch = (message: string): never => this.fail(message)

  #shortCircuit(
    dot: Value,
    until: boolean,
    words: readonly Operand[],
    final: Final,
    root: boolean,
  ): Value {
    let value: Value
    for (let i = 1; i < words.length; i++) {
      value = this.#argument(dot, VALUE, words[i] as Operand, root)
      if (isTrue(value) === until) return value
    }
    return final === NONE ? value : final
  }

  /** An argument for a parameter: literals take the parameter's type, the rest must fit it. */
  #argument(dot: Value, type: Type, node: Operand, root: boolean): Value {
    this.#node = node
    switch (node.kind) {
      case 'dot':
        return assignTo(dot, type, this.#mismatch)
      case 'nil':
        if (!canBeNil(type)) this.fail(`cannot assign nil to ${type.name}`)
        return type.kind === 'value' ? undefined : zeroOf(type)
      case 'field':
        return assignTo(
          this.#fields(dot, dot, node, node.names, NO_ARGS, NONE, root, root),
          type,
          this.#mismatch,
        )
      case 'variable':
        return assignTo(this.#variable(dot, node, NO_ARGS, NONE, root), type, this.#mismatch)
      case 'pipe':
        return assignTo(this.pipeline(dot, node, root), type, this.#mismatch)
      case 'identifier':
        return assignTo(this.#function(dot, node, node, NO_ARGS, NONE, root), type, this.#mismatch)
      case 'chain':
        return assignTo(this.#chain(dot, node, NO_ARGS, NONE, root), type, this.#mismatch)
      case 'bool':
        if (type.kind === 'bool' || isAny(type)) return node.value
        break
      case 'string':
        if (type.kind === 'string' || isAny(type)) return node.value
        break
      case 'number':
        return this.#number(node, type)
    }
    return this.#expected(type, node)
  }

  #number(node: Num, type: Type): Value {
    if (isAny(type)) return this.#constant(node)
    if (type.kind === 'int' && !type.text && node.int !== undefined) return node.int
    if (/^int/.test(type.kind) && node.int !== undefined) return new Integer(type, node.int)
    if (/^uint/.test(type.kind) && node.uint !== undefined) return new Integer(type, node.uint)
    if (type.kind === 'float64' && node.float !== undefined) return node.float
    return this.#expected(type, node)
  }

  #expected(type: Type, node: Operand): never {
    const kind = EXPECTED[type.kind]
    return this.fail(
      kind === undefined
        ? `can't handle ${sourceOf(node)} for arg of type ${type.name}`
        : `expected ${kind}; found ${sourceOf(node)}`,
    )
  }
}

const isAny = (type: Type): boolean => type.kind === 'interface' || type.kind === 'value'

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
