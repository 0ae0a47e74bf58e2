// One keys file: its text to keys and values. YAML, JSON or TOML, by the file's extension.
//
// Maps become paths, lists /0, /1, ...; a name may itself be a path (`/services/web/n1: x`).
// Scalars are printed as confd prints them: integers in full, booleans as true and false, floats
// the shortest way without an exponent (Go's FormatFloat 'f', -1), TOML dates as they are written.
// A null says nothing: the key is not there, as in confd.
import { extname } from 'node:path'
import { codeFrame, FaultError, type Fault } from '../../core/fault.ts'
import { joinKeys, type Key } from '../../core/key.ts'
import { JsonError, parseJson } from './json.ts'

export const extensions: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json', '.toml'])

/** What a parser found wrong. `at` counts UTF-16 units from the start of the text. */
class SyntaxFault extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message)
  }
}

/** Throws a FaultError with file, line, column and a frame in which the values are hidden. */
export async function parseKeys(file: string, text: string): Promise<ReadonlyMap<Key, string>> {
  try {
    const entries = new Map<Key, string>()
    flatten(await parse(extname(file).toLowerCase(), text), '/', entries)
    return entries
  } catch (error) {
    throw new FaultError(toFault(file, text, error))
  }
}

/** The parsers are loaded when the first file of their kind is read: a start pays for one. */
async function parse(extension: string, text: string): Promise<unknown> {
  if (extension === '.json') return parseJson(text)
  if (extension === '.toml') {
    const toml = await import('smol-toml')
    return toml.parse(text, { integersAsBigInt: true })
  }
  return parseYaml(text)
}

async function parseYaml(text: string): Promise<unknown> {
  const { isScalar, parseDocument, visit } = await import('yaml')
  // The library's own search for doubles is quadratic; ours, below, is not.
  const document = parseDocument(text, {
    intAsBigInt: true,
    merge: true,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  })
  const [error] = document.errors
  if (error?.code === 'MULTIPLE_DOCS') {
    throw new SyntaxFault(
      'a second document begins here; put it into a file of its own',
      error.pos[0],
    )
  }
  if (error !== undefined) throw new SyntaxFault(error.message, error.pos[0])
  visit(document, {
    Map(_, map) {
      const names = new Set<unknown>()
      for (const { key } of map.items) {
        if (!isScalar(key)) throw new SyntaxFault('a name must be plain text', map.range?.[0] ?? 0)
        const name = String(key.value)
        if (name !== '<<' && names.has(name)) {
          throw new SyntaxFault('this name is in the map twice', key.range?.[0] ?? 0)
        }
        names.add(name)
      }
    },
  })
  return document.toJS({ mapAsMap: true })
}

function flatten(value: unknown, key: Key, entries: Map<Key, string>): void {
  if (value === null || value === undefined) return
  if (Array.isArray(value)) {
    value.forEach((item, index) => flatten(item, joinKeys(key, String(index)), entries))
  } else if (value instanceof Map) {
    for (const [name, item] of value) flatten(item, joinKeys(key, String(name)), entries)
  } else if (value instanceof Date) {
    entries.set(key, value.toISOString())
  } else if (typeof value === 'object') {
    for (const [name, item] of Object.entries(value)) flatten(item, joinKeys(key, name), entries)
  } else if (key === '/') {
    throw new SyntaxFault('the file must hold a map of names and values', 0)
  } else if (typeof value === 'number') {
    entries.set(key, formatFloat(value))
  } else if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') {
    entries.set(key, String(value))
  }
}

/** As Go's strconv.FormatFloat(value, 'f', -1, 64): the shortest digits that mean this number. */
function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value < 0 ? '-Inf' : '+Inf'
  if (Object.is(value, -0)) return '-0'
  const [digits = '', exponent] = String(value).split('e')
  if (exponent === undefined) return digits
  const sign = digits.startsWith('-') ? '-' : ''
  const [whole = '', fraction = ''] = digits.replace('-', '').split('.')
  const point = whole.length + Number(exponent)
  const all = whole + fraction
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${all}`
  return `${sign}${all.padEnd(point, '0')}`
}

function toFault(file: string, text: string, error: unknown): Fault {
  const [line, column] = position(text, error)
  // smol-toml's message ends in a block of source text: only its first line is ours to repeat.
  const message = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
  return {
    kind: 'store',
    message: message.replace(/^Invalid TOML document: /, ''),
    file,
    line,
    column,
    frame: codeFrame(hideValues(text, line), line, column),
    permanent: true,
  }
}

function position(text: string, error: unknown): [line: number, column: number] {
  if (error instanceof SyntaxFault || error instanceof JsonError) {
    const before = text.slice(0, error.at).split('\n')
    return [before.length, (before.at(-1)?.length ?? 0) + 1]
  }
  const { line, column } = error as { line?: unknown; column?: unknown }
  return [typeof line === 'number' ? line : 1, typeof column === 'number' ? column : 1]
}

const name =
  /^\s*(?:- )*(?:(?:"[^"]*"|'[^']*'|[^\s:"'=]+)\s*:(?=\s|$)|[\w.-]+\s*=(?=\s*[^\s=])|\[[\w.-]+\])/

/** Values are secrets: the frame keeps names and punctuation, and shows a star for every other character. */
function hideValues(text: string, line: number): string {
  return text
    .split('\n')
    .slice(0, line)
    .map((source, index) => {
      if (index < line - 2) return ''
      const kept = name.exec(source)?.[0] ?? ''
      return kept + source.slice(kept.length).replace(/[\p{L}\p{N}]/gu, '*')
    })
    .join('\n')
}
