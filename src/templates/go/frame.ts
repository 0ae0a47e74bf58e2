// The state of a running template: its output, variables in scope, position, and remaining steps. All compiled parts of
// a template (statements.ts, expressions.ts, calls.ts) receive it.
import { FaultError, type Fault } from '../../core/fault.ts'
import type { Functions } from './builtins.ts'
import { sourceOf, type Command, type Operand, type Pipe, type Statement } from './nodes.ts'
import type { Template } from './parser.ts'
import { faultAt } from './place.ts'
import type { Value } from './values.ts'

/** The remaining steps of a render, including its includes. */
export interface Budget {
  steps: number
}

export interface RenderLimits {
  /** Maximum depth of nested template calls. */
  readonly depth: number
  /** Maximum size of the output, in bytes. */
  readonly output: number
}

/** Resolves a field of the root that Go would not find. */
export type RootField = (name: string) => Value

export interface Surroundings {
  readonly functions: Functions
  readonly budget: Budget
  readonly limits: RenderLimits
  /** For the older dialect, in which fields of the root are keys in the store. */
  readonly rootField?: RootField | undefined
}

/** Recorded output, and the number of steps that produced it. */
export interface Recorded {
  readonly text: string
  readonly steps: number
}

export type Node = Statement | Operand | Command

export class Frame {
  /** The node being evaluated; faults report its position. */
  node: Node | undefined
  /** The output, one character per byte. */
  out = ''
  /** The length of earlier output that is not in `out`, because a recording starts with an empty `out`. */
  #before = 0
  readonly functions: Functions
  readonly rootField: RootField | undefined
  /** Whether the `$` of the running template is the root data. */
  dollarIsRoot = true
  readonly #budget: Budget
  readonly #limits: RenderLimits
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

  /** Runs `work` and returns a record of its output. */
  record(work: () => void): Recorded {
    const { out } = this
    const { steps } = this.#budget
    this.#before += out.length
    this.out = ''
    work()
    // Creates a flat string. V8 keeps a concatenation as a tree, which needs 30 times the memory.
    const text = Buffer.from(this.out, 'latin1').toString('latin1')
    this.#before -= out.length
    this.out = out + text
    return { text, steps: steps - this.#budget.steps }
  }

  /**
   * Writes recorded output. If that would exceed a limit, writes nothing and returns false. The caller must then run
   * the recorded work again, so that it fails at the right position.
   */
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

  /** Throws a template fault at the current node. */
  readonly fail = (message: string, hint?: string): never => {
    const fault = this.faultHere(message)
    throw new FaultError(hint === undefined ? fault : { ...fault, hint })
  }

  /** Declares a variable, which shadows earlier variables of the same name. */
  declare(name: string, value: Value): void {
    this.#names.push(name)
    this.#values.push(value)
  }

  mark(): number {
    return this.#names.length
  }

  release(mark: number): void {
    // Popping is faster than setting the length, and usually there is nothing to pop.
    while (this.#names.length > mark) {
      this.#names.pop()
      this.#values.pop()
    }
  }

  set(name: string, value: Value): void {
    this.#values[this.#find(name)] = value
  }

  /** Sets a variable by its position from the top, where the newest is 1. */
  setTop(place: number, value: Value): void {
    this.#values[this.#values.length - place] = value
  }

  variable(name: string): Value {
    return this.#values[this.#find(name)]
  }

  #find(name: string): number {
    const at = this.#names.lastIndexOf(name)
    const hint = `declare it first: ${name} := ...`
    return at < 0 ? this.fail(`undefined variable: ${name}`, hint) : at
  }

  /** Fails if one more nested template would exceed the limit. */
  expectRoom(): void {
    if (this.#depth >= this.#limits.depth) {
      this.fail(`exceeded maximum template depth (${this.#limits.depth})`)
    }
  }

  /** Runs another template, with its own variables and `$`. */
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

  /** Whether a pipeline is only `.` or `$`, and refers to the root. */
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
