// Parses a keys file as YAML, JSON or TOML, according to the extension of the file.
//
// The names in nested maps become paths, and the items of a list become /0, /1, and so on. A name may itself be a path
// (`/services/web/n1: x`). Scalars are printed as in confd: integers in full, booleans as true and false, floats in the
// shortest form without an exponent (Go's FormatFloat 'f', -1), and TOML dates as written. A null means that the key
// does not exist.
import { extname } from 'node:path'
import { codeFrame, FaultError, type Fault } from '../../core/fault.ts'
import { entryOf, isEntry, joinKeys, type Key } from '../../core/key.ts'
import { SyntaxFault } from '../../core/syntax.ts'

export const extensions: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json', '.toml'])

/** Throws a FaultError with the file, the line, the column, and a frame (an excerpt) in which values are hidden. */
export async function parseKeys(file: string, text: string): Promise<ReadonlyMap<Key, string>> {
  try {
    const entries = new Map<Key, string>()
    flatten(await parse(extname(file).toLowerCase(), text), '/', entries)
    return entries
  } catch (error) {
    const wrong = error instanceof RangeError ? tooDeep : error
    throw wrong instanceof SyntaxFault ? new FaultError(toFault(file, text, wrong)) : wrong
  }
}

/** Replaces a RangeError: the parsers are recursive, so deep nesting exhausts the stack. */
const tooDeep = new SyntaxFault('the file nests its maps or lists too deeply', 1, 1)

/** Loads only the parser that is needed. */
async function parse(extension: string, text: string): Promise<unknown> {
  if (extension === '.json') return (await import('../../core/json.ts')).parseJson(text)
  if (extension === '.toml') return (await import('./toml.ts')).parseToml(text)
  return (await import('./yaml.ts')).parseYaml(text)
}

export function flatten(value: unknown, key: Key, entries: Map<Key, string>): void {
  if (value === null || value === undefined) return
  if (Array.isArray(value) && key !== '/') {
    value.forEach((item, index) => flatten(item, joinKeys(key, String(index)), entries))
  } else if (value instanceof Map) {
    for (const [name, item] of value) {
      const below = joinKeys(key, String(name))
      // `/dir/` is an entry (see the glossary), as `reconfd snapshot` writes it.
      const isDirEntry = typeof name === 'string' && name.startsWith('/') && isEntry(name)
      if (isDirEntry && typeof item === 'string') entries.set(entryOf(below), item)
      else flatten(item, below, entries)
    }
  } else if (value instanceof Date) {
    entries.set(key, value.toISOString())
  } else if (typeof value === 'object' && !Array.isArray(value)) {
    for (const [name, item] of Object.entries(value)) flatten(item, joinKeys(key, name), entries)
  } else if (key === '/') {
    throw new SyntaxFault('the file must contain a map of names and values', 1, 1)
  } else if (typeof value === 'number') {
    entries.set(key, formatFloat(value))
  } else if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') {
    entries.set(key, String(value))
  }
}

/** Formats like Go's strconv.FormatFloat(value, 'f', -1, 64): with the fewest digits that represent this number. */
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

function toFault(file: string, text: string, { message, line, column }: SyntaxFault): Fault {
  const frame = codeFrame(hideValues(text, line), line, column)
  const hint = 'correct the file; values are shown as stars here'
  return { kind: 'store', message, hint, file, line, column, frame, permanent: true }
}

const name =
  /^\s*(?:- )*(?:(?:"[^"]*"|'[^']*'|[^\s:"'=]+)\s*:(?=\s|$)|[\w.-]+\s*=(?=\s*[^\s=])|\[[\w.-]+\])/

/**
 * Keeps the names and the punctuation of the frame. Replaces every other letter and digit with a star, because values
 * are secrets.
 */
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
