// The built-in functions of text/template.
import { eq, le, lt } from './compare.ts'
import { escapeHtml, escapeJs, escapeQuery } from './escape.ts'
import { sprint, sprintf, sprintln } from './format/printf.ts'
import { index, len, slice } from './indexing.ts'
import { ANY, BOOL, funcOf, INT, isInteger, STRING, VALUE, type Type } from './types.ts'
import { assignTo } from './assign.ts'
import { CallError, Func, isTrue, typeName, typeOf, type Call, type Value } from './values.ts'

/** The function table of a template, which maps names to typed functions. */
export type Functions = ReadonlyMap<string, Func>

/** Creates a Go function. A CallError thrown by `call` is the error result of the function. */
export function goFunction(
  params: readonly Type[],
  result: Type,
  call: Call,
  variadic = false,
): Func {
  return new Func(funcOf(params, result, variadic), call)
}

const variadic = (params: readonly Type[], result: Type, call: Call): Func =>
  goFunction(params, result, call, true)

const comparison = (test: (a: Value, b: Value) => boolean): Func =>
  goFunction([VALUE, VALUE], BOOL, ([a, b]) => test(a, b))

/** `html`, `js` and `urlquery`: print the arguments like `print` and escape the result. */
const escaping = (escape: (text: string) => string): Func =>
  variadic([ANY], STRING, (args) => escape(sprint(args.map(noValue))))

const noValue = (arg: Value): Value => arg ?? '<no value>'

/** Calls a value that is a function: `call .X.Y 1 2`. */
function callValue([callee, ...args]: readonly Value[]): Value {
  if (callee === null || callee === undefined) throw new CallError('call of nil')
  if (!(callee instanceof Func)) {
    throw new CallError(`non-function of type ${typeName(callee)}`)
  }
  const { params = [], variadic: many = false } = callee.type.signature ?? {}
  const fixed = many ? params.length - 1 : params.length
  if (many ? args.length < fixed : args.length !== fixed) {
    throw new CallError(
      `wrong number of args: got ${args.length} want ${many ? 'at least ' : ''}${fixed}`,
    )
  }
  return callee.call(
    args.map((arg, i) => {
      const type = params[Math.min(i, params.length - 1)] as Type
      const isNumber = arg !== null && arg !== undefined && isInteger(typeOf(arg))
      if (isNumber && type === INT)
        return BigInt((arg as { value?: bigint }).value ?? (arg as bigint))
      return assignTo(arg, type, (message) => {
        throw new CallError(`arg ${i}: ${message}`)
      })
    }),
  )
}

export const builtins: Functions = new Map<string, Func>([
  // `and` and `or` do not evaluate all arguments, see calls.ts.
  ['and', variadic([VALUE, VALUE], VALUE, ([first]) => first)],
  ['or', variadic([VALUE, VALUE], VALUE, ([first]) => first)],
  ['not', goFunction([VALUE], BOOL, ([value]) => !isTrue(value))],
  ['eq', variadic([VALUE, VALUE], BOOL, ([first, ...others]) => eq(first, others))],
  ['ne', comparison((a, b) => !eq(a, [b]))],
  ['lt', comparison(lt)],
  ['le', comparison(le)],
  ['gt', comparison((a, b) => !le(a, b))],
  ['ge', comparison((a, b) => !lt(a, b))],
  ['len', goFunction([VALUE], INT, ([item]) => len(item))],
  ['index', variadic([VALUE, VALUE], VALUE, ([item, ...indexes]) => index(item, indexes))],
  ['slice', variadic([VALUE, VALUE], VALUE, ([item, ...indexes]) => slice(item, indexes))],
  ['call', variadic([VALUE, VALUE], VALUE, callValue)],
  ['html', escaping(escapeHtml)],
  ['js', escaping(escapeJs)],
  ['urlquery', escaping(escapeQuery)],
  ['print', variadic([ANY], STRING, sprint)],
  ['println', variadic([ANY], STRING, sprintln)],
  ['printf', variadic([STRING, ANY], STRING, ([text, ...args]) => sprintf(text as string, args))],
])
