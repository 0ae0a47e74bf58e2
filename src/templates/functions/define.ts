// Defines a template function: its parameters (checked before the function runs), a description for the docs, and
// examples, which serve as tests and appear in docs/templates.md.
import { raise } from '../../core/fault.ts'
import type { RenderContext } from '../context.ts'
import { typeInWords, type Param } from './params.ts'

export interface Example {
  /** A nunjucks expression; absent if only Go templates have the function. */
  readonly nunjucks?: string
  /** The same expression as a Go pipeline; absent if only nunjucks has the function. */
  readonly go?: string
  /** The keys in the store. Default: `dataset` in index.ts. */
  readonly keys?: Readonly<Record<string, string>>
  /** The value, as parsed from the output of `toJson`; absent if the value depends on the machine. */
  readonly result?: unknown
  /** The error message, for an example that fails on purpose. */
  readonly error?: string
  /** The error message in a Go template, if it differs. */
  readonly goError?: string
  /** A sample result, if the result depends on the machine. */
  readonly shows?: string
}

export interface TemplateFunction {
  readonly name: string
  /** The form of a call, such as `split(s, sep)`, for the docs and messages. */
  readonly signature: string
  /** A description in Markdown. */
  readonly doc: string
  readonly examples: readonly Example[]
  /** If the function is also a filter: the index of the argument that receives the piped value. */
  readonly filter?: number
  /** The only engine that has the function, because the other engine uses the name for something else. */
  readonly only?: 'nunjucks' | 'go'
  /** Throws a FaultError of kind template for invalid arguments, and if the function fails. */
  readonly call: (context: RenderContext, args: readonly unknown[]) => unknown
}

interface Definition<A extends readonly unknown[]> {
  readonly params: { readonly [K in keyof A]: Param<A[K]> }
  /** Accepts further arguments of any type after the declared ones. */
  readonly variadic?: true
  readonly doc: string
  readonly examples: readonly Example[]
  readonly filter?: number
  readonly only?: 'nunjucks' | 'go'
  readonly run: (context: RenderContext, ...args: [...A, ...unknown[]]) => unknown
}

/** Defines a function that checks the number of its arguments and converts each argument before it calls `run`. */
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
          `${name}: argument ${i + 1} (${param.name}) must be ${param.type}, got ${typeInWords(value)}`,
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
