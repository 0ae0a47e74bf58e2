// The state of a running template: its output, the variables in scope, the place, and the steps that are
// left. The compiled parts of a template (statements.ts, expressions.ts, calls.ts) are given it at each call.
import { FaultError, type Fault } from '../../core/fault.ts'
import type { Functions } from './builtins.ts'
import { sourceOf, type Command, type Operand, type Pipe, type Statement } from './nodes.ts'
import type { Template } from './parser.ts'
import { faultAt } from './place.ts'
import type { Value } from './values.ts'

/** What is left of the steps that a render may take, its included files with it. */
export interface Budget {
  steps: number
}

export interface Limits {
  /** How deep templates may call each other. */
  readonly depth: number
  /** Bytes of output. */
  readonly output: number
}

/** What a field of the root stands for, where Go would find nothing. */
export type RootField = (name: string) => Value

export interface Surroundings {
  readonly functions: Functions
  readonly budget: Budget
  readonly limits: Limits
  /** The older dialect: a field of the root that is a key of the store. */
  readonly rootField?: RootField | undefined
}

/** What some work wrote, and the steps that it took. */
export interface Recorded {
  readonly text: string
  readonly steps: number
}

export type Node = Statement | Operand | Command

export class Frame {
  /** What is being evaluated: where a fault points to. */
  node: Node | undefined
  /** The output, one character a byte. */
  out = ''
  /** How much was written before `out`, which begins anew for what is recorded. */
  #before = 0
  readonly functions: Functions
  readonly rootField: RootField | undefined
  /** Whether the `$` of the running template is the root of all. */
  dollarIsRoot = true
  readonly #budget: Budget
  readonly #limits: Limits
  /** The variables in scope, the newest last. */
  #names: string[] = []
  #values: Value[] = []
  #running: string
  #depth = 0

  constructor(
    private readonly template: Template,
    { functions, budget, limits, rootField }: Surroundings,
  ) {
    this.functions = functions
    this.rootField = rootField
    this.#budget = budget
    this.#limits = limits
    this.#running = template.name
  }

  /** Counts a statement or a call. */
  step(node: Node): void {
    this.node = node
    if (--this.#budget.steps < 0) this.fail('the template takes too many steps')
  }

  write(text: string): void {
    this.out += text
    if (this.#before + this.out.length > this.#limits.output) {
      this.fail(`the output is larger than ${this.#limits.output} bytes`)
    }
  }

  /** Does some work, and tells what it wrote. */
  record(work: () => void): Recorded {
    const { out } = this
    const { steps } = this.#budget
    this.#before += out.length
    this.out = ''
    work()
    // One plain string: what it was added up of takes 30 times the memory, and time whenever it is read.
    const text = Buffer.from(this.out, 'latin1').toString('latin1')
    this.#before -= out.length
    this.out = out + text
    return { text, steps: steps - this.#budget.steps }
  }

  /** Writes the same again. False when that is beyond a limit: then the work has to be done, and fails in its place. */
  replay({ text, steps }: Recorded): boolean {
    const length = this.#before + this.out.length + text.length
    if (length > this.#limits.output || steps > this.#budget.steps) return false
    this.#budget.steps -= steps
    this.out += text
    return true
  }

  faultHere(message: string): Fault {
    const source = this.node === undefined ? '' : sourceOf(this.node)
    const shown = source.length > 200 ? `${source.slice(0, 200)}...` : source
    const text = `executing "${this.#running}" at <${shown}>: ${message}`
    return faultAt(this.template.source, this.template.file, this.node?.at ?? 0, text)
  }

  /** Throws a template fault at the node that is being evaluated. */
  readonly fail = (message: string, hint?: string): never => {
    const fault = this.faultHere(message)
    throw new FaultError(hint === undefined ? fault : { ...fault, hint })
  }

  /** The newest variable of a name shadows the others. */
  declare(name: string, value: Value): void {
    this.#names.push(name)
    this.#values.push(value)
  }

  mark(): number {
    return this.#names.length
  }

  release(mark: number): void {
    // Popping beats setting the length, and mostly there is nothing to pop.
    while (this.#names.length > mark) {
      this.#names.pop()
      this.#values.pop()
    }
  }

  set(name: string, value: Value): void {
    this.#values[this.#find(name)] = value
  }

  /** The variable so many places from the newest, which is 1. */
  setTop(place: number, value: Value): void {
    this.#values[this.#values.length - place] = value
  }

  variable(name: string): Value {
    return this.#values[this.#find(name)]
  }

  #find(name: string): number {
    const at = this.#names.lastIndexOf(name)
    return at < 0 ? this.fail(`undefined variable: ${name}`) : at
  }

  /** Fails when one more template would be too many within each other. */
  expectRoom(): void {
    if (this.#depth >= this.#limits.depth) {
      this.fail(`exceeded maximum template depth (${this.#limits.depth})`)
    }
  }

  /** Runs another template: its own variables, its own `$`. */
  enter(name: string, data: Value, isRoot: boolean, run: () => void): void {
    const saved = [this.#names, this.#values, this.#running, this.dollarIsRoot] as const
    this.#names = ['$']
    this.#values = [data]
    this.#running = name
    this.dollarIsRoot = isRoot
    this.#depth++
    run()
    this.#depth--
    ;[this.#names, this.#values, this.#running, this.dollarIsRoot] = saved
  }

  /** Whether a pipeline is just `.` or `$` and that is the root. */
  isRoot(pipe: Pipe, dotIsRoot: boolean): boolean {
    const [command, more] = pipe.commands
    const [arg, args] = command?.args ?? []
    if (more !== undefined || args !== undefined) return false
    if (arg?.kind === 'dot') return dotIsRoot
    return (
      arg?.kind === 'variable' && arg.name === '$' && arg.fields.length === 0 && this.dollarIsRoot
    )
  }
}
