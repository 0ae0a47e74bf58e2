// Checks one table of a TOML file against a table of keys and collects all faults.
import type { Fault } from '../core/fault.ts'
import type { Limit } from '../core/resource.ts'
import { nearest } from './nearest.ts'
import type { TomlPath } from './positions.ts'
import type { KeySpec } from './schema.ts'
import type { TomlDocument } from './toml.ts'
import { describeType, durationFrom, limitFrom, parseMode } from './values.ts'

type Types = {
  string: string
  delimiter: string
  strings: readonly string[]
  id: number
  boolean: boolean
  mode: number
  duration: number
  count: number
  limit: Limit
  choice: string
  words: string | readonly string[]
  table: Readonly<Record<string, unknown>>
  tables: readonly Readonly<Record<string, unknown>>[]
  'one or more': readonly string[]
}
type KeyValueType<S extends KeySpec> = S extends { readonly choices: readonly (infer C)[] }
  ? C
  : Types[S['type']]

/** A checked table. Empty strings and an id of -1 count as unset, as in confd. */
export type TableOf<K extends Readonly<Record<string, KeySpec>>> = {
  readonly [N in keyof K]?: KeyValueType<K[N]>
}

/** Renames keys that differ from a known name only in case, because confd ignores case. */
export function withKnownCase(
  table: Readonly<Record<string, unknown>>,
  known: readonly string[],
): Record<string, unknown> {
  const renamed = Object.entries(table).map(([key, value]) => {
    const name = key.toLowerCase()
    const isFree = table[name] === undefined && known.includes(name)
    return [isFree ? name : key, value] as const
  })
  return Object.fromEntries(renamed)
}

/**
 * Adds every fault of the table at `path` to `faults`; returns the valid entries. Keys ignore case, as in confd.
 * @param hintFor returns a special hint for an unknown key, instead of the nearest name
 */
export function readTable<const K extends Readonly<Record<string, KeySpec>>>(
  document: Pick<TomlDocument, 'fault'>,
  path: TomlPath,
  table: Readonly<Record<string, unknown>>,
  keys: K,
  faults: Fault[],
  hintFor?: (key: string) => string | undefined,
): TableOf<K> {
  const values: Record<string, unknown> = {}
  const specs = new Map<string, KeySpec>(Object.entries(keys))
  const canonical = new Map(
    [...specs].flatMap(([key, { aliases = [] }]) => [key, ...aliases].map((alias) => [alias, key])),
  )
  const found = new Map<string, unknown>()
  for (const [key, value] of Object.entries(table)) {
    const name = canonical.get(key) ?? canonical.get(key.toLowerCase()) ?? key
    const spec = specs.get(name)
    if (spec === undefined) {
      const hint = hintFor?.(key) ?? hintAmong(key, [...specs.keys()])
      faults.push(document.fault([...path, key], 'key', `unknown key ${key}`, hint))
      continue
    }
    if (name !== key && (table[name] !== undefined || found.has(name))) {
      const message = `${key} and ${name} are the same key, and both are set`
      faults.push(document.fault([...path, key], 'key', message, `keep ${name}`))
      continue
    }
    found.set(name, value)
    const read = readValue(key, spec, value)
    if ('fault' in read) {
      const at = read.index === undefined ? [...path, key] : [...path, key, read.index]
      faults.push(document.fault(at, 'value', read.fault, read.hint))
    } else if (read.value !== undefined) {
      values[name] = read.value
    }
  }
  for (const [key, spec] of specs) {
    const value = found.get(key)
    if (spec.required === true && (value === undefined || value === '')) {
      const isEmpty = value === ''
      const message = isEmpty ? `${key} is empty` : `${key} is missing`
      const at = isEmpty ? [...path, key] : path
      faults.push(document.fault(at, isEmpty ? 'value' : 'key', message, examples[key]))
    }
  }
  return values as TableOf<K>
}

/** If there are more keys than this, a hint refers to a command instead of listing the keys. */
const FEW = 8

function hintAmong(key: string, known: readonly string[]): string {
  const near = nearest(key, known)
  if (near !== undefined) return `did you mean ${near}?`
  return known.length > FEW ? ALL_KEYS : `use one of ${known.join(', ')}`
}

export const ALL_KEYS = 'run "reconfd schema resource" to list all keys'

const examples: Readonly<Record<string, string>> = {
  src: 'set src to the template, as in src = "haproxy.cfg.njk"',
  dest: 'set dest to the file to write, as in dest = "/etc/haproxy/haproxy.cfg"',
}

/** Formats a value for a message. TOML allows infinities and NaN, which JSON does not support. */
const quoteValue = (value: string | number): string =>
  typeof value === 'string' ? JSON.stringify(value) : String(value)

/** The number of an owner has a key of its own, and a command is one string, as for a shell. */
function stringHint(key: string, value: unknown): string | undefined {
  if (Number.isInteger(value) && key === 'owner') return `write uid = ${String(value)}`
  return Array.isArray(value) ? `write one string, as in ${key} = "..."` : undefined
}

