// Go's printf for nunjucks, implemented by the Go engine. Go reports a mistake in the output, as in `%!d(string=x)`.
// In nunjucks templates, such a mistake is an error, like all other mistakes.
import { raise } from '../../core/fault.ts'
import { fromBinary, toBinary } from '../bytes.ts'
import { sprintf, type Complaint } from '../go/format/printf.ts'
import { ANY_MAP, ANY_SLICE } from '../go/types.ts'
import { GoMap, pair, Slice, type MapKey, type Value } from '../go/values.ts'
import { define } from './define.ts'
import { Pair } from './pair.ts'
import { typeInWords, isMap, textParam } from './params.ts'

function toGo(value: unknown): Value {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || value instanceof String) return toBinary(String(value))
  if (typeof value === 'bigint' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return new Slice(ANY_SLICE, value.map(toGo))
  if (value instanceof Pair) return pair(value.key, value.value)
  if (!isMap(value)) return raise('template', `printf: ${typeInWords(value)} cannot be printed`)
  const entries = Object.entries(value).map(([key, item]): [MapKey, Value] => [
    toBinary(key),
    toGo(item),
  ])
  return new GoMap(ANY_MAP, new Map(entries))
}

/**
 * Converts an integer to a float for a verb that expects one. A nunjucks number such as 3 may be either, and toGo()
 * makes it an integer.
 */
const forVerb = (value: Value, verb: string): Value =>
  typeof value === 'bigint' && 'eEfFgG'.includes(verb) ? Number(value) : value

const COMPLAINTS: Readonly<Record<Complaint['kind'], (verb: string) => string>> = {
  verb: (verb) => `an argument does not fit ${verb}`,
  missing: (verb) => `there is no argument for ${verb}`,
  extra: () => 'there are more arguments than verbs',
  format: (verb) => `the format is wrong at ${verb}`,
}

export const printfFunctions = [
  define('printf', {
    params: [textParam('format')],
    variadic: true,
    doc: "Go's `printf`: [the verbs](https://pkg.go.dev/fmt) `%s %d %v %q %x %f %t %05d %-10s` and the other verbs; `%%` is a percent sign. An argument that does not fit its verb is an error. A value from the store is a string; `atoi` converts it to a number. In Go templates, `printf` is part of the language.",
    only: 'nunjucks',
    examples: [
      { nunjucks: 'printf("%s:%d", "web", atoi(getv("/app/port")))', result: 'web:8080' },
      { nunjucks: 'printf("%05.1f|%-4s|%q|100%%", 3, "ab", "c")', result: '003.0|ab  |"c"|100%' },
      {
        nunjucks: 'printf("%d", getv("/app/port"))',
        error: 'printf: an argument does not fit %d: it is a string',
      },
      { nunjucks: 'printf("%s")', error: 'printf: there is no argument for %s' },
      { nunjucks: 'printf("x", 1)', error: 'printf: there are more arguments than verbs' },
    ],
    run: (_, format, ...args) => {
      const refuse = ({ kind, verb, at }: Complaint): never => {
        const arg = at === undefined ? '' : `: it is ${typeInWords(args[at])}`
        return raise('template', `printf: ${COMPLAINTS[kind](`%${fromBinary(verb)}`)}${arg}`, {
          ...(kind === 'verb'
            ? { hint: 'convert a string with atoi(...), or print any value with %v' }
            : {}),
        })
      }
      return fromBinary(sprintf(toBinary(format), args.map(toGo), { forVerb, refuse }))
    },
  }),
]
