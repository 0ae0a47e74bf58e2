// A fault: an expected failure as a value. It says what is wrong, where, and what to do.
// Faults never carry a key's value or a credential: they are logged as they are.
import { printable, printableText } from './escape.ts'
import { err, ok, type Result } from './result.ts'
import { shortened } from './words.ts'

export type FaultKind = 'config' | 'template' | 'store' | 'command' | 'io'

/** An expected failure as a value. It holds no value of a store and no credential: it may be logged. */
export interface Fault {
  readonly kind: FaultKind
  /** What is wrong, one sentence without a full stop. */
  readonly message: string
  /** What to do about it, one sentence; absent when the message already tells. */
  readonly hint?: string
  /** Its path; the file that is at fault, such as a template or a file of conf.d. */
  readonly file?: string
  /** 1-based. */
  readonly line?: number
  /** 1-based. */
  readonly column?: number
  /** The source lines around the place, with a caret under it; several lines of text. */
  readonly frame?: string
  /** A store's fault that trying again will not mend (wrong credentials, API not there). */
  readonly permanent?: true
}

/**
 * Carries a fault through code that can only throw: a store's generator that breaks, a template
 * function inside an engine. Caught at the room's border and turned back into the fault.
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

/** Characters. A name from a store may have millions, and a fault is logged at each try. */
const LONGEST = 4096

/** Throws a fault of the given kind; for use where an expression is needed. */
export function raise(
  kind: FaultKind,
  message: string,
  more: Omit<Fault, 'kind' | 'message'> = {},
): never {
  throw new FaultError({ kind, message, ...more })
}

/** What code that throws faults gives, as a result. Anything else that is thrown is a bug and goes on. */
export function attempt<T>(run: () => T): Result<T, Fault> {
  try {
    return ok(run())
  } catch (error) {
    if (error instanceof FaultError) return err(error.fault)
    throw error
  }
}

/** One fault as the text an operator reads: `file:line:column: message`, the frame, the hint. */
export const formatFault = (fault: Fault): string => labelledFault('', fault)

/** @param label stands before the message, and may hold colours */
export function labelledFault(label: string, fault: Fault): string {
  const { file, line, column, message, frame, hint } = fault
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  const lines = [`${place === '' ? '' : `${printable(place)}: `}${label}${printable(message)}`]
  if (frame !== undefined) lines.push(printableText(frame))
  if (hint !== undefined) lines.push(`  ${printableText(hint)}`)
  return lines.join('\n')
}

/** Without the frame: that may be what a command has printed, and it may have printed values. */
export function briefly({ frame: _frame, ...fault }: Fault): string {
  return formatFault(fault)
}

/**
 * The line before, the line itself and a caret below the column.
 * @param text the whole source
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
  // Tabs stay tabs, so that the caret stands where the terminal puts the text.
  const pad = (lines[line - 1] ?? '').slice(0, column - 1).replace(/[^\t]/g, ' ')
  out.push(`  ${' '.repeat(width)} | ${pad}^`)
  return out.join('\n')
}