type ReadResult =
  | { readonly value: unknown }
  | { readonly fault: string; readonly hint?: string; readonly index?: number }

function readValue(key: string, spec: KeySpec, value: unknown): ReadResult {
  const wanted = (type: string, hint?: string): ReadResult => ({
    fault: `${key} must be ${type}, not ${describeType(value)}`,
    ...(hint === undefined ? {} : { hint }),
  })
  switch (spec.type) {
    case 'string':
      if (typeof value !== 'string') return wanted('a string', stringHint(key, value))
      if (value.includes('\0')) return { fault: `${key} contains a NUL character` }
      return { value: value === '' ? undefined : value }
    case 'delimiter':
      if (typeof value !== 'string') return wanted('a string', `write it as in ${key} = "[["`)
      if (value === '') return { fault: `${key} is empty`, hint: 'remove it to use the default' }
      return value.includes('\0') ? { fault: `${key} contains a NUL character` } : { value }
    case 'strings': {
      if (!Array.isArray(value))
        return wanted('an array of strings', `write it as in ${key} = ["/services/web"]`)
      const index = value.findIndex((item) => typeof item !== 'string')
      if (index < 0) return { value }
      return { fault: `${key} must contain strings, not ${describeType(value[index])}`, index }
    }
    case 'words': {
      const words: readonly unknown[] = Array.isArray(value) ? value : [value]
      if (words.some((word) => typeof word !== 'string'))
        return wanted('a string or an array of strings')
      if (words.some((word) => (word as string).includes('\0')))
        return { fault: `${key} contains a NUL character` }
      return { value: value === '' ? undefined : value }
    }
    case 'one or more':
      if (Array.isArray(value)) return readValue(key, { ...spec, type: 'strings' }, value)
      return typeof value === 'string'
        ? { value: [value] }
        : wanted('a string, or an array of strings')
    case 'boolean':
      return typeof value === 'boolean' ? { value } : wanted('true or false')
    case 'id':
      if (!Number.isInteger(value)) {
        const isNumber = typeof value === 'string' && /^\d+$/.test(value)
        const name = key === 'uid' ? 'owner' : 'group'
        const hint = isNumber ? `write ${key} = ${value}` : `for a name, write ${name} = "..."`
        return wanted('an integer', hint)
      }
      if (value === -1) return { value: undefined }
      // chown(2) reads 2^32 - 1 as -1, "leave unchanged".
      if ((value as number) >= 0 && (value as number) < 2 ** 32 - 1) return { value }
      return {
        fault: `${key}: ${String(value)} is out of range`,
        hint: 'set an id from 0 to 4294967294, or -1 for unset',
      }
    case 'mode': {
      const hint = 'write octal digits in quotes, as in mode = "0644"'
      if (typeof value !== 'string') return wanted('a string', hint)
      if (value === '') return { value: undefined }
      const mode = parseMode(value)
      return mode.ok ? mode : { fault: `${key}: "${value}" is not ${mode.error}`, hint }
    }
    case 'duration': {
      if (typeof value !== 'number' && typeof value !== 'string') return wanted('a duration')
      const parsed = durationFrom(value, spec.least)
      return parsed.ok ? parsed : { fault: `${key}: ${quoteValue(value)} is not ${parsed.error}` }
    }
    case 'count': {
      if (!Number.isInteger(value)) return wanted('an integer')
      const least = spec.least ?? 0
      return (value as number) >= least ? { value } : { fault: `${key} must be at least ${least}` }
    }
    case 'limit': {
      const parsed = limitFrom(value)
      if (parsed.ok) return parsed
      return typeof value === 'string' || typeof value === 'number'
        ? { fault: `${key}: ${quoteValue(value)} is not ${parsed.error}` }
        : wanted(parsed.error)
    }
    case 'choice': {
      const choices = spec.choices ?? []
      if (typeof value !== 'string') return wanted('a string')
      if (value === '') return { value: undefined }
      const synonym = Object.entries(spec.synonyms ?? {}).find(([other]) => other === value)?.[1]
      if (synonym !== undefined) return { value: synonym }
      if (choices.includes(value)) return { value }
      const near = nearest(value, choices)
      const fault = `${key}: "${value}" is not ${choices.map((one) => `"${one}"`).join(' or ')}`
      return near === undefined ? { fault } : { fault, hint: `did you mean "${near}"?` }
    }
    case 'table':
      return describeType(value) === 'a table'
        ? { value }
        : wanted('a table', `write [template.${key}] on a line of its own`)
    case 'tables': {
      const hint = `write [[template.guard.${key}]] on a line of its own`
      if (!Array.isArray(value)) return wanted('an array of tables', hint)
      const index = value.findIndex((item) => describeType(item) !== 'a table')
      if (index < 0) return { value }
      return { fault: `${key} must contain tables, not ${describeType(value[index])}`, hint, index }
    }
  }
}
