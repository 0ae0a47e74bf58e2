// Compiles statements: output, branches, loops, calls of other templates.
import { nearest } from '../../core/nearest.ts'
import { pipeline, type Expression } from './expressions.ts'
import { formatValue } from './format/printf.ts'
import type { Frame, Recorded } from './frame.ts'
import { NOT_A_LIST } from './hints.ts'
import type { Action, Branch, Invoke, List, Statement } from './nodes.ts'
import { isPureBody } from './purity.ts'
import { Func, GoMap, Integer, isTrue, Slice, typeName, type Value } from './values.ts'

/** How a statement has ended: normally, or with a jump that the enclosing loop handles. */
export type Completion = 'end' | 'break' | 'continue'

/** @param root whether the dot is the root data of the template */
export type CompiledStatement = (frame: Frame, dot: Value, root: boolean) => Completion

/** Returns a template by name, compiled at its first use. */
export type Templates = (name: string) => CompiledStatement | undefined

export class Statements {
  /** @param names returns the names of all templates, for "did you mean" */
  constructor(
    private readonly templates: Templates,
    private readonly names: () => Iterable<string>,
  ) {}

  list(list: List): CompiledStatement {
    const runs = list.map((statement) => this.#statement(statement))
    if (runs.length === 1) return runs[0] as CompiledStatement
    return (frame, dot, root) => {
      for (const run of runs) {
        const ended = run(frame, dot, root)
        if (ended !== 'end') return ended
      }
      return 'end'
    }
  }

  #statement(node: Statement): CompiledStatement {
    switch (node.kind) {
      case 'text':
        return (frame) => {
          frame.step(node)
          frame.write(node.text)
          return 'end'
        }
      case 'action':
        return action(node)
      case 'if':
        return this.#ifOrWith(node, (frame, body, _value, dot, root) => body(frame, dot, root))
      case 'with':
        return this.#ifOrWith(node, (frame, body, value) => body(frame, value, false))
      case 'range':
        return this.#range(node)
      case 'template':
        return this.#invoke(node)
      case 'break':
      case 'continue':
        return (frame) => {
          frame.step(node)
          return node.kind
        }
    }
  }

  #ifOrWith(
    node: Branch,
    run: (
      frame: Frame,
      body: CompiledStatement,
      value: Value,
      dot: Value,
      root: boolean,
    ) => Completion,
  ): CompiledStatement {
    const condition = pipeline(node.pipe)
    const body = this.list(node.body)
    const otherwise = node.otherwise === null ? undefined : this.list(node.otherwise)
    return (frame, dot, root) => {
      frame.step(node)
      const mark = frame.mark()
      const value = condition(frame, dot, root)
      let ended: Completion = 'end'
      if (isTrue(value)) ended = run(frame, body, value, dot, root)
      else if (otherwise !== undefined) ended = otherwise(frame, dot, root)
      frame.release(mark)
      return ended
    }
  }

  #range(node: Branch): CompiledStatement {
    const items = pipeline(node.pipe)
    const loop = new Loop(node, this.list(node.body))
    const otherwise = node.otherwise === null ? undefined : this.list(node.otherwise)
    return (frame, dot, root) => {
      frame.step(node)
      const outer = frame.mark()
      const over = items(frame, dot, root)
      const ran = loop.run(frame, over)
      // As in Go, a break in the else branch ends only this range; a continue applies to the outer one.
      const jumped = ran || otherwise === undefined ? 'end' : otherwise(frame, dot, root)
      frame.release(outer)
      return jumped === 'continue' ? jumped : 'end'
    }
  }

  #invoke(node: Invoke): CompiledStatement {
    const { name, pipe } = node
    const data: Expression = pipe === null ? () => undefined : pipeline(pipe)
    return (frame, dot, root) => {
      frame.step(node)
      const template = this.templates(name)
      if (template === undefined) {
        const near = nearest(name, this.names())
        const hint =
          near === undefined
            ? `add {{define "${name}"}}...{{end}}; to insert a file, write {{include ...}}`
            : `did you mean "${near}"?`
        return frame.fail(`template "${name}" not defined`, hint)
      }
      frame.expectRoom()
      const value = data(frame, dot, root)
      const isRoot = pipe !== null && frame.isRoot(pipe, root)
      frame.enter(name, value, isRoot, () => template(frame, value, isRoot))
      return 'end'
    }
  }
}

