// A fault: an expected failure as a value, with a message, its place in a file, and a hint.
// Faults are logged, so they never contain values of keys or credentials.
import { printable, printableText } from './escape.ts'
import { err, ok, type Result } from './result.ts'
import { shortened } from './words.ts'

export type FaultKind = 'config' | 'template' | 'store' | 'command' | 'io'

/** An expected failure. Contains no value from a store and no credential. */
export interface Fault {
  readonly kind: FaultKind
  /** The problem: one sentence without a full stop. */
  readonly message: string
  /** The remedy: one sentence; absent if the message makes it obvious. */
  readonly hint?: string
  /** Path of the file at fault, such as a template or a file of conf.d. */
  readonly file?: string
  /** 1-based. */
  readonly line?: number
  /** 1-based. */
  readonly column?: number
  /** The source lines up to the position, with a caret below the column. */
  readonly frame?: string
  /** A retry will not help, as with wrong credentials or a missing API. Only for stores. */
  readonly permanent?: true
}

/**
 * Carries a fault through code that can only throw, such as a store's generator or a template function. Callers at
 * the room's border convert it back to a fault.
 */
export class FaultError extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(shortened(fault.message, LONGEST))
    this.name = 'FaultError'
    const { hint } = fault
    this.fault = {
      ...fault,
      message: this.message,
      ...(hint === undefined ? {} : { hint: shortened(hint, LONGEST) }),
    }
  }
}

/**
 * Maximum length of a message or hint, in characters. A name from a store may have millions of characters, and a fault
 * is logged at each attempt.
 */
const LONGEST = 4096

/** Throws a fault; usable as an expression. */
export function raise(
  kind: FaultKind,
  message: string,
  more: Omit<Fault, 'kind' | 'message'> = {},
): never {
  throw new FaultError({ kind, message, ...more })
}

/** Converts thrown faults to results. Rethrows any other error, because it is a bug. */
export function attempt<T>(run: () => T): Result<T, Fault> {
  try {
    return ok(run())
  } catch (error) {
    if (error instanceof FaultError) return err(error.fault)
    throw error
  }
}

/** Formats a fault for operators: `file:line:column: message`, the frame, the hint. */
export const formatFault = (fault: Fault): string => labelledFault('', fault)

/** Like formatFault(). @param label prefix of the message, which may contain colour codes */
export function labelledFault(label: string, fault: Fault): string {
  const { file, line, column, message, frame, hint } = fault
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  const lines = [`${place === '' ? '' : `${printable(place)}: `}${label}${printable(message)}`]
  if (frame !== undefined) lines.push(printableText(frame))
  if (hint !== undefined) lines.push(`  ${printableText(hint)}`)
  return lines.join('\n')
}

/** Formats a fault without its frame, which may be the output of a command and contain values. */
export function briefly({ frame: _frame, ...fault }: Fault): string {
  return formatFault(fault)
}

/**
 * Formats a source line, with the line before it and a caret below the column.
 * @param text the complete source
 * @param line 1-based
 * @param column 1-based, in UTF-16 units
 */
export function codeFrame(text: string, line: number, column = 1): string {
  const lines = text.split(/\r?\n/)
  const width = String(line).length
  const out: string[] = []
  for (let n = Math.max(1, line - 1); n <= line; n++) {
    out.push(`  ${String(n).padStart(width)} | ${lines[n - 1] ?? ''}`)
  }
  // Keeps tabs, so that the caret aligns with the text.
  const pad = (lines[line - 1] ?? '').slice(0, column - 1).replace(/[^\t]/g, ' ')
  out.push(`  ${' '.repeat(width)} | ${pad}^`)
  return out.join('\n')
}
