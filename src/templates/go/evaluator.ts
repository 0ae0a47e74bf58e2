// Runs a template: walks its statements, keeps the variables, collects the output.
import { type Fault, FaultError } from '../../core/fault.ts'
import { nearest } from '../../core/nearest.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { formatValue } from './format/printf.ts'
import type { Functions } from './builtins.ts'
import type { RootField } from './calls.ts'
import { Expressions } from './expressions.ts'
import type { Budget } from './frame.ts'
import type { Branch, Invoke, List, Statement } from './nodes.ts'
import type { Template } from './parser.ts'
import { Func, GoMap, Integer, isTrue, Slice, typeName, type Value } from './values.ts'

export interface Limits {
  /** How deep templates may call each other. */
  readonly depth: number
  /** Bytes of output. */
  readonly output: number
}

/** Statements and calls: some seconds of work. */
export const MAX_STEPS = 10_000_000

export const LIMITS: Limits = { depth: 1000, output: 256 * 1024 * 1024 }

export interface ExecuteOptions {
  readonly functions: Functions
  readonly limits?: Limits
  /** Shared by the files of one render; absent: MAX_STEPS for this one. */
  readonly budget?: Budget
  /** The older dialect: a field of the root that is a key of the store. */
  readonly rootField?: RootField
}

/** Renders to a Go string, one character a byte. Every failure is a fault of kind `template`. */
export function execute(
  template: Template,
  data: Value,
  options: ExecuteOptions,
): Result<string, Fault> {
  const evaluator = new Evaluator(template, options)
  try {
    return ok(evaluator.run(data))
  } catch (error) {
    if (error instanceof FaultError) return err(error.fault)
    if (error instanceof RangeError) return err(evaluator.exhausted(error))
    throw error
  }
}

/** How a list of statements ended: to its end, or by a jump that the loop around it catches. */
type Ended = 'end' | 'break' | 'continue'

class Evaluator extends Expressions {
  #out = ''
  #depth = 0
  readonly #limits: Limits

  constructor(template: Template, options: ExecuteOptions) {
    super(template, options.functions, options.budget ?? { steps: MAX_STEPS }, options.rootField)
    this.#limits = options.limits ?? LIMITS
  }

  run(data: Value): string {
    this.declare('$', data)
    this.#list(this.template.definitions.get(this.template.name) ?? [], data, true)
    return this.#out
  }

  /** Node's stack, or a string longer than it can hold: both are the template's doing. */
  exhausted(error: RangeError): Fault {
    const what = /stack/.test(error.message)
      ? 'the template is nested too deeply'
      : 'the output is too large'
    return this.faultHere(what)
  }

