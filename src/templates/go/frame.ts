// The state of a running template: the variables in scope, the place, and the steps that are left.
import { FaultError, type Fault } from '../../core/fault.ts'
import { sourceOf, type Command, type Operand, type Pipe, type Statement } from './nodes.ts'
import type { Template } from './parser.ts'
import { faultAt } from './place.ts'
import type { Value } from './values.ts'

/** What is left of the steps that a render may take, its included files with it. */
export interface Budget {
  steps: number
}

export type Node = Statement | Operand | Command

export class Frame {
  /** What is being evaluated: where a fault points to. */
  protected node: Node | undefined
  /** The variables in scope, the newest last. */
  #names: string[] = []
  #values: Value[] = []
  #running: string
  /** Whether the `$` of the running template is the root of all. */
  protected dollarIsRoot = true

  constructor(
    protected readonly template: Template,
    private readonly budget: Budget,
  ) {
    this.#running = template.name
  }

  /** Counts a statement or a call. */
  protected step(node: Node): void {
    this.node = node
    if (--this.budget.steps < 0) this.fail('the template takes too many steps')
  }

  faultHere(message: string): Fault {
    const source = this.node === undefined ? '' : sourceOf(this.node)
    const shown = source.length > 200 ? `${source.slice(0, 200)}...` : source
    const text = `executing "${this.#running}" at <${shown}>: ${message}`
    return faultAt(this.template.source, this.template.file, this.node?.at ?? 0, text)
  }

  protected fail(message: string, hint?: string): never {
    const fault = this.faultHere(message)
    throw new FaultError(hint === undefined ? fault : { ...fault, hint })
  }

  /** The newest variable of a name shadows the others. */
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

  protected variable(name: string): Value {
    return this.#values[this.#find(name)]
  }

  #find(name: string): number {
    const at = this.#names.lastIndexOf(name)
    return at < 0 ? this.fail(`undefined variable: ${name}`) : at
  }

  /** Runs another template: its own variables, its own `$`. */
  protected enter(name: string, data: Value, isRoot: boolean, run: () => void): void {
    const saved = [this.#names, this.#values, this.#running, this.dollarIsRoot] as const
    this.#names = ['$']
    this.#values = [data]
    this.#running = name
    this.dollarIsRoot = isRoot
    run()
    ;[this.#names, this.#values, this.#running, this.dollarIsRoot] = saved
  }

  /** Whether a pipeline is just `.` or `$` and that is the root. */
  protected isRoot(pipe: Pipe, dotIsRoot: boolean): boolean {
    const [command, more] = pipe.commands
    const [arg, args] = command?.args ?? []
    if (more !== undefined || args !== undefined) return false
    if (arg?.kind === 'dot') return dotIsRoot
    return (
      arg?.kind === 'variable' && arg.name === '$' && arg.fields.length === 0 && this.dollarIsRoot
    )
  }
}
