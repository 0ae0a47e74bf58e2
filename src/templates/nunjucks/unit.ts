// One compiled template file, with the methods that its generated code calls. The methods that can fail receive the
// position in the file, so that faults contain the line, the column and the source line.
import type { Context, Frame, Template } from 'nunjucks/src/environment.js'
import { codeFrame, FaultError, type Fault } from '../../core/fault.ts'
import { PendingFact } from '../context.ts'
import { NO_ITEM } from '../functions/item.ts'
import { typeInWords } from '../functions/params.ts'
import { includesText } from '../search.ts'
import { memberHint, nameHint } from './hints.ts'
import { memberOf } from './members.ts'

/** The engine that runs a TemplateUnit. */
export interface Host {
  readonly globals: Readonly<Record<string, unknown>>
  filter(name: string, context: Context, args: readonly unknown[]): unknown
  test(name: string, context: Context, args: readonly unknown[]): unknown
  /** The template of an include; an empty one if the file is missing and `ignoreMissing` is set. */
  load(name: string, from: string, ignoreMissing: boolean): Template
  /** Records where the render enters another file, as the approximate position of nunjucks' own errors. */
  passed(unit: TemplateUnit, line: number, column: number): void
  /** Records the first failure of a render, because nunjucks wraps exceptions that pass through it. */
  failed(error: FaultError | PendingFact): void
}

export class TemplateUnit {
  constructor(
    private readonly host: Host,
    private readonly path: string,
    private readonly text: string,
  ) {}

  /** The value of a local variable, a variable of the template, or a global; undefined if there is none. */
  find(context: Context, frame: Frame, name: string): unknown {
    const local = frame.lookup(name)
    if (local !== undefined) return local
    return Object.hasOwn(context.ctx, name) ? context.ctx[name] : this.host.globals[name]
  }

  defined(value: unknown, name: string, context: Context, line: number, column: number): unknown {
    if (value !== undefined) return value
    if (name === 'item') return this.#fail(NO_ITEM.message, line, column, NO_ITEM.hint)
    const known = [...Object.keys(context.ctx), ...Object.keys(this.host.globals)]
    return this.#fail(`${name} is not defined`, line, column, nameHint(name, known))
  }

  member(
    target: unknown,
    key: string,
    strict: boolean,
    targetName: string,
    name: string,
    line: number,
    column: number,
  ): unknown {
    if (target === undefined || target === null) {
      if (!strict) return undefined
      const what = targetName || 'the value before the dot'
      return this.#fail(`${what} is ${target === null ? 'null' : 'not defined'}`, line, column)
    }
    const value = memberOf(target, key)
    if (value !== undefined || !strict) return value
    const hint = memberHint(target, key) ?? nameHint('', [])
    return this.#fail(`${name || `"${key}"`} is not defined`, line, column, hint)
  }

  call(
    target: unknown,
    name: string,
    context: Context,
    args: readonly unknown[],
    line: number,
    column: number,
  ): unknown {
    if (typeof target !== 'function') {
      return this.#fail(`${name || 'the value'} is not a function`, line, column)
    }
    return this.#guard(line, column, () => Reflect.apply(target, context, args) as unknown)
  }

  filter(name: string, context: Context, args: readonly unknown[], line: number, column: number) {
    return this.#guard(line, column, () => this.host.filter(name, context, args))
  }

  test(name: string, context: Context, args: readonly unknown[], line: number, column: number) {
    return this.#guard(line, column, () => this.host.test(name, context, args) === true)
  }

  isIn(item: unknown, list: unknown, line: number, column: number): boolean {
    if (typeof list === 'string') return includesText(list, String(item))
    if (Array.isArray(list)) return list.includes(item)
    if (typeof list === 'object' && list !== null) return Object.hasOwn(list, String(item))
    return this.#fail(
      `"in" works on a list, a string or an object, not on ${typeInWords(list)}`,
      line,
      column,
    )
  }

  load(name: unknown, ignoreMissing: boolean, line: number, column: number): Template {
    this.host.passed(this, line, column)
    return this.#guard(line, column, () => this.host.load(String(name), this.path, ignoreMissing))
  }

  /** Converts a value to text. Values without a meaningful text are an error. */
  output(value: unknown, name: string, line: number, column: number): string {
    if (typeof value === 'string') return value
    const what = name || 'the value'
    if (value === undefined || value === null) {
      const hint = `give a default: {{ ${name || '...'} | default("...", true) }}`
      return this.#fail(`${what} is ${value === null ? 'null' : 'not defined'}`, line, column, hint)
    }
    if (typeof value === 'function') {
      return this.#fail(`${what} is a function`, line, column, `call it: ${what}()`)
    }
    if (Array.isArray(value))
      return value.map((item) => this.output(item, '', line, column)).join(',')
    if (typeof value === 'object' && !hasText(value)) {
      const hint = 'select one of its attributes, or write it as JSON with | dump'
      return this.#fail(
        `${what} is ${typeInWords(value)}, which has no text form`,
        line,
        column,
        hint,
      )
    }
    return (value as { toString(): string }).toString()
  }

  /** Adds the position to a fault without one. */
  locate(fault: Fault, line: number, column: number): Fault {
    if (fault.file !== undefined) return fault
    return { ...fault, file: this.path, line, column, frame: codeFrame(this.text, line, column) }
  }

  #fail(message: string, line: number, column: number, hint?: string): never {
    const fault: Fault = { kind: 'template', message, ...(hint === undefined ? {} : { hint }) }
    return this.#throw(fault, line, column)
  }

  #throw(fault: Fault, line: number, column: number): never {
    const error = new FaultError(this.locate(fault, line, column))
    this.host.failed(error)
    throw error
  }

  /** Runs a function. A failure gets this position, unless it already has one. */
  #guard<T>(line: number, column: number, run: () => T): T {
    try {
      return run()
    } catch (error) {
      const located = error instanceof FaultError && error.fault.file !== undefined
      if (!located && !(error instanceof PendingFact)) this.#throw(faultOf(error), line, column)
      this.host.failed(error)
      throw error
    }
  }
}

/** Converts an exception to a fault. Exceptions other than FaultError come from nunjucks' own filters and macros. */
export function faultOf(error: unknown): Fault {
  if (error instanceof FaultError) return error.fault
  if (error instanceof RangeError && error.message.includes('call stack')) {
    return {
      kind: 'template',
      message: 'templates include or call each other endlessly',
      hint: 'look for an include, import or macro that leads back to itself',
    }
  }
  const text = error instanceof Error ? error.message : String(error)
  // nunjucks prepends path and position, once for each template that the exception has passed.
  const wrapping = /^(?:\([^\n]*\)(?: \[Line[^\n]*\])?\s*\n\s*|Template render error: |Error: )+/
  const message = text.replace(wrapping, '').replace(/\.$/, '')
  return { kind: 'template', message }
}

const hasText = (value: object): boolean =>
  'toString' in value && value.toString !== Object.prototype.toString