function action(node: Action): CompiledStatement {
  const evaluate = pipeline(node.pipe)
  const isShown = node.pipe.declared.length === 0
  return (frame, dot, root) => {
    frame.step(node)
    const value = evaluate(frame, dot, root)
    if (isShown) {
      frame.node = node
      print(frame, value)
    }
    return 'end'
  }
}

function print(frame: Frame, value: Value): void {
  if (typeof value === 'string') frame.write(value)
  else if (value === undefined || value === null) frame.write('<no value>')
  else if (value instanceof Func) frame.fail(`can't print a value of type ${value.type.name}`)
  else frame.write(formatValue(value))
}

/** The body of a range, which is executed for each element. */
class Loop {
  readonly #hasIndex: boolean
  /** The cached output for each list of elements; undefined if the output may depend on more than the elements. */
  readonly #known: WeakMap<readonly Value[], Recorded> | undefined

  constructor(
    private readonly node: Branch,
    private readonly body: CompiledStatement,
  ) {
    this.#hasIndex = node.pipe.declared.length > 1
    if (isPureBody(node)) this.#known = new WeakMap()
  }

  /** Returns whether there were any elements. */
  run(frame: Frame, over: Value): boolean {
    if (over instanceof Slice) {
      const { runs } = over
      return this.#known === undefined || runs === undefined
        ? this.#overSlice(frame, over)
        : this.#overRuns(frame, runs, this.#known)
    }
    let ran = false
    for (const [index, element] of this.#elements(frame, over)) {
      ran = true
      if (this.#iterate(frame, index, element) === 'break') break
    }
    return ran
  }

  /** Executes the body only for the lists of elements (`runs`) without cached output. */
  #overRuns(
    frame: Frame,
    runs: readonly (readonly Value[])[],
    known: WeakMap<readonly Value[], Recorded>,
  ): boolean {
    for (const run of runs) {
      const recorded = known.get(run)
      if (recorded !== undefined && frame.replay(recorded)) continue
      const work = (): void => {
        for (const element of run) this.#iterate(frame, undefined, element)
      }
      known.set(run, frame.record(work))
    }
    return runs.length > 0
  }

  /** The usual case, without a generator; creates an index only if it is used. */
  #overSlice(frame: Frame, over: Slice): boolean {
    for (let i = 0; i < over.length; i++) {
      const index = this.#hasIndex ? BigInt(i) : undefined
      if (this.#iterate(frame, index, over.at(i)) === 'break') break
    }
    return over.length > 0
  }

  #iterate(frame: Frame, index: Value, element: Value): Completion {
    frame.step(this.node)
    const mark = frame.mark()
    this.#assign(frame, index, element)
    const ended = this.body(frame, element, false)
    frame.release(mark)
    return ended
  }

  *#elements(frame: Frame, over: Value): Generator<readonly [Value, Value]> {
    const count = over instanceof Integer ? over.value : over
    if (typeof count === 'bigint') {
      if (this.#hasIndex) frame.fail(`can't use ${count} to iterate over more than one variable`)
      for (let i = 0n; i < count; i++) {
        yield [undefined, over instanceof Integer ? new Integer(over.type, i) : i]
      }
    } else if (over instanceof GoMap) {
      for (const key of over.sortedKeys()) yield [key, over.entries?.get(key)]
    } else if (over !== undefined && over !== null) {
      const hint = typeof over === 'string' ? NOT_A_LIST : undefined
      frame.fail(`range can't iterate over a value of type ${typeName(over)}`, hint)
    }
  }

  #assign(frame: Frame, index: Value, element: Value): void {
    const { declared, assigns } = this.node.pipe
    const [first, second] = declared
    if (first === undefined) return
    if (assigns) {
      frame.set(first.name, second === undefined ? element : index)
      if (second !== undefined) frame.set(second.name, element)
    } else {
      frame.setTop(1, element)
      if (second !== undefined) frame.setTop(2, index)
    }
  }
}