  #write(text: string): void {
    this.#out += text
    if (this.#out.length > this.#limits.output) {
      this.fail(`the output is larger than ${this.#limits.output} bytes`)
    }
  }

  #list(list: List, dot: Value, root: boolean): Ended {
    for (const statement of list) {
      const ended = this.#statement(statement, dot, root)
      if (ended !== 'end') return ended
    }
    return 'end'
  }

  #statement(node: Statement, dot: Value, root: boolean): Ended {
    this.step(node)
    switch (node.kind) {
      case 'text':
        this.#write(node.text)
        return 'end'
      case 'action': {
        const value = this.pipeline(dot, node.pipe, root)
        if (node.pipe.declared.length === 0) {
          this.node = node
          this.#print(value)
        }
        return 'end'
      }
      case 'if':
      case 'with':
        return this.#ifOrWith(node, dot, root)
      case 'range':
        return this.#range(node, dot, root)
      case 'template':
        this.#invoke(node, dot, root)
        return 'end'
      case 'break':
      case 'continue':
        return node.kind
    }
  }

  #print(value: Value): void {
    if (typeof value === 'string') this.#write(value)
    else if (value === undefined || value === null) this.#write('<no value>')
    else if (value instanceof Func) this.fail(`can't print a value of type ${value.type.name}`)
    else this.#write(formatValue(value))
  }

  #ifOrWith(node: Branch, dot: Value, root: boolean): Ended {
    const mark = this.mark()
    const value = this.pipeline(dot, node.pipe, root)
    let ended: Ended = 'end'
    if (isTrue(value)) {
      ended =
        node.kind === 'with'
          ? this.#list(node.body, value, false)
          : this.#list(node.body, dot, root)
    } else if (node.otherwise !== null) ended = this.#list(node.otherwise, dot, root)
    this.release(mark)
    return ended
  }

  #range(node: Branch, dot: Value, root: boolean): Ended {
    const outer = this.mark()
    const over = this.pipeline(dot, node.pipe, root)
    const ran =
      over instanceof Slice
        ? this.#rangeSlice(node, over)
        : this.#rangeOthers(node, this.#elements(node, over))
    // As in Go, a break in the else branch ends no more than this range; a continue goes outwards.
    const jumped = ran || node.otherwise === null ? 'end' : this.#list(node.otherwise, dot, root)
    this.release(outer)
    return jumped === 'continue' ? jumped : 'end'
  }

  /** The usual case, without a generator: an index is made only where it is asked for. */
  #rangeSlice(node: Branch, over: Slice): boolean {
    const indexed = node.pipe.declared.length > 1
    for (let i = 0; i < over.length; i++) {
      if (this.#iterate(node, indexed ? BigInt(i) : undefined, over.at(i)) === 'break') break
    }
    return over.length > 0
  }

  #rangeOthers(node: Branch, elements: Iterable<readonly [Value, Value]>): boolean {
    let ran = false
    for (const [index, element] of elements) {
      ran = true
      if (this.#iterate(node, index, element) === 'break') break
    }
    return ran
  }

  #iterate(node: Branch, index: Value, element: Value): Ended {
    this.step(node)
    const mark = this.mark()
    this.#assign(node, index, element)
    const ended = this.#list(node.body, element, false)
    this.release(mark)
    return ended
  }

  *#elements(node: Branch, over: Value): Generator<readonly [Value, Value]> {
    const count = over instanceof Integer ? over.value : over
    if (typeof count === 'bigint') {
      if (node.pipe.declared.length > 1) {
        this.fail(`can't use ${count} to iterate over more than one variable`)
      }
      for (let i = 0n; i < count; i++) {
        yield [undefined, over instanceof Integer ? new Integer(over.type, i) : i]
      }
    } else if (over instanceof GoMap) {
      for (const key of over.sortedKeys()) yield [key, over.entries?.get(key)]
    } else if (over !== undefined && over !== null) {
      this.fail(`range can't iterate over a value of type ${typeName(over)}`)
    }
  }

  #assign(node: Branch, index: Value, element: Value): void {
    const { declared, assigns } = node.pipe
    const [first, second] = declared
    if (first === undefined) return
    if (assigns) {
      this.set(first.name, second === undefined ? element : index)
      if (second !== undefined) this.set(second.name, element)
    } else {
      this.setTop(1, element)
      if (second !== undefined) this.setTop(2, index)
    }
  }

  #invoke(node: Invoke, dot: Value, root: boolean): void {
    const list = this.template.definitions.get(node.name)
    if (list === undefined) {
      const near = nearest(node.name, this.template.definitions.keys())
      const hint = near === undefined ? undefined : `did you mean "${near}"?`
      this.fail(`template "${node.name}" not defined`, hint)
    }
    if (this.#depth >= this.#limits.depth) {
      this.fail(`exceeded maximum template depth (${this.#limits.depth})`)
    }
    const data = node.pipe === null ? undefined : this.pipeline(dot, node.pipe, root)
    const passesRoot = node.pipe !== null && this.isRoot(node.pipe, root)
    this.#depth++
    this.enter(node.name, data, passesRoot, () => this.#list(list, data, passesRoot))
    this.#depth--
  }
}
