// Parses and writes JSON like encoding/json: with sorted keys, numbers as float64, and escapes for `<`, `>` and `&`.
import { brokenAt } from '../../../core/json.ts'
import { fromBinary } from '../../bytes.ts'
import { goFunction } from '../builtins.ts'
import { ANY, ANY_MAP, ANY_SLICE, STRING } from '../types.ts'
import { isAscii, RUNE_ERROR, runes } from '../utf8.ts'
import type { Func } from '../values.ts'
import {
  CallError,
  fromJson,
  GoMap,
  Integer,
  Opaque,
  Pointer,
  Slice,
  Struct,
  typeName,
  type Value,
} from '../values.ts'

/** Parses JSON. Messages contain the position, never the text, which may be a secret. */
function parse(source: Value): Value {
  const text = fromBinary(source as string).toWellFormed()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const at = brokenAt(text)
    const place = at === undefined ? '' : ` at character ${at + 1}`
    throw new CallError(
      text.trim() === '' || at === text.length
        ? 'unexpected end of JSON input'
        : `the text is not valid JSON${place}`,
    )
  }
  return finite(fromJson(value))
}

/** Refuses numbers beyond float64, which are an error in Go but become infinite in JavaScript. */
function finite(value: Value): Value {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new CallError('json: cannot unmarshal number into Go value of type float64')
  }
  if (value instanceof Slice) value.items().forEach(finite)
  if (value instanceof GoMap) value.entries?.forEach(finite)
  return value
}

function object(source: Value): Value {
  const value = parse(source)
  if (value === null) return new GoMap(ANY_MAP, null)
  if (value instanceof GoMap) return value
  throw new CallError(
    `json: cannot unmarshal ${jsonKind(value)} into Go value of type ${ANY_MAP.name}`,
  )
}

function array(source: Value): Value {
  const value = parse(source)
  if (value === null) return new Slice(ANY_SLICE, null)
  if (value instanceof Slice) return value
  throw new CallError(
    `json: cannot unmarshal ${jsonKind(value)} into Go value of type ${ANY_SLICE.name}`,
  )
}

function jsonKind(value: Value): string {
  if (value instanceof GoMap) return 'object'
  if (value instanceof Slice) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

const ESCAPED: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

// In a binary string, U+2028 and U+2029 are three bytes each.
function quoted(bytes: string): string {
  const { text, marks } = escapeInvalid(bytes)
  const escaped = text.replace(
    /["\\\0-\x1f<>&]|\xe2\x80[\xa8\xa9]/g,
    (c) =>
      ESCAPED[c] ??
      `\\u${(c.length === 1 ? c.charCodeAt(0) : 0x2000 + (c.charCodeAt(2) - 0x80)).toString(16).padStart(4, '0')}`,
  )
  // The mark is not a byte, so the text itself cannot contain it.
  return `"${marks ? escaped.replaceAll('\uffff', '\\ufffd') : escaped}"`
}

const strict = new TextDecoder('utf-8', { fatal: true })

/** Replaces each invalid byte with the mark U+FFFF. Call before the other escapes. */
function escapeInvalid(bytes: string): { text: string; marks: boolean } {
  if (isAscii(bytes)) return { text: bytes, marks: false }
  try {
    strict.decode(Buffer.from(bytes, 'latin1'))
    return { text: bytes, marks: false }
  } catch {
    let text = ''
    for (const { rune, width, at } of runes(bytes)) {
      text += rune === RUNE_ERROR && width === 1 ? '\uffff' : bytes.slice(at, at + width)
    }
    return { text, marks: true }
  }
}

function number(value: number): string {
  if (!Number.isFinite(value)) throw new CallError(`json: unsupported value: ${value}`)
  // Like encoding/json, JavaScript writes the shortest form, without leading zeros in the exponent: 1e-7, 1e+21.
  return Object.is(value, -0) ? '-0' : String(value)
}

/** @param indent the beginning of each line; absent for compact output */
function write(value: Value, indent: string | undefined): string {
  if (value === null || value === undefined) return 'null'
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'number':
      return number(value)
  }
  if (value instanceof Integer) return String(value.value)
  if (value instanceof Pointer) return write(value.elem, indent)
  if (value instanceof Opaque && value.json !== undefined) return value.json()
  const deeper = indent === undefined ? undefined : `${indent}  `
  if (value instanceof Slice) {
    if (value.array === null) return 'null'
    return block(
      '[',
      value.items().map((item) => write(item, deeper)),
      ']',
      indent,
    )
  }
  const colon = indent === undefined ? ':' : ': '
  if (value instanceof GoMap) {
    if (value.entries === null) return 'null'
    const names = value.sortedKeys().map((key) => ({ key, name: String(key) }))
    if (value.type.key?.kind === 'bool')
      throw new CallError(`json: unsupported type: ${value.type.name}`)
    names.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    const members = names.map(
      ({ key, name }) => quoted(name) + colon + write(value.entries?.get(key), deeper),
    )
    return block('{', members, '}', indent)
  }
  if (value instanceof Struct) {
    const fields = value.type.fields ?? []
    const members = fields.map(
      (field, i) => quoted(field.name) + colon + write(value.values[i], deeper),
    )
    return block('{', members, '}', indent)
  }
  throw new CallError(`json: unsupported type: ${typeName(value)}`)
}

function block(
  open: string,
  items: readonly string[],
  close: string,
  indent: string | undefined,
): string {
  if (indent === undefined || items.length === 0) return open + items.join(',') + close
  const start = `\n${indent}  `
  return `${open}${start}${items.join(`,${start}`)}\n${indent}${close}`
}

export const goJsonFunctions: readonly (readonly [string, Func])[] = [
  ['json', goFunction([STRING], ANY_MAP, ([s]) => object(s))],
  ['jsonArray', goFunction([STRING], ANY_SLICE, ([s]) => array(s))],
  ['fromJson', goFunction([STRING], ANY, ([s]) => parse(s))],
  ['toJson', goFunction([ANY], STRING, ([value]) => write(value, undefined))],
  ['toPrettyJson', goFunction([ANY], STRING, ([value]) => write(value, ''))],
]
