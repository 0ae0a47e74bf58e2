// How a template function is described: its parameters (checked before it runs), a line for the docs,
// and examples that are its test and its row in docs/templates.md.
import { raise } from '../../core/fault.ts'
import type { RenderContext } from '../context.ts'
import { describe, type Param } from './params.ts'

export interface Example {
  /** An expression of nunjucks. Absent: only Go templates have it. */
  readonly nunjucks?: string
  /** The same as a pipeline of a Go template. Absent: only nunjucks has it. */
  readonly go?: string
  /** The store's content for this example; `dataset` in index.ts when absent. */
  readonly keys?: Readonly<Record<string, string>>
  /** The value, as `toJson` writes it. Absent: the result depends on the machine and is only shown. */
  readonly result?: unknown
  /** The example is wrong on purpose, and this is the message. */
  readonly error?: string
  /** The message of a Go template, where it is another. */
  readonly goError?: string
  /** What the result looks like, when it depends on the machine. */
  readonly shows?: string
}

export interface TemplateFunction {
  readonly name: string
  /** `split(s, sep)`: for the docs and for messages. */
  readonly signature: string
  /** One sentence or two, Markdown. */
  readonly doc: string
  readonly examples: readonly Example[]
  /** Also offered as a filter: which argument the value before the bar becomes, counted from 0. */
  readonly filter?: number
  /** Present: only this engine has it; the word is taken in the other. */
  readonly only?: 'nunjucks' | 'go'
  /** Throws a FaultError of kind template on bad arguments, and for whatever the function refuses. */
  readonly call: (context: RenderContext, args: readonly unknown[]) => unknown
}

interface Definition<A extends readonly unknown[]> {
  readonly params: { readonly [K in keyof A]: Param<A[K]> }
  /** Further arguments of any kind are passed on after the declared ones. */
  readonly variadic?: true
  readonly doc: string
  readonly examples: readonly Example[]
  readonly filter?: number
  readonly only?: 'nunjucks' | 'go'
  readonly run: (context: RenderContext, ...args: [...A, ...unknown[]]) => unknown
}

/** Makes a function of its description; arguments are counted and converted before `run` sees them. */
export function define<A extends readonly unknown[]>(
  name: string,
  definition: Definition<A>,
): TemplateFunction {
  const params: readonly Param<unknown>[] = definition.params
  const required = params.filter((param) => param.optional !== true).length
  const names = params.map((param) => (param.optional === true ? `${param.name}?` : param.name))
  if (definition.variadic === true) names.push('...')
  const signature = `${name}(${names.join(', ')})`
  const most = definition.variadic === true ? Infinity : params.length

  const call = (context: RenderContext, args: readonly unknown[]): unknown => {
    if (args.length < required || args.length > most) {
      const wanted = required === most ? `${required}` : `${required} to ${most}`
      raise(
        'template',
        `${name} takes ${wanted} ${most === 1 ? 'argument' : 'arguments'}, got ${args.length}`,
        {
          hint: `write ${signature}`,
        },
      )
    }
    const converted = args.map((value, i) => {
      const param = params[i]
      if (param === undefined) return value
      const accepted = param.accept(value)
      if (accepted === undefined) {
        raise(
          'template',
          `${name}: argument ${i + 1} (${param.name}) must be ${param.type}, got ${describe(value)}`,
          param.hint === undefined ? {} : { hint: param.hint },
        )
      }
      return accepted
    })
    return definition.run(context, ...(converted as unknown as [...A, ...unknown[]]))
  }
  return {
    name,
    signature,
    doc: definition.doc,
    examples: definition.examples,
    ...(definition.filter === undefined ? {} : { filter: definition.filter }),
    ...(definition.only === undefined ? {} : { only: definition.only }),
    call,
  }
}
