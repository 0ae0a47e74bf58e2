// Reports an exception in the code of a store. Such an exception is a bug in reconfd, but is handled as a failure of
// that store. The report contains the stack, but nothing that a server may have sent.
import type { Fault } from '../core/fault.ts'

/** Error messages from V8 that mention only names in the code and therefore cannot quote a value. */
const HARMLESS = [
  /^Cannot read properties of (?:undefined|null) \(reading '[\w#]+'\)$/,
  /^[\w.#]+ is not (?:a function|iterable|defined|a constructor)$/,
  /^(?:Maximum call stack size exceeded|Invalid (?:array|string) length)$/,
]

/** @returns the fault to report for the store, and the message to log */
export function bugFault(
  error: unknown,
  place: string,
): { readonly fault: Fault; readonly bug: string } {
  const what = nameOf(error)
  return {
    fault: {
      kind: 'store',
      message: `${place} sent data that reconfd cannot handle (${what})`,
      hint: 'report this bug in reconfd, together with the log lines about it',
    },
    bug: [`this is a bug in reconfd, found at ${place}: ${what}`, ...framesOf(error)].join('\n'),
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
