// Parses a TOML file and keeps positions, so that every fault can point at the text in question.
import { parse, TomlError } from 'smol-toml'
import { codeFrame, type Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { scanPositions, type Positions, type TomlPath } from './positions.ts'

export interface TomlPlace {
  /** 1-based. */
  readonly line: number
  /** 1-based, in UTF-16 units. */
  readonly column: number
}

export class TomlDocument {
  readonly #positions: Positions

  constructor(
    /** The file's path, for messages. */
    readonly file: string,
    private readonly text: string,
    readonly data: Readonly<Record<string, unknown>>,
  ) {
    this.#positions = scanPositions(text)
  }

  /** The position of a key or value, or of the nearest ancestor of a missing path. */
  place(path: TomlPath, part: 'key' | 'value' = 'key'): TomlPlace {
    for (let length = path.length; length > 0; length--) {
      const found = this.#positions.at(path.slice(0, length))
      if (found !== undefined)
        return positionAt(this.text, found[length === path.length ? part : 'key'])
    }
    return { line: 1, column: 1 }
  }

  /** A fault that points at a key or at its value. */
  fault(path: TomlPath, part: 'key' | 'value', message: string, hint?: string): Fault {
    return pointAt(this.file, this.text, this.place(path, part), message, hint)
  }
}

/** The members of a document that are needed to read its entries. */
export type TomlEntries = Pick<TomlDocument, 'data' | 'fault'>

/** Parses TOML. A syntax error becomes a fault with its position. Never throws. */
export function parseTomlDocument(file: string, source: string): Result<TomlDocument, Fault> {
  const text = source.replace(/^\uFEFF/, '')
  try {
    return ok(new TomlDocument(file, text, parse(text)))
  } catch (error) {
    if (!(error instanceof TomlError)) {
      const reason = error instanceof Error ? error.message : String(error)
      return err({ kind: 'config', message: `cannot parse TOML: ${reason}`, file })
    }
    const reason = reasonOf(error, text)
    const line = text.split('\n')[error.line - 1] ?? ''
    return err(pointAt(file, text, error, `TOML syntax: ${reason}`, syntaxHint(reason, line)))
  }
}

function reasonOf(error: TomlError, text: string): string {
  const reason = error.message.split('\n', 1)[0]?.replace('Invalid TOML document: ', '') ?? ''
  const line = text.split('\n')[error.line - 1] ?? ''
  const isAtEnd = error.column > line.trimEnd().length
  return isAtEnd && reason.includes('control characters') ? 'this string is not closed' : reason
}

/**
 * Hints for the most common mistakes, in addition to smol-toml's message.
 * @param line the line at fault
 */
function syntaxHint(reason: string, line: string): string {
  if (/[“”„‘’]/.test(line)) return 'replace the typographic quotes with " or \''
  if (/^\s*\[[^\]]*$/.test(line)) return 'close the name of the table with ], as in [template]'
  if (/^\s*[\w-]+\s*:/.test(line)) return 'write key = value in TOML, not key: value'
  if (reason.includes('redefine')) {
    return 'remove the second definition, or write several templates in one file as [[template]]'
  }
  if (/=\s*(#.*)?$/.test(line))
    return 'write the value on the same line, as in keys = ["/services/web"]'
  if (/=\s*(true|false|yes|no|on|off)\b/i.test(line) && /invalid value/.test(reason))
    return 'write true or false, in lower case'
  if (reason.includes('end-of-line'))
    return 'remove the text after the value, or put # before it if it is a comment'
  if (reason.includes('not closed') || reason.includes('unfinished string')) {
    return 'add a closing "; multi-line text goes between """ and """'
  }
  if (/invalid value|unfinished string|unfinished numeric|numeric literal/.test(reason)) {
    return 'put text in quotes, as in dest = "/etc/haproxy/haproxy.cfg"'
  }
  if (reason.includes('leading zero')) return 'write a mode in quotes: mode = "0644"'
  if (reason.includes('escape'))
    return "write a backslash as \\\\, or put the text in 'single quotes'"
  if (/array|comma|structure/.test(reason)) return 'look for a missing comma or closing bracket'
  return 'write each line as key = value, [table] or a # comment; see https://toml.io'
}

function positionAt(text: string, offset: number): TomlPlace {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

function pointAt(
  file: string,
  text: string,
  { line, column }: TomlPlace,
  message: string,
  hint: string | undefined,
): Fault {
  const frame = codeFrame(conceal(text), line, column)
  return {
    kind: 'config',
    message,
    ...(hint === undefined ? {} : { hint }),
    file,
    line,
    column,
    frame,
  }
}

/** Matches entries that may contain secrets, including those with misspelled names, which are reported as unknown. */
const secretEntry =
  /([\w-]*(?:pas+|p\w?s+w|pwd|secr|tok|cred|auth)[\w-]*["']?[ \t]*=[ \t]*)("""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|[^\n]*)/gi

/** Removes credentials from the quoted lines, because faults are logged. Keeps the number of lines. */
function conceal(text: string): string {
  return text
    .replace(
      secretEntry,
      (_, key: string, value: string) => key + value.replace(/[^\r\n]+/g, '***'),
    )
    .replace(/(:\/\/[^\s/@:]*:)[^\s/@]+(?=@)/g, '$1***')
}
