// A TOML file read with its positions kept, so that every fault can point at the text it is about.
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

  /** Where a key, or its value, stands; of a path that is not there: its nearest ancestor. */
  place(path: TomlPath, part: 'key' | 'value' = 'key'): TomlPlace {
    for (let length = path.length; length > 0; length--) {
      const found = this.#positions.at(path.slice(0, length))
      if (found !== undefined)
        return placeOf(this.text, found[length === path.length ? part : 'key'])
    }
    return { line: 1, column: 1 }
  }

  /** A fault that points at a key or at its value. */
  fault(path: TomlPath, part: 'key' | 'value', message: string, hint?: string): Fault {
    return pointAt(this.file, this.text, this.place(path, part), message, hint)
  }
}

/** What those who read entries need of a document. */
export type Entries = Pick<TomlDocument, 'data' | 'fault'>

/** Parses; a syntax error becomes a fault with its place. Throws nothing. */
export function parseToml(file: string, source: string): Result<TomlDocument, Fault> {
  const text = source.replace(/^\uFEFF/, '')
  try {
    return ok(new TomlDocument(file, text, parse(text)))
  } catch (error) {
    if (!(error instanceof TomlError)) {
      const reason = error instanceof Error ? error.message : String(error)
      return err({ kind: 'config', message: `TOML cannot be read: ${reason}`, file })
    }
    const reason = reasonOf(error, text)
    return err(pointAt(file, text, error, `TOML syntax: ${reason}`, syntaxHint(reason)))
  }
}

function reasonOf(error: TomlError, text: string): string {
  const told = error.message.split('\n', 1)[0]?.replace('Invalid TOML document: ', '') ?? ''
  const line = text.split('\n')[error.line - 1] ?? ''
  const isAtEnd = error.column > line.trimEnd().length
  return isAtEnd && told.includes('control characters') ? 'this string is not closed' : told
}

/** What to do about the mistakes people make most; smol-toml's own words tell the rest. */
function syntaxHint(reason: string): string {
  if (reason.includes('redefine')) {
    return 'the key or table is there twice; several templates in one file are written [[template]]'
  }
  if (reason.includes('not closed') || reason.includes('unfinished string')) {
    return 'put a " at its end; text over several lines stands between """ and """'
  }
  if (/invalid value|unfinished string|unfinished numeric|numeric literal/.test(reason)) {
    return 'text stands in quotes, as in dest = "/etc/haproxy/haproxy.cfg"'
  }
  if (reason.includes('leading zero')) return 'a mode is written in quotes: mode = "0644"'
  if (reason.includes('escape'))
    return "a backslash is written \\\\, or the text put in 'single quotes'"
  if (/array|comma|structure/.test(reason)) return 'look for a missing comma or closing bracket'
  return 'a line is key = value, [table], or a # comment; see https://toml.io'
}

function placeOf(text: string, offset: number): TomlPlace {
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

/** Names that may be those of secrets, misspelled ones too: it is they that are told as unknown. */
const secretEntry =
  /([\w-]*(?:pas+|p\w?s+w|pwd|secr|tok|cred|auth)[\w-]*["']?[ \t]*=[ \t]*)("""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|[^\n]*)/gi

/** Credentials are left out of the frames: faults are logged as they are. Lines stay lines. */
function conceal(text: string): string {
  return text
    .replace(
      secretEntry,
      (_, key: string, value: string) => key + value.replace(/[^\r\n]+/g, '***'),
    )
    .replace(/(:\/\/[^\s/@:]*:)[^\s/@]+(?=@)/g, '$1***')
}
