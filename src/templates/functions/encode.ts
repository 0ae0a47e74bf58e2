// Encodes plain values as JSON, byte for byte like Go's encoding/json: sorts keys, escapes `<`, `>`, `&` and the line
// separators, and uses Go's names for the fields of pairs.
import { compareText } from '../../core/key.ts'
import { raise } from '../../core/fault.ts'
import { Srv } from './net.ts'
import { Pair } from './pair.ts'
import { typeInWords, isMap } from './params.ts'
import { TemplateRecord } from './record.ts'
import { Moment } from './time.ts'

/** Returns the JSON. @param line the start of each line: a newline and the current indent; absent for compact output */
export function encode(value: unknown, line?: string): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'string' || value instanceof String) return quoted(String(value))
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) raise('template', `toJson: ${value} is not a JSON number`)
    return Object.is(value, -0) ? '-0' : String(value)
  }
  if (value instanceof Moment) return quoted(value.toJSON())
  const deeper = line === undefined ? undefined : `${line}  `
  if (Array.isArray(value)) {
    const items = value.map((item) => encode(item, deeper))
    return block('[', items, ']', line)
  }
  const colon = line === undefined ? ':' : ': '
  const members = membersOf(value).map(([key, item]) => quoted(key) + colon + encode(item, deeper))
  return block('{', members, '}', line)
}

/**
 * Converts a value to plain objects, lists and scalars, for the encoders of other formats.
 * @param name the calling function, for messages
 */
export function plainOf(name: string, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || value instanceof String) return String(value).toWellFormed()
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') {
    return value
  }
  if (value instanceof Moment) return value.toJSON()
  if (Array.isArray(value)) return value.map((item) => plainOf(name, item))
  const plain = Object.create(null) as Record<string, unknown>
  for (const [key, item] of membersOf(value, name)) plain[key.toWellFormed()] = plainOf(name, item)
  return plain
}

function membersOf(value: unknown, name = 'toJson'): readonly (readonly [string, unknown])[] {
  if (value instanceof Pair) return Object.entries({ Key: value.key, Value: value.value })
  if (value instanceof TemplateRecord) return value.members
  if (value instanceof Srv) {
    const { Target, Port, Priority, Weight } = value
    return Object.entries({ Target, Port, Priority, Weight })
  }
  if (isMap(value)) return Object.entries(value).sort(([a], [b]) => compareText(a, b))
  const format = name.slice(2).toUpperCase()
  return raise('template', `${name}: ${typeInWords(value)} has no ${format} form`)
}

function block(
  open: string,
  items: readonly string[],
  close: string,
  line: string | undefined,
): string {
  if (line === undefined || items.length === 0) return open + items.join(',') + close
  return `${open}${line}  ${items.join(`,${line}  `)}${line}${close}`
}

/** A JSON string. Invalid bytes, which core/bytes.ts represents by lone surrogates, become U+FFFD. */
export const goJsonString = (text: string): string =>
  JSON.stringify(text).replace(/\\(?:u(d[89a-f]..)|.)/g, (escape, surrogate) =>
    surrogate ? '\\ufffd' : escape,
  )

const quoted = (text: string): string =>
  goJsonString(text).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
