// An exception in a store's code: a bug of ours, and to everybody else one more failure of that store. What is
// told of it says where it is, and holds nothing that the store may have sent.
import type { Fault } from '../core/fault.ts'

/** Messages that cannot quote a value: what V8 says of code. */
const HARMLESS = [
  /^Cannot read properties of (?:undefined|null) \(reading '[\w#]+'\)$/,
  /^[\w.#]+ is not (?:a function|iterable|defined|a constructor)$/,
  /^(?:Maximum call stack size exceeded|Invalid (?:array|string) length)$/,
]

export function bugFault(
  error: unknown,
  place: string,
): { readonly fault: Fault; readonly bug: string } {
  const what = nameOf(error)
  return {
    fault: {
      kind: 'store',
      message: `${place} sent something that reconfd cannot handle (${what})`,
      hint: 'this is a bug in reconfd: report it, with the lines of the log that say so',
    },
    bug: [`this is a bug in reconfd, met with ${place}: ${what}`, ...framesOf(error)].join('\n'),
  }
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const isHarmless = HARMLESS.some((pattern) => pattern.test(error.message))
  return isHarmless ? `${error.name}: ${error.message}` : error.name
}

/** The lines of the stack without the message, which may quote a value. */
const framesOf = (error: unknown): readonly string[] =>
  error instanceof Error
    ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
    : []
